# vps-firewall bundle --provider openstack ../../cloud-init/web.yaml > bundle
terraform {
  required_providers {
    openstack = {
      source = "terraform-provider-openstack/openstack"
    }
  }
}

variable "network" {
  type = string
}

variable "key_pair" {
  type = string
}

resource "openstack_compute_instance_v2" "web" {
  name        = "web"
  image_name  = "debian-12"
  flavor_name = "m1.small"
  key_pair    = var.key_pair
  user_data   = file("${path.module}/bundle")

  network {
    name = var.network
  }
}
