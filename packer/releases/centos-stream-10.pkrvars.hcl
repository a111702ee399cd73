# Never fetched where this was written: the dated name may have gone from the vendor's server by now. Take a newer one
# from the same folder; the checksum then comes from the list beside it.
release = "centos-stream-10"
backend = "nftables"

base_image          = "https://cloud.centos.org/centos/10-stream/x86_64/images/CentOS-Stream-GenericCloud-10-20250904.0.x86_64.qcow2"
base_image_checksum = "file:https://cloud.centos.org/centos/10-stream/x86_64/images/CentOS-Stream-GenericCloud-10-20250904.0.x86_64.qcow2.SHA256SUM"

cloud_images = {
  login           = "ec2-user"
  aws_owner       = "125523088429"
  aws_name        = "CentOS Stream 10 x86_64 *"
  google_family   = "centos-stream-10"
  azure_publisher = ""
  azure_offer     = ""
  azure_sku       = ""
  digitalocean    = "centos-stream-10-x64"
  hcloud          = "centos-stream-10"
  openstack       = "CentOS-Stream-GenericCloud-10-20250904.0.x86_64"
}
