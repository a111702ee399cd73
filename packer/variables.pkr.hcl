# What may be set. `packer/releases/RELEASE.pkrvars.hcl` sets what depends on the release; `packer/build` sets what it
# makes itself (the key, the seed, the digest of the policy); a cloud builder takes its credentials from the environment
# variables that its own command-line tool reads, or from here.

variable "release" {
  type        = string
  description = "What is baked into. Comes from the var-file of the release."
  validation {
    condition     = contains(["centos-stream-9", "centos-stream-10", "almalinux-9", "almalinux-10", "rocky-9", "rocky-10", "debian-12", "debian-13"], var.release)
    error_message = "The release is one of centos-stream-9, centos-stream-10, almalinux-9, almalinux-10, rocky-9, rocky-10, debian-12 and debian-13: give -var-file=packer/releases/RELEASE.pkrvars.hcl."
  }
}

variable "name" {
  type        = string
  default     = ""
  description = "Name of the image, and of its folder; empty: RELEASE-vps-firewall."
  validation {
    condition     = length(split("/", var.name)) == 1 && length(split(" ", var.name)) == 1
    error_message = "The name is a single word: it becomes a folder, a file and the name of a cloud's image."
  }
}

variable "output" {
  type        = string
  default     = "images"
  description = "Folder that gets a folder for each image."
}

# --- what is baked ----------------------------------------------------------------------------------------

variable "backend" {
  type        = string
  description = "nftables or iptables: which of the two the image holds. The var-file has the release's own."
  validation {
    condition     = contains(["nftables", "iptables"], var.backend)
    error_message = "The backend is nftables or iptables."
  }
}

variable "sealed" {
  type        = bool
  default     = true
  description = "Closed from the first packet of the first boot, until user-data has spoken."
}

variable "default_policy" {
  type        = string
  default     = ""
  description = "File with the policy of a machine whose user-data has none; empty: SSH alone. `packer/build --default FILE` checks it and sets both."
}

variable "default_policy_digest" {
  type        = string
  default     = ""
  description = "SHA-256 of that file, from whoever has checked it."
}

variable "package_file" {
  type        = string
  default     = ""
  description = "The .rpm or .deb on this computer, as `make rpm` and `make deb` leave it in dist."
  validation {
    condition     = var.package_file == "" || contains([".rpm", ".deb"], substr(var.package_file, length(var.package_file) - 4, 4))
    error_message = "The package file is an .rpm or a .deb: `make rpm` and `make deb` leave one in dist."
  }
}

variable "package_name" {
  type        = string
  default     = "vps-firewall"
  description = "Without a package file: what to install from the repositories that the base image knows."
  validation {
    condition     = length(var.package_name) > 1 && substr(var.package_name, 0, 1) != "-"
    error_message = "The package name is that of a package in a repository of the base image; vps-firewall is ours."
  }
}

variable "python" {
  type        = string
  default     = "python3"
  description = "The Python on this computer that writes the evidence."
}

variable "testinfra" {
  type        = string
  default     = "true"
  description = "qemu: command that runs the fleet suite against the machine while it is being built; it finds HOST, PORT, LOGIN and KEY in its environment. `packer/build --testinfra` sets it; true does nothing."
}

# --- where it is baked: a file, by qemu -------------------------------------------------------------------

variable "base_image" {
  type        = string
  description = "URL or path of the vendor's cloud image, by its dated name: a name that moves cannot be pinned."
  validation {
    condition     = length(split("latest", var.base_image)) == 1 && length(var.base_image) > 6
    error_message = "The base image is pinned: give the URL or the path of an image with a date in its name, not of the latest."
  }
}

variable "base_image_checksum" {
  type        = string
  description = "sha256:..., sha512:..., or file:URL of the vendor's list of checksums. An image without one is not built from."
  validation {
    condition     = contains(["sha256:", "sha512:"], substr(var.base_image_checksum, 0, 7)) || substr(var.base_image_checksum, 0, 5) == "file:"
    error_message = "The checksum of the base image is sha256:DIGITS, sha512:DIGITS or file:URL-OF-THE-VENDORS-CHECKSUM-FILE."
  }
}

variable "architecture" {
  type        = string
  default     = "x86_64"
  description = "x86_64 or aarch64, as the kernel says it. packer/releases/aarch64 has what goes with the second."
  validation {
    condition     = contains(["x86_64", "aarch64"], var.architecture)
    error_message = "The architecture is x86_64 or aarch64; for the second give -var-file=packer/releases/aarch64/RELEASE.pkrvars.hcl after the release's own."
  }
}

variable "disk_size" {
  type        = string
  default     = "10G"
  description = "Size of the image's disk; never less than the base image's."
  validation {
    condition     = contains(["M", "G"], substr(var.disk_size, length(var.disk_size) - 1, 1))
    error_message = "The disk size is a number and M or G, such as 10G."
  }
}

variable "seed" {
  type        = string
  default     = "no-seed:-run-packer/build-instead"
  description = "qemu: folder with user-data and meta-data that let the builder in. `packer/build` makes it, with a key of its own."
}

