# After the release's own file. Never fetched, nor built, where this was written: see there.
architecture = "aarch64"

base_image          = "https://cloud.centos.org/centos/10-stream/aarch64/images/CentOS-Stream-GenericCloud-10-20250904.0.aarch64.qcow2"
base_image_checksum = "file:https://cloud.centos.org/centos/10-stream/aarch64/images/CentOS-Stream-GenericCloud-10-20250904.0.aarch64.qcow2.SHA256SUM"

qemu_binary  = "qemu-system-aarch64"
machine_type = "virt"
qemuargs     = [["-cpu", "max"], ["-bios", "/usr/share/qemu-efi-aarch64/QEMU_EFI.fd"]]

aws_instance_type   = "t4g.small"
google_machine_type = "c4a-standard-1"
azure_vm_size       = "Standard_B2pls_v2"
hcloud_server_type  = "cax11"

cloud_images = {
  login           = "ec2-user"
  aws_owner       = "125523088429"
  aws_name        = "CentOS Stream 10 aarch64 *"
  google_family   = "centos-stream-10-arm64"
  azure_publisher = ""
  azure_offer     = ""
  azure_sku       = ""
  digitalocean    = ""
  hcloud          = "centos-stream-10"
  openstack       = "CentOS-Stream-GenericCloud-10-20250904.0.aarch64"
}
