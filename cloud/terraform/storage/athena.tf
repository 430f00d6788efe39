locals {
  athena_results_prefix = "athena-results/"
}

resource "aws_athena_workgroup" "ftm" {
  name          = "ftm"
  description   = "Queries over the tables of FTM, with a limit on what one query may scan."
  force_destroy = var.force_destroy

  configuration {
    enforce_workgroup_configuration    = true
    publish_cloudwatch_metrics_enabled = true
    bytes_scanned_cutoff_per_query     = var.athena_scan_limit_gib * pow(1024, 3)

    result_configuration {
      output_location = "s3://${aws_s3_bucket.pipeline.id}/${local.athena_results_prefix}"

      encryption_configuration {
        encryption_option = "SSE_S3"
      }
    }
  }
}
