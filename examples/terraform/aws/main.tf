# vps-firewall bundle --provider ec2 --format base64 ../../cloud-init/web.yaml > bundle
terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

variable "subnet" {
  description = "Its security group lets in what the policy opens, or everything."
  type        = string
}

variable "key" {
  type = string
}

data "aws_ami" "debian" {
  most_recent = true
  owners      = ["136693071363"] # Debian's own account

  filter {
    name   = "name"
    values = ["debian-12-amd64-*"]
  }
}

resource "aws_instance" "web" {
  ami              = data.aws_ami.debian.id
  instance_type    = "t3.micro"
  subnet_id        = var.subnet
  key_name         = var.key
  user_data_base64 = trimspace(file("${path.module}/bundle"))

  metadata_options {
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }
}
