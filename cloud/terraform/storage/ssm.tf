# The roots find one another by these parameters only.
resource "aws_ssm_parameter" "bucket" {
  # checkov:skip=CKV2_AWS_34:A bucket's name is no secret
  name        = "/ftm/storage/bucket"
  description = "Bucket of the pipeline; written by the Terraform root storage."
  type        = "String"
  value       = aws_s3_bucket.pipeline.id
}
