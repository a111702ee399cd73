# Never fetched where this was written: the dated name may have gone from the vendor's server by now. Take a newer one
# from the same folder; the checksum then comes from the list beside it.
release = "centos-stream-9"
backend = "iptables"

base_image          = "https://cloud.centos.org/centos/9-stream/x86_64/images/CentOS-Stream-GenericCloud-9-20251223.0.x86_64.qcow2"
base_image_checksum = "file:https://cloud.centos.org/centos/9-stream/x86_64/images/CentOS-Stream-GenericCloud-9-20251223.0.x86_64.qcow2.SHA256SUM"

cloud_images = {
  login           = "ec2-user"
  aws_owner       = "125523088429"
  aws_name        = "CentOS Stream 9 x86_64 *"
  google_family   = "centos-stream-9"
  azure_publisher = ""
  azure_offer     = ""
  azure_sku       = ""
  digitalocean    = "centos-stream-9-x64"
  hcloud          = "centos-stream-9"
  openstack       = "CentOS-Stream-GenericCloud-9-20251223.0.x86_64"
}
