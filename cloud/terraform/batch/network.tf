# The jobs run in the VPC of vLLM's load balancer, found by its security group.

data "aws_security_group" "alb" {
  id = local.alb_security_group_id
}

data "aws_subnets" "vpc" {
  filter {
    name   = "vpc-id"
    values = [data.aws_security_group.alb.vpc_id]
  }
}

# Of a default VPC the subnets that AWS has made, which reach the internet; others that an account has added may not, and
# instances there would bill without ever joining the cluster.
data "aws_subnets" "default" {
  filter {
    name   = "vpc-id"
    values = [data.aws_security_group.alb.vpc_id]
  }

  filter {
    name   = "default-for-az"
    values = ["true"]
  }
}

locals {
  subnet_ids = sort(coalescelist(var.subnet_ids, data.aws_subnets.default.ids, data.aws_subnets.vpc.ids))
}

resource "aws_security_group" "batch" {
  # checkov:skip=CKV2_AWS_5: attached by the compute environments, to instances that AWS Batch starts
  name        = "ftm-batch-sg"
  description = "FTM: instances of AWS Batch"
  vpc_id      = data.aws_security_group.alb.vpc_id

  tags = {
    Name = "ftm-batch-sg"
  }
}

resource "aws_vpc_security_group_egress_rule" "https" {
  security_group_id = aws_security_group.batch.id
  description       = "AWS services (S3, ECR, ECS, logs, secrets) and the Grok API"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = "0.0.0.0/0"
}

resource "aws_vpc_security_group_egress_rule" "vllm" {
  security_group_id            = aws_security_group.batch.id
  description                  = "vLLM, through its load balancer"
  ip_protocol                  = "tcp"
  from_port                    = 80
  to_port                      = 80
  referenced_security_group_id = local.alb_security_group_id
}

resource "aws_vpc_security_group_ingress_rule" "alb" {
  # checkov:skip=CKV_AWS_260: open to one security group only, which this check does not look at
  security_group_id            = local.alb_security_group_id
  description                  = "FTM jobs on AWS Batch"
  ip_protocol                  = "tcp"
  from_port                    = 80
  to_port                      = 80
  referenced_security_group_id = aws_security_group.batch.id
}
