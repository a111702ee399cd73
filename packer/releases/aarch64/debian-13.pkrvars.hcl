# After the release's own file. Never fetched, nor built, where this was written: see there.
architecture = "aarch64"

base_image          = "https://cloud.debian.org/images/cloud/trixie/20251117-2299/debian-13-genericcloud-arm64-20251117-2299.qcow2"
base_image_checksum = "file:https://cloud.debian.org/images/cloud/trixie/20251117-2299/SHA512SUMS"

qemu_binary  = "qemu-system-aarch64"
machine_type = "virt"
qemuargs     = [["-cpu", "max"], ["-bios", "/usr/share/qemu-efi-aarch64/QEMU_EFI.fd"]]

aws_instance_type   = "t4g.small"
google_machine_type = "c4a-standard-1"
azure_vm_size       = "Standard_B2pls_v2"
hcloud_server_type  = "cax11"

cloud_images = {
  login           = "admin"
  aws_owner       = "136693071363"
  aws_name        = "debian-13-arm64-*"
  google_family   = "debian-13-arm64"
  azure_publisher = "Debian"
  azure_offer     = "debian-13"
  azure_sku       = "13-arm64"
  digitalocean    = ""
  hcloud          = "debian-13"
  openstack       = "debian-13-genericcloud-arm64-20251117-2299"
}
