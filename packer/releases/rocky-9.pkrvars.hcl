# Never fetched where this was written: the dated name may have gone from the vendor's server by now. Take a newer one
# from the same folder; the checksum then comes from the list beside it.
release = "rocky-9"
backend = "iptables"

base_image          = "https://dl.rockylinux.org/pub/rocky/9/images/x86_64/Rocky-9-GenericCloud-Base-9.6-20250531.0.x86_64.qcow2"
base_image_checksum = "file:https://dl.rockylinux.org/pub/rocky/9/images/x86_64/Rocky-9-GenericCloud-Base-9.6-20250531.0.x86_64.qcow2.CHECKSUM"

cloud_images = {
  login           = "rocky"
  aws_owner       = "792107900819"
  aws_name        = "Rocky-9-EC2-Base-*x86_64*"
  google_family   = "rocky-linux-9"
  azure_publisher = "resf"
  azure_offer     = "rockylinux-x86_64"
  azure_sku       = "9-base"
  digitalocean    = "rockylinux-9-x64"
  hcloud          = "rocky-9"
  openstack       = "Rocky-9-GenericCloud-Base-9.6-20250531.0.x86_64"
}
