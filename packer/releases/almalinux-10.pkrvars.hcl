# Never fetched where this was written: the dated name may have gone from the vendor's server by now. Take a newer one
# from the same folder; the checksum then comes from the list beside it.
release = "almalinux-10"
backend = "nftables"

base_image          = "https://repo.almalinux.org/almalinux/10/cloud/x86_64/images/AlmaLinux-10-GenericCloud-10.1-20251125.0.x86_64.qcow2"
base_image_checksum = "file:https://repo.almalinux.org/almalinux/10/cloud/x86_64/images/CHECKSUM"

cloud_images = {
  login           = "ec2-user"
  aws_owner       = "764336703387"
  aws_name        = "AlmaLinux OS 10.*x86_64*"
  google_family   = "almalinux-10"
  azure_publisher = "almalinux"
  azure_offer     = "almalinux-x86_64"
  azure_sku       = "10-gen2"
  digitalocean    = "almalinux-10-x64"
  hcloud          = "alma-10"
  openstack       = "AlmaLinux-10-GenericCloud-10.1-20251125.0.x86_64"
}
