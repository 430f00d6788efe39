resource "aws_cloudwatch_log_group" "batch" {
  # checkov:skip=CKV_AWS_158: logs are encrypted anyway, and hold counts and firm ids but no sentences
  name              = "/aws/batch/ftm"
  retention_in_days = var.log_retention_days
}
