output "state_machine_arn" {
  description = "The state machine that runs a quarter."
  value       = aws_sfn_state_machine.quarter_processor.arn
}

output "panel_state_machine_arn" {
  description = "The state machine that makes a panel of several quarters."
  value       = aws_sfn_state_machine.panel_processor.arn
}

output "function_arns" {
  description = "The Lambda functions."
  value       = { for name, function in aws_lambda_function.functions : name => function.arn }
}

output "next_commands" {
  description = "What an operator types next."
  value = {
    start_quarter = join(" ", [
      "aws stepfunctions start-execution --state-machine-arn ${aws_sfn_state_machine.quarter_processor.arn}",
      "--input '${jsonencode({ quarter = "2023Q1", bucket = local.bucket })}'",
    ])
    start_panel = join(" ", [
      "aws stepfunctions start-execution --state-machine-arn ${aws_sfn_state_machine.panel_processor.arn}",
      "--input '${jsonencode({ quarters = ["2022Q4", "2023Q1"], bucket = local.bucket, name = "spring" })}'",
    ])
    list_executions = "aws stepfunctions list-executions --state-machine-arn ${aws_sfn_state_machine.quarter_processor.arn}"
    follow_log      = "aws logs tail ${aws_cloudwatch_log_group.state_machine.name} --follow"
    list_failures   = "aws stepfunctions list-executions --state-machine-arn ${aws_sfn_state_machine.quarter_processor.arn} --status-filter FAILED"
  }
}
