# After the release's own file. Never fetched, nor built, where this was written: see there.
architecture = "aarch64"

base_image          = "https://repo.almalinux.org/almalinux/9/cloud/aarch64/images/AlmaLinux-9-GenericCloud-9.7-20251118.aarch64.qcow2"
base_image_checksum = "file:https://repo.almalinux.org/almalinux/9/cloud/aarch64/images/CHECKSUM"

qemu_binary  = "qemu-system-aarch64"
machine_type = "virt"
qemuargs     = [["-cpu", "max"], ["-bios", "/usr/share/qemu-efi-aarch64/QEMU_EFI.fd"]]

aws_instance_type   = "t4g.small"
google_machine_type = "c4a-standard-1"
azure_vm_size       = "Standard_B2pls_v2"
hcloud_server_type  = "cax11"

cloud_images = {
  login           = "ec2-user"
  aws_owner       = "764336703387"
  aws_name        = "AlmaLinux OS 9.*aarch64*"
  google_family   = "almalinux-9-arm64"
  azure_publisher = "almalinux"
  azure_offer     = "almalinux-arm"
  azure_sku       = "9-arm-gen2"
  digitalocean    = ""
  hcloud          = "alma-9"
  openstack       = "AlmaLinux-9-GenericCloud-9.7-20251118.aarch64"
}
