output "job_queue_arn" {
  description = "The queue that the state machine submits to."
  value       = aws_batch_job_queue.main.arn
}

output "job_definition_arns" {
  description = "The job definitions, with the revision that this apply made or kept."
  value       = { for name, job in aws_batch_job_definition.jobs : name => job.arn }
}

output "image" {
  description = "The image that the jobs run."
  value       = local.image
}

output "next_commands" {
  description = "What an operator types next."
  value = {
    set_grok_key      = "aws secretsmanager put-secret-value --secret-id ftm/xai --secret-string file:///dev/stdin"
    set_wrds_login    = "aws secretsmanager put-secret-value --secret-id ftm/wrds --secret-string file:///dev/stdin"
    list_running_jobs = "aws batch list-jobs --job-queue ${aws_batch_job_queue.main.name} --job-status RUNNING"
    follow_log        = "aws logs tail ${aws_cloudwatch_log_group.batch.name} --follow"
    next_root         = "terraform -chdir=cloud/terraform/stepfunctions apply"
  }
}
