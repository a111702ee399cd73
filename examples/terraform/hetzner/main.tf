# vps-firewall bundle --provider hetzner ../../cloud-init/web.yaml > bundle
terraform {
  required_providers {
    hcloud = {
      source = "hetznercloud/hcloud"
    }
  }
}

variable "ssh_key" {
  description = "Name of a key that the project has."
  type        = string
}

resource "hcloud_server" "web" {
  name        = "web"
  image       = "debian-12"
  server_type = "cx22"
  ssh_keys    = [var.ssh_key]
  user_data   = file("${path.module}/bundle")
}

output "ipv6" {
  value = hcloud_server.web.ipv6_address
}
