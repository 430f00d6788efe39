# The roots find each other through these parameters alone.

data "aws_ssm_parameter" "alerts_topic_arn" {
  name = "/ftm/storage/alerts_topic_arn"
}

locals {
  alerts_topic_arn = data.aws_ssm_parameter.alerts_topic_arn.insecure_value

  base_url = "http://${aws_lb.vllm.dns_name}/v1"
}

resource "aws_ssm_parameter" "base_url" {
  # checkov:skip=CKV2_AWS_34:An address inside the VPC is not a secret
  name        = "/ftm/vllm/base_url"
  description = "Base URL of the OpenAI-compatible API of vLLM; written by the Terraform root ecs."
  type        = "String"
  value       = local.base_url
}

resource "aws_ssm_parameter" "alb_security_group_id" {
  # checkov:skip=CKV2_AWS_34:The id of a security group is not a secret
  name        = "/ftm/vllm/alb_security_group_id"
  description = "Security group of vLLM's load balancer, which batch opens for its jobs; written by the Terraform root ecs."
  type        = "String"
  value       = aws_security_group.alb.id
}
