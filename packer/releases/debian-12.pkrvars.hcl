# Never fetched where this was written: the dated name may have gone from the vendor's server by now. Take a newer one
# from the same folder; the checksum then comes from the list beside it.
release = "debian-12"
backend = "nftables"

base_image          = "https://cloud.debian.org/images/cloud/bookworm/20251112-2294/debian-12-genericcloud-amd64-20251112-2294.qcow2"
base_image_checksum = "file:https://cloud.debian.org/images/cloud/bookworm/20251112-2294/SHA512SUMS"

cloud_images = {
  login           = "admin"
  aws_owner       = "136693071363"
  aws_name        = "debian-12-amd64-*"
  google_family   = "debian-12"
  azure_publisher = "Debian"
  azure_offer     = "debian-12"
  azure_sku       = "12-gen2"
  digitalocean    = "debian-12-x64"
  hcloud          = "debian-12"
  openstack       = "debian-12-genericcloud-amd64-20251112-2294"
}
