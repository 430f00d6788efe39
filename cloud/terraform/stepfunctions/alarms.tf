# NotifyCompletion reports most failures with their reasons; this alarm also reports executions that fail before it: a
# quarter that is not prefetched, wrong input, a missing permission.
resource "aws_cloudwatch_metric_alarm" "failed_executions" {
  alarm_name          = "ftm-executions-failed"
  alarm_description   = "An execution of ftm-quarter-processor failed: aws stepfunctions list-executions --status-filter FAILED tells which."
  namespace           = "AWS/States"
  metric_name         = "ExecutionsFailed"
  dimensions          = { StateMachineArn = aws_sfn_state_machine.quarter_processor.arn }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching" # no execution, no failure
  alarm_actions       = local.topic_arn == null ? [] : [local.topic_arn]
}
