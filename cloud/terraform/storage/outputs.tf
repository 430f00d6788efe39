output "bucket" {
  description = "Name of the bucket."
  value       = aws_s3_bucket.pipeline.id
}

output "glue_database" {
  description = "Glue database with the tables."
  value       = aws_glue_catalog_database.ftm.name
}

output "athena_workgroup" {
  description = "Athena workgroup to run queries in."
  value       = aws_athena_workgroup.ftm.name
}

output "repository_urls" {
  description = "Image repository -> URL to push to."
  value       = { for name, repository in aws_ecr_repository.this : name => repository.repository_url }
}

output "alerts_topic_arn" {
  description = "SNS topic of how quarters went, of the alarms and the budget."
  value       = aws_sns_topic.alerts.arn
}

output "next_commands" {
  description = "What an operator types next."
  value = {
    log_in_to_registry = join(" ", [
      "aws ecr get-login-password --region ${data.aws_region.current.name} |",
      "docker login --username AWS --password-stdin ${split("/", aws_ecr_repository.this["ftm-worker"].repository_url)[0]}",
    ])
    list_bucket = "aws s3 ls s3://${aws_s3_bucket.pipeline.id}/"
    query_themes = join(" ", [
      "aws athena start-query-execution --work-group ${aws_athena_workgroup.ftm.name}",
      "--query-execution-context Database=${aws_glue_catalog_database.ftm.name}",
      "--query-string \"SELECT name, n_firms FROM themes WHERE quarter = '2023Q1' ORDER BY n_firms DESC\"",
    ])
  }
}
