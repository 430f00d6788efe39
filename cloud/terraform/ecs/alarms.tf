resource "aws_sns_topic" "alerts" {
  # checkov:skip=CKV_AWS_26:CloudWatch and Budgets cannot publish to a topic with the AWS-managed key, and no message is secret
  name = "ftm-vllm-alerts"
}

data "aws_iam_policy_document" "alerts" {
  statement {
    sid       = "AlarmsAndBudget"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.alerts.arn]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com", "budgets.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }
  }
}

resource "aws_sns_topic_policy" "alerts" {
  arn    = aws_sns_topic.alerts.arn
  policy = data.aws_iam_policy_document.alerts.json
}

resource "aws_sns_topic_subscription" "alerts" {
  count = var.alert_email == null ? 0 : 1

  topic_arn = aws_sns_topic.alerts.arn
  protocol  = "email"
  endpoint  = var.alert_email
}

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
  alarm_actions       = [aws_sns_topic.alerts.arn]
}

resource "aws_cloudwatch_metric_alarm" "idle" {
  alarm_name        = "ftm-vllm-idle"
  alarm_description = "A vLLM instance has run for ${var.idle_hours} h without one request and costs money: scale down."

  evaluation_periods  = var.idle_hours
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alerts.arn]

  metric_query {
    id          = "idle"
    label       = "Instances without a request in the hour"
    expression  = "IF(FILL(requests, 0) == 0, instances, 0)"
    return_data = true
  }

  metric_query {
    id = "instances"

    # The minimum, because an instance that has just started is not idle yet.
    metric {
      namespace   = "AWS/AutoScaling"
      metric_name = "GroupInServiceInstances"
      dimensions  = { AutoScalingGroupName = aws_autoscaling_group.vllm.name }
      stat        = "Minimum"
      period      = 3600
    }
  }

  metric_query {
    id = "requests"

    metric {
      namespace   = "AWS/ApplicationELB"
      metric_name = "RequestCount"
      dimensions  = { LoadBalancer = aws_lb.vllm.arn_suffix }
      stat        = "Sum"
      period      = 3600
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "no_capacity" {
  alarm_name        = "ftm-vllm-no-capacity"
  alarm_description = "A requested instance has been missing for 15 minutes: Spot has no capacity, or the quota is used up."

  evaluation_periods  = 3
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alerts.arn]

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
