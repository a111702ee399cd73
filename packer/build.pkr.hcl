# A vendor's cloud image -> one whose machines are closed from their first packet, and the evidence beside it.
#
#     packer/build almalinux-9                                         an image file, by qemu, on this computer
#     packer build -only=hcloud.image -var-file=packer/releases/almalinux-9.pkrvars.hcl packer/
#
# `packer/build` calls packer with what it cannot make by itself: a key, a seed, a default policy that has been checked.
# Newer packers: `packer init packer/plugins` first.

locals {
  name    = var.name == "" ? "${var.release}-vps-firewall" : var.name
  final   = "${var.output}/${local.name}"
  partial = "${local.final}.partial"
  stamp   = formatdate("YYYYMMDD-hhmmss", timestamp())

  inside     = "/var/tmp/vps-firewall-bake"
  package    = var.package_file == "" ? var.package_name : "${local.inside}/${basename(var.package_file)}"
  sealed     = var.sealed ? "--sealed" : ""
  has_policy = var.default_policy != ""

  # A default policy that nobody has checked must not come as far as a machine. The only way to stop here that every
  # packer knows is a file that is not there.
  checked = local.has_policy ? (sha256(file(var.default_policy)) == var.default_policy_digest ? "" : file("the default policy was not checked, or was changed since: give it to packer/build --default FILE")) : ""
  unfit   = local.has_policy && ! var.sealed ? file("a default policy goes with sealed = true: the seal is what waits for it") : ""
  default = local.has_policy ? "--default ${local.inside}/default-policy.yaml" : ""

  files = concat(
    ["${path.root}/bake/bake.py"],
    var.package_file == "" ? [] : [var.package_file],
  )
}

build {
  sources = [
    "source.qemu.image",
    "source.amazon-ebs.image",
    "source.googlecompute.image",
    "source.azure-arm.image",
    "source.digitalocean.image",
    "source.hcloud.image",
    "source.openstack.image",
  ]

  provisioner "shell" {
    inline = ["mkdir -p ${local.inside}"]
  }

  provisioner "file" {
    sources     = local.files
    destination = "${local.inside}/"
  }

  provisioner "file" {
    source      = local.has_policy ? var.default_policy : "${path.root}/bake/default-policy.yaml"
    destination = "${local.inside}/default-policy.yaml"
  }

  provisioner "shell" {
    inline = [
      "command -v python3 >/dev/null || { echo 'there is no python3 in the base image: its cloud-init would not run either' >&2; exit 1; }",
      "if [ \"$(id -u)\" -eq 0 ]; then root=; else root=sudo; fi",
      "$root python3 -B ${local.inside}/bake.py bake --package ${local.package} --backend ${var.backend} ${local.sealed} ${local.default}",
    ]
  }

  # From here on the cloud's own machine is watched from this computer while it still lets the builder in.
  provisioner "shell-local" {
    only = ["qemu.image"]
    environment_vars = [
      "HOST=${build.Host}",
      "PORT=${build.Port}",
      "LOGIN=${var.builder}",
      "KEY=${var.ssh_private_key_file}",
    ]
    inline = [var.testinfra]
  }

  provisioner "shell-local" {
    inline = ["mkdir -p ${local.partial}"]
  }

  provisioner "file" {
    direction   = "download"
    source      = "${local.inside}/facts.json"
    destination = "${local.partial}/facts.json"
  }

  # A cloud switches its machine off by itself: what the bake takes away there, it takes away as the last thing. The
  # connection outlives the key and the user.
  provisioner "shell" {
    except     = ["qemu.image"]
    skip_clean = true
    inline = [
      "if [ \"$(id -u)\" -eq 0 ]; then root=; else root=sudo; fi",
      "$root python3 -B ${local.inside}/bake.py finish --builder \"$(id -un)\"",
    ]
  }

  post-processor "manifest" {
    output     = "${local.partial}/manifest.json"
    strip_path = true
    custom_data = {
      release = var.release
      backend = var.backend
      sealed  = "${var.sealed}"
    }
  }

  # manifest, sums and origin; and only then is the folder called as a finished image is.
  post-processor "shell-local" {
    environment_vars = [
      "IMAGE_RELEASE=${var.release}",
      "IMAGE_BACKEND=${var.backend}",
      "IMAGE_SEALED=${var.sealed}",
      "IMAGE_BASE=${var.base_image}",
      "IMAGE_BASE_CHECKSUM=${var.base_image_checksum}",
      "IMAGE_DEFAULT_POLICY=${var.default_policy}",
      "IMAGE_PACKAGE_FILE=${var.package_file}",
    ]
    inline = ["${var.python} ${path.root}/bake/evidence.py ${local.partial} ${local.final}"]
  }
}
