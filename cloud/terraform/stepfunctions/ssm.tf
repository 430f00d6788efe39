# --- read -------------------------------------------------------------------------------------

data "aws_ssm_parameter" "bucket" {
  name = "/ftm/storage/bucket"
}

data "aws_ssm_parameter" "alerts_topic_arn" {
  name = "/ftm/storage/alerts_topic_arn"
}

data "aws_ssm_parameter" "job_queue_arn" {
  name = "/ftm/batch/job_queue_arn"
}

data "aws_ssm_parameter" "firm_processor_arn" {
  name = "/ftm/batch/firm_processor_arn"
}

data "aws_ssm_parameter" "theme_aggregator_arn" {
  name = "/ftm/batch/theme_aggregator_arn"
}

data "aws_ssm_parameter" "panel_aggregator_arn" {
  name = "/ftm/batch/panel_aggregator_arn"
}

locals {
  bucket               = data.aws_ssm_parameter.bucket.insecure_value
  bucket_arn           = "arn:${local.partition}:s3:::${local.bucket}"
  alerts_topic_arn     = data.aws_ssm_parameter.alerts_topic_arn.insecure_value
  job_queue_arn        = data.aws_ssm_parameter.job_queue_arn.insecure_value
  firm_processor_arn   = data.aws_ssm_parameter.firm_processor_arn.insecure_value
  theme_aggregator_arn = data.aws_ssm_parameter.theme_aggregator_arn.insecure_value
  panel_aggregator_arn = data.aws_ssm_parameter.panel_aggregator_arn.insecure_value
}

# --- published --------------------------------------------------------------------------------

resource "aws_ssm_parameter" "state_machine_arn" {
  # checkov:skip=CKV2_AWS_34: an ARN is not a secret
  # checkov:skip=CKV_AWS_337: an ARN is not a secret
  name           = "/ftm/stepfunctions/state_machine_arn"
  description    = "Written by the Terraform root stepfunctions"
  type           = "String"
  insecure_value = aws_sfn_state_machine.quarter_processor.arn
}
