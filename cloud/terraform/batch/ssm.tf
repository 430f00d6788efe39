# --- read -------------------------------------------------------------------------------------

data "aws_ssm_parameter" "bucket" {
  name = "/ftm/storage/bucket"
}

data "aws_ssm_parameter" "vllm_base_url" {
  name = "/ftm/vllm/base_url"
}

data "aws_ssm_parameter" "alb_security_group_id" {
  name = "/ftm/vllm/alb_security_group_id"
}

locals {
  bucket_arn            = "arn:${local.partition}:s3:::${data.aws_ssm_parameter.bucket.insecure_value}"
  vllm_base_url         = data.aws_ssm_parameter.vllm_base_url.insecure_value
  alb_security_group_id = data.aws_ssm_parameter.alb_security_group_id.insecure_value
}

# --- published --------------------------------------------------------------------------------

locals {
  # The definitions without their revision, which means the latest: a new image needs this root applied and no other.
  published = {
    "/ftm/batch/job_queue_arn"        = aws_batch_job_queue.main.arn
    "/ftm/batch/firm_processor_arn"   = aws_batch_job_definition.jobs["ftm-firm-processor"].arn_prefix
    "/ftm/batch/theme_aggregator_arn" = aws_batch_job_definition.jobs["ftm-theme-aggregator"].arn_prefix
  }
}

resource "aws_ssm_parameter" "published" {
  # checkov:skip=CKV2_AWS_34: an ARN is no secret
  # checkov:skip=CKV_AWS_337: an ARN is no secret
  for_each       = local.published
  name           = each.key
  description    = "Written by the Terraform root batch"
  type           = "String"
  insecure_value = each.value
}
