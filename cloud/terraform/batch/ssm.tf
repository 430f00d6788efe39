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
  # Definitions without a revision mean the latest, so a new image needs only this root to be applied.
  published = {
    "/ftm/batch/job_queue_arn"        = aws_batch_job_queue.main.arn
    "/ftm/batch/firm_processor_arn"   = aws_batch_job_definition.jobs["ftm-firm-processor"].arn_prefix
    "/ftm/batch/theme_aggregator_arn" = aws_batch_job_definition.jobs["ftm-theme-aggregator"].arn_prefix
    "/ftm/batch/panel_aggregator_arn" = aws_batch_job_definition.jobs["ftm-panel-aggregator"].arn_prefix
  }
}

resource "aws_ssm_parameter" "published" {
  # checkov:skip=CKV2_AWS_34: an ARN is not a secret
  # checkov:skip=CKV_AWS_337: an ARN is not a secret
  for_each       = local.published
  name           = each.key
  description    = "Written by the Terraform root batch"
  type           = "String"
  insecure_value = each.value
}
