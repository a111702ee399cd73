# After the release's own file. Never fetched, nor built, where this was written: see there.
architecture = "aarch64"

base_image          = "https://dl.rockylinux.org/pub/rocky/9/images/aarch64/Rocky-9-GenericCloud-Base-9.6-20250531.0.aarch64.qcow2"
base_image_checksum = "file:https://dl.rockylinux.org/pub/rocky/9/images/aarch64/Rocky-9-GenericCloud-Base-9.6-20250531.0.aarch64.qcow2.CHECKSUM"

qemu_binary  = "qemu-system-aarch64"
machine_type = "virt"
qemuargs     = [["-cpu", "max"], ["-bios", "/usr/share/qemu-efi-aarch64/QEMU_EFI.fd"]]

aws_instance_type   = "t4g.small"
google_machine_type = "c4a-standard-1"
azure_vm_size       = "Standard_B2pls_v2"
hcloud_server_type  = "cax11"

cloud_images = {
  login           = "rocky"
  aws_owner       = "792107900819"
  aws_name        = "Rocky-9-EC2-Base-*aarch64*"
  google_family   = "rocky-linux-9-arm64"
  azure_publisher = "resf"
  azure_offer     = "rockylinux-aarch64"
  azure_sku       = "9-base"
  digitalocean    = ""
  hcloud          = "rocky-9"
  openstack       = "Rocky-9-GenericCloud-Base-9.6-20250531.0.aarch64"
}
