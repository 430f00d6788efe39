# The roots find each other through these parameters alone.
resource "aws_ssm_parameter" "bucket" {
  # checkov:skip=CKV2_AWS_34:A bucket's name is not a secret
  name        = "/ftm/storage/bucket"
  description = "Bucket of the pipeline; written by the Terraform root storage."
  type        = "String"
  value       = aws_s3_bucket.pipeline.id
}

# Published with the policy: AWS refuses a budget whose topic it may not publish to.
resource "aws_ssm_parameter" "alerts_topic_arn" {
  # checkov:skip=CKV2_AWS_34:An ARN is not a secret
  name        = "/ftm/storage/alerts_topic_arn"
  description = "SNS topic of all mails; written by the Terraform root storage."
  type        = "String"
  value       = aws_sns_topic_policy.alerts.arn
}
