# Created only if there is a schedule. By its time the quarter must be prefetched and vLLM running.

locals {
  schedules = var.schedule == null ? {} : { quarter = var.schedule }
}

data "aws_iam_policy_document" "schedule_trust" {
  for_each = local.schedules

  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["scheduler.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account_id]
    }
  }
}

resource "aws_iam_role" "schedule" {
  for_each           = local.schedules
  name               = "ftm-schedule-role"
  description        = "Starts ftm-quarter-processor"
  assume_role_policy = data.aws_iam_policy_document.schedule_trust[each.key].json
}

data "aws_iam_policy_document" "schedule" {
  for_each = local.schedules

  statement {
    sid       = "StartExecution"
    actions   = ["states:StartExecution"]
    resources = [aws_sfn_state_machine.quarter_processor.arn]
  }
}

resource "aws_iam_role_policy" "schedule" {
  for_each = local.schedules
  name     = "start"
  role     = aws_iam_role.schedule[each.key].id
  policy   = data.aws_iam_policy_document.schedule[each.key].json
}

resource "aws_scheduler_schedule" "quarter" {
  # checkov:skip=CKV_AWS_297: the input is a quarter and a bucket's name
  for_each                     = local.schedules
  name                         = "ftm-quarter"
  description                  = "Runs ${each.value.quarter}"
  schedule_expression          = each.value.expression
  schedule_expression_timezone = "UTC"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = aws_sfn_state_machine.quarter_processor.arn
    role_arn = aws_iam_role.schedule[each.key].arn
    input = jsonencode({
      quarter      = each.value.quarter
      bucket       = local.bucket
      topic_naming = each.value.topic_naming
      theme_naming = each.value.theme_naming
    })

    retry_policy {
      maximum_retry_attempts = 0 # a second start of the same quarter while the first runs would be in its way
    }
  }
}
