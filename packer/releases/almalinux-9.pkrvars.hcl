# Never fetched where this was written: the dated name may have gone from the vendor's server by now. Take a newer one
# from the same folder; the checksum then comes from the list beside it.
release = "almalinux-9"
backend = "iptables"

base_image          = "https://repo.almalinux.org/almalinux/9/cloud/x86_64/images/AlmaLinux-9-GenericCloud-9.7-20251118.x86_64.qcow2"
base_image_checksum = "file:https://repo.almalinux.org/almalinux/9/cloud/x86_64/images/CHECKSUM"

cloud_images = {
  login           = "ec2-user"
  aws_owner       = "764336703387"
  aws_name        = "AlmaLinux OS 9.*x86_64*"
  google_family   = "almalinux-9"
  azure_publisher = "almalinux"
  azure_offer     = "almalinux-x86_64"
  azure_sku       = "9-gen2"
  digitalocean    = "almalinux-9-x64"
  hcloud          = "alma-9"
  openstack       = "AlmaLinux-9-GenericCloud-9.7-20251118.x86_64"
}
