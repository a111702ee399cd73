# Never fetched where this was written: the dated name may have gone from the vendor's server by now. Take a newer one
# from the same folder; the checksum then comes from the list beside it.
release = "rocky-10"
backend = "nftables"

base_image          = "https://dl.rockylinux.org/pub/rocky/10/images/x86_64/Rocky-10-GenericCloud-Base-10.1-20251116.0.x86_64.qcow2"
base_image_checksum = "file:https://dl.rockylinux.org/pub/rocky/10/images/x86_64/Rocky-10-GenericCloud-Base-10.1-20251116.0.x86_64.qcow2.CHECKSUM"

cloud_images = {
  login           = "rocky"
  aws_owner       = "792107900819"
  aws_name        = "Rocky-10-EC2-Base-*x86_64*"
  google_family   = "rocky-linux-10"
  azure_publisher = "resf"
  azure_offer     = "rockylinux-x86_64"
  azure_sku       = "10-base"
  digitalocean    = "rockylinux-10-x64"
  hcloud          = "rocky-10"
  openstack       = "Rocky-10-GenericCloud-Base-10.1-20251116.0.x86_64"
}
