data "aws_region" "current" {}

data "aws_caller_identity" "current" {}

data "aws_vpc" "this" {
  id      = var.vpc_id
  default = var.vpc_id == null ? true : null
}

data "aws_subnets" "all" {
  filter {
    name   = "vpc-id"
    values = [data.aws_vpc.this.id]
  }

  # A load balancer takes one subnet per zone, and an account may have added more to its default VPC.
  dynamic "filter" {
    for_each = var.vpc_id == null ? ["true"] : []

    content {
      name   = "default-for-az"
      values = [filter.value]
    }
  }
}

locals {
  subnet_ids = coalesce(var.subnet_ids, data.aws_subnets.all.ids)

  # In a zone that offers none of the types, every attempt to start an instance would fail.
  instance_subnet_ids = [
    for id in local.subnet_ids : id
    if contains(data.aws_ec2_instance_type_offerings.vllm.locations, data.aws_subnet.this[id].availability_zone)
  ]
}

data "aws_subnet" "this" {
  for_each = toset(local.subnet_ids)
  id       = each.value
}

data "aws_ec2_instance_type_offerings" "vllm" {
  location_type = "availability-zone"

  filter {
    name   = "instance-type"
    values = var.instance_types
  }
}

# Who may talk to whom: ftm-batch-sg -> load balancer -> instance. The first rule belongs to the root batch, which is
# applied later and knows its own group.

resource "aws_security_group" "alb" {
  # checkov:skip=CKV2_AWS_5:Attached to the load balancer in alb.tf
  name        = "ftm-vllm-alb-sg"
  description = "Load balancer in front of vLLM"
  vpc_id      = data.aws_vpc.this.id
}

resource "aws_security_group" "instance" {
  # checkov:skip=CKV2_AWS_5:Attached to the instances by the launch template in asg.tf
  name        = "ftm-vllm-instance-sg"
  description = "GPU instances that run vLLM"
  vpc_id      = data.aws_vpc.this.id
}

resource "aws_vpc_security_group_egress_rule" "alb_to_instance" {
  security_group_id            = aws_security_group.alb.id
  description                  = "Requests and health checks to vLLM"
  referenced_security_group_id = aws_security_group.instance.id
  ip_protocol                  = "tcp"
  from_port                    = local.vllm_port
  to_port                      = local.vllm_port
}

resource "aws_vpc_security_group_ingress_rule" "instance_from_alb" {
  security_group_id            = aws_security_group.instance.id
  description                  = "Requests and health checks from the load balancer"
  referenced_security_group_id = aws_security_group.alb.id
  ip_protocol                  = "tcp"
  from_port                    = local.vllm_port
  to_port                      = local.vllm_port
}

resource "aws_vpc_security_group_egress_rule" "instance_https" {
  security_group_id = aws_security_group.instance.id
  description       = "AWS APIs, image registries and the model hub, whose addresses change"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}
