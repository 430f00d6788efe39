resource "aws_cloudwatch_metric_alarm" "unhealthy" {
  alarm_name        = "ftm-vllm-unhealthy"
  alarm_description = "A vLLM instance has not answered /health for 20 minutes; loading the model takes 5 to 10."

  namespace   = "AWS/ApplicationELB"
  metric_name = "UnHealthyHostCount"
  dimensions = {
    LoadBalancer = aws_lb.vllm.arn_suffix
    TargetGroup  = aws_lb_target_group.vllm.arn_suffix
  }

  statistic           = "Minimum"
  period              = 300
  evaluation_periods  = 4
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = [local.alerts_topic_arn]
}

# --- guards: they mail and set the group to 0, whoever has forgotten it ----------------------------

locals {
  guard_period_s = 300 # short, so that a red alarm is green again soon after the group was stopped
}

# An alarm calls it for every period in which it is red.
resource "aws_autoscaling_policy" "stop" {
  name                   = "ftm-vllm-stop"
  autoscaling_group_name = aws_autoscaling_group.vllm.name
  policy_type            = "SimpleScaling"
  adjustment_type        = "ExactCapacity"
  scaling_adjustment     = 0
  cooldown               = 300
}

# The load balancer publishes nothing while nobody asks, so idleness is measured where something is published whenever
# there is an instance: what its network receives. Before an instance has run for idle_hours, periods are missing.
resource "aws_cloudwatch_metric_alarm" "idle" {
  alarm_name        = "ftm-vllm-idle"
  alarm_description = "vLLM's instances have received next to nothing for ${var.idle_hours} h: the group is set to 0. Start again with: ftm aws up"

  namespace           = "AWS/EC2"
  metric_name         = "NetworkIn"
  dimensions          = { AutoScalingGroupName = aws_autoscaling_group.vllm.name }
  statistic           = "Sum" # of the samples of a period: with detailed monitoring there are five
  period              = local.guard_period_s
  evaluation_periods  = var.idle_hours * 3600 / local.guard_period_s
  comparison_operator = "LessThanThreshold"
  threshold           = var.idle_bytes
  treat_missing_data  = "notBreaching"
  alarm_actions       = [local.alerts_topic_arn, aws_autoscaling_policy.stop.arn]
}

# What is asked for and not what runs, so that a reclaimed Spot instance does not start the clock again.
resource "aws_cloudwatch_metric_alarm" "age" {
  for_each = {
    long     = { hours = ceil(var.max_hours / 2), actions = [], then = "at ${var.max_hours} h it is set to 0" }
    too-long = { hours = var.max_hours, actions = [aws_autoscaling_policy.stop.arn], then = "it is set to 0" }
  }

  alarm_name        = "ftm-vllm-up-${each.key}"
  alarm_description = "vLLM's group has been up for ${each.value.hours} h: ${each.value.then}."

  namespace           = "AWS/AutoScaling"
  metric_name         = "GroupDesiredCapacity"
  dimensions          = { AutoScalingGroupName = aws_autoscaling_group.vllm.name }
  statistic           = "Minimum"
  period              = local.guard_period_s
  evaluation_periods  = each.value.hours * 3600 / local.guard_period_s
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = concat([local.alerts_topic_arn], each.value.actions)
}

# --- capacity -------------------------------------------------------------------------------------

resource "aws_cloudwatch_metric_alarm" "no_capacity" {
  alarm_name        = "ftm-vllm-no-capacity"
  alarm_description = "A requested instance has been missing for 15 minutes: Spot has no capacity, or the quota is used up."

  evaluation_periods  = 3
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = [local.alerts_topic_arn]

  metric_query {
    id          = "missing"
    label       = "Instances asked for and not there"
    expression  = "desired - in_service"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = { desired = "GroupDesiredCapacity", in_service = "GroupInServiceInstances" }
    content {
      id = metric_query.key

      metric {
        namespace   = "AWS/AutoScaling"
        metric_name = metric_query.value
        dimensions  = { AutoScalingGroupName = aws_autoscaling_group.vllm.name }
        stat        = "Minimum"
        period      = 300
      }
    }
  }
}