variable "ssh_private_key_file" {
  type        = string
  default     = ""
  description = "qemu: the key that the seed lets in."
}

variable "builder" {
  type        = string
  default     = "packer"
  description = "qemu: the user that the seed makes, and that the bake takes away again."
}

variable "accelerator" {
  type        = string
  default     = "kvm"
  description = "qemu: kvm; or tcg, which needs nothing of the computer and takes ten times as long."
  validation {
    condition     = contains(["kvm", "tcg", "hvf", "whpx", "xen", "none"], var.accelerator)
    error_message = "The accelerator is kvm, tcg, hvf, whpx, xen or none."
  }
}

variable "machine_type" {
  type        = string
  default     = "pc"
  description = "qemu: pc shows the seed to every kernel; q35 hides it from those without AHCI. virt for aarch64."
}

variable "qemu_binary" {
  type        = string
  default     = "qemu-system-x86_64"
  description = "qemu: the emulator; qemu-system-aarch64 for aarch64."
}

variable "qemuargs" {
  type        = list(list(string))
  default     = []
  description = "qemu: further options, each a list of words; [[\"-bios\", \"/usr/share/ovmf/OVMF.fd\"]] for a base image that boots by UEFI alone."
}

variable "ssh_timeout" {
  type        = string
  default     = "15m"
  description = "How long a machine may take to let the builder in."
}

# --- where it is baked: in a cloud ------------------------------------------------------------------------

variable "cloud_images" {
  type        = map(string)
  description = "What each cloud calls the base image. Comes from the var-file of the release; an empty name means that the vendor has none there."
}

variable "aws_region" {
  type        = string
  default     = "eu-central-1"
  description = "AWS: where the AMI is made. Credentials: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or ~/.aws."
  validation {
    condition     = length(split("-", var.aws_region)) > 2
    error_message = "An AWS region has two dashes or more, such as eu-central-1; eu-central-1a is a zone of it."
  }
}

variable "aws_instance_type" {
  type        = string
  default     = "t3.small"
  description = "AWS: what it is built on."
}

variable "google_project" {
  type        = string
  default     = ""
  description = "Google Cloud: the project that gets the image. Credentials: GOOGLE_APPLICATION_CREDENTIALS, or gcloud's own."
}

variable "google_zone" {
  type        = string
  default     = "europe-west1-b"
  description = "Google Cloud: where it is built."
  validation {
    condition     = length(split("-", var.google_zone)) == 3
    error_message = "A Google Cloud zone has two dashes, such as europe-west1-b; europe-west1 is a region."
  }
}

variable "google_machine_type" {
  type        = string
  default     = "e2-small"
  description = "Google Cloud: what it is built on."
}

variable "azure_subscription_id" {
  type        = string
  default     = ""
  description = "Azure: the subscription that pays."
}

variable "azure_tenant_id" {
  type        = string
  default     = ""
  description = "Azure: of the service principal."
}

variable "azure_client_id" {
  type        = string
  default     = ""
  description = "Azure: of the service principal."
}

variable "azure_client_secret" {
  type        = string
  default     = ""
  sensitive   = true
  description = "Azure: of the service principal; better given as PKR_VAR_azure_client_secret than on a command line."
}

variable "azure_resource_group" {
  type        = string
  default     = "vps-firewall-images"
  description = "Azure: the group that gets the image; it has to exist."
}

variable "azure_location" {
  type        = string
  default     = "westeurope"
  description = "Azure: where it is built."
  validation {
    condition     = length(split(" ", var.azure_location)) == 1
    error_message = "An Azure location is one word, such as westeurope."
  }
}

variable "azure_vm_size" {
  type        = string
  default     = "Standard_B2s"
  description = "Azure: what it is built on."
}

variable "digitalocean_token" {
  type        = string
  default     = ""
  sensitive   = true
  description = "DigitalOcean: token; without it DIGITALOCEAN_API_TOKEN counts."
}

variable "digitalocean_region" {
  type        = string
  default     = "fra1"
  description = "DigitalOcean: where it is built."
}

variable "digitalocean_size" {
  type        = string
  default     = "s-1vcpu-1gb"
  description = "DigitalOcean: what it is built on; a snapshot fits no smaller disk than this one's."
}

variable "hcloud_token" {
  type        = string
  default     = ""
  sensitive   = true
  description = "Hetzner Cloud: token; without it HCLOUD_TOKEN counts."
}

variable "hcloud_location" {
  type        = string
  default     = "fsn1"
  description = "Hetzner Cloud: where it is built."
}

variable "hcloud_server_type" {
  type        = string
  default     = "cx23"
  description = "Hetzner Cloud: what it is built on; a snapshot fits no smaller disk than this one's."
}

variable "openstack_cloud" {
  type        = string
  default     = ""
  description = "OpenStack: an entry of clouds.yaml; without it the OS_ variables of the environment count."
}

variable "openstack_flavor" {
  type        = string
  default     = "m1.small"
  description = "OpenStack: what it is built on."
}

variable "openstack_networks" {
  type        = list(string)
  default     = []
  description = "OpenStack: identifiers of the networks that the machine is attached to."
}
