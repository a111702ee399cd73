# vps-firewall bundle --provider digitalocean ../../cloud-init/web.yaml > bundle
terraform {
  required_providers {
    digitalocean = {
      source = "digitalocean/digitalocean"
    }
  }
}

variable "ssh_key" {
  description = "Fingerprint of a key that the account has."
  type        = string
}

resource "digitalocean_droplet" "web" {
  name      = "web"
  image     = "debian-12-x64"
  region    = "fra1"
  size      = "s-1vcpu-1gb"
  ipv6      = true
  ssh_keys  = [var.ssh_key]
  user_data = file("${path.module}/bundle")
}
