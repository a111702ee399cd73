# One source for each place where an image can be made. `-only=qemu.image` and so on picks one.

# The vendor's GenericCloud image, started on this computer from a copy.
source "qemu" "image" {
  iso_url      = var.base_image
  iso_checksum = var.base_image_checksum
  disk_image   = true
  format       = "qcow2"
  disk_size    = var.disk_size

  vm_name          = "${local.name}.qcow2"
  output_directory = "${local.partial}/image"

  # Blocks that the bake frees are not in the image.
  disk_interface     = "virtio"
  disk_discard       = "unmap"
  disk_detect_zeroes = "unmap"
  disk_compression   = true

  cd_files = ["${var.seed}/user-data", "${var.seed}/meta-data"]
  cd_label = "cidata"

  qemu_binary  = var.qemu_binary
  accelerator  = var.accelerator
  machine_type = var.machine_type
  net_device   = "virtio-net"
  memory       = 1024
  headless     = true
  qemuargs     = var.qemuargs

  # It boots by itself: nothing is typed, and nothing waits for a prompt.
  boot_wait    = "-1s"
  boot_command = []

  communicator         = "ssh"
  ssh_username         = var.builder
  ssh_private_key_file = var.ssh_private_key_file
  ssh_timeout          = var.ssh_timeout

  # The user, its key and its right to be root go with the last command that it gives: packer would wait for ever for a
  # machine that it may no longer switch off.
  shutdown_command = "sudo python3 -B ${local.inside}/bake.py finish --builder ${var.builder} --power-off"
  shutdown_timeout = "10m"
}

source "amazon-ebs" "image" {
  region        = var.aws_region
  instance_type = var.aws_instance_type
  ami_name      = "${local.name}-${local.stamp}"
  source_ami_filter {
    owners      = [lookup(var.cloud_images, "aws_owner", "")]
    most_recent = true
    filters = {
      name                = lookup(var.cloud_images, "aws_name", "")
      architecture        = var.architecture == "aarch64" ? "arm64" : var.architecture
      root-device-type    = "ebs"
      virtualization-type = "hvm"
    }
  }
  ssh_username = lookup(var.cloud_images, "login", "root")
  ssh_timeout  = var.ssh_timeout
}

source "googlecompute" "image" {
  project_id          = var.google_project
  zone                = var.google_zone
  machine_type        = var.google_machine_type
  source_image_family = lookup(var.cloud_images, "google_family", "")
  image_name          = "${local.name}-${local.stamp}"
  image_family        = local.name
  ssh_username        = var.builder
  ssh_timeout         = var.ssh_timeout
}

source "azure-arm" "image" {
  subscription_id = var.azure_subscription_id
  tenant_id       = var.azure_tenant_id
  client_id       = var.azure_client_id
  client_secret   = var.azure_client_secret

  location        = var.azure_location
  vm_size         = var.azure_vm_size
  os_type         = "Linux"
  image_publisher = lookup(var.cloud_images, "azure_publisher", "")
  image_offer     = lookup(var.cloud_images, "azure_offer", "")
  image_sku       = lookup(var.cloud_images, "azure_sku", "")

  managed_image_name                = "${local.name}-${local.stamp}"
  managed_image_resource_group_name = var.azure_resource_group
  ssh_username                      = var.builder
  ssh_timeout                       = var.ssh_timeout
}

source "digitalocean" "image" {
  api_token     = var.digitalocean_token
  image         = lookup(var.cloud_images, "digitalocean", "")
  region        = var.digitalocean_region
  size          = var.digitalocean_size
  snapshot_name = "${local.name}-${local.stamp}"
  ipv6          = true
  ssh_username  = "root"
  ssh_timeout   = var.ssh_timeout
}

source "hcloud" "image" {
  token         = var.hcloud_token
  image         = lookup(var.cloud_images, "hcloud", "")
  location      = var.hcloud_location
  server_type   = var.hcloud_server_type
  snapshot_name = "${local.name}-${local.stamp}"
  ssh_username  = "root"
  ssh_timeout   = var.ssh_timeout
}

source "openstack" "image" {
  cloud             = var.openstack_cloud
  source_image_name = lookup(var.cloud_images, "openstack", "")
  flavor            = var.openstack_flavor
  networks          = var.openstack_networks
  image_name        = "${local.name}-${local.stamp}"
  ssh_username      = lookup(var.cloud_images, "login", "root")
  ssh_timeout       = var.ssh_timeout
}
