output "base_url" {
  description = "Base URL of the OpenAI-compatible API; reachable from ftm-batch-sg only."
  value       = local.base_url
}

locals {
  service_of_cluster = "--cluster ${aws_ecs_cluster.vllm.name} --service ${aws_ecs_service.vllm.name}"
  group              = "--auto-scaling-group-name ${aws_autoscaling_group.vllm.name}"
}

output "next_commands" {
  description = "What an operator types next: start before a run, status until healthy, stop after it."
  value = {
    start_instance = "aws autoscaling set-desired-capacity ${local.group} --desired-capacity 1"
    start_service  = "aws ecs update-service ${local.service_of_cluster} --desired-count 1"
    status = join(" ", [
      "aws ecs describe-services --cluster ${aws_ecs_cluster.vllm.name} --services ${aws_ecs_service.vllm.name}",
      "--query 'services[0].[desiredCount,runningCount,events[0].message]'",
    ])
    health        = "aws elbv2 describe-target-health --target-group-arn ${aws_lb_target_group.vllm.arn}"
    log           = "aws logs tail ${aws_cloudwatch_log_group.vllm.name} --follow"
    stop_service  = "aws ecs update-service ${local.service_of_cluster} --desired-count 0"
    stop_instance = "aws autoscaling set-desired-capacity ${local.group} --desired-capacity 0"
  }
}
