# Never fetched where this was written: the dated name may have gone from the vendor's server by now. Take a newer one
# from the same folder; the checksum then comes from the list beside it.
release = "debian-13"
backend = "nftables"

base_image          = "https://cloud.debian.org/images/cloud/trixie/20251117-2299/debian-13-genericcloud-amd64-20251117-2299.qcow2"
base_image_checksum = "file:https://cloud.debian.org/images/cloud/trixie/20251117-2299/SHA512SUMS"

cloud_images = {
  login           = "admin"
  aws_owner       = "136693071363"
  aws_name        = "debian-13-amd64-*"
  google_family   = "debian-13"
  azure_publisher = "Debian"
  azure_offer     = "debian-13"
  azure_sku       = "13-gen2"
  digitalocean    = "debian-13-x64"
  hcloud          = "debian-13"
  openstack       = "debian-13-genericcloud-amd64-20251117-2299"
}
