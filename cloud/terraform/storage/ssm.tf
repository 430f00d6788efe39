# The roots find each other through these parameters alone.
resource "aws_ssm_parameter" "bucket" {
  # checkov:skip=CKV2_AWS_34:A bucket's name is not a secret
  name        = "/ftm/storage/bucket"
  description = "Bucket of the pipeline; written by the Terraform root storage."
  type        = "String"
  value       = aws_s3_bucket.pipeline.id
}
