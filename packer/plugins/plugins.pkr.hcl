# What packer 1.7 and later fetch: `packer init packer/plugins`, once. It is in a folder of its own because packer reads
# every file of the folder that it builds from, and 1.6 knows no required_plugins: its builders are built in.

packer {
  required_plugins {
    amazon = {
      version = "~> 1"
      source  = "github.com/hashicorp/amazon"
    }
    azure = {
      version = "~> 2"
      source  = "github.com/hashicorp/azure"
    }
    digitalocean = {
      version = "~> 1"
      source  = "github.com/digitalocean/digitalocean"
    }
    googlecompute = {
      version = "~> 1"
      source  = "github.com/hashicorp/googlecompute"
    }
    hcloud = {
      version = "~> 1"
      source  = "github.com/hetznercloud/hcloud"
    }
    openstack = {
      version = "~> 1"
      source  = "github.com/hashicorp/openstack"
    }
    qemu = {
      version = "~> 1"
      source  = "github.com/hashicorp/qemu"
    }
  }
}
