# Created only if somebody is to be notified: the topic, and the rule for endings that an execution cannot mail itself.

locals {
  notify    = var.notification_email == "" ? {} : { email = var.notification_email }
  topic_arn = one([for topic in aws_sns_topic.notifications : topic.arn])
}

data "aws_iam_policy_document" "notifications_key" {
  for_each = local.notify

  # In a key's policy "*" means the key itself.
  # checkov:skip=CKV_AWS_109: the policy of one key
  # checkov:skip=CKV_AWS_111: the policy of one key
  # checkov:skip=CKV_AWS_356: the policy of one key
  statement {
    sid = "AdministeredByTheAccount"
    actions = [
      "kms:CancelKeyDeletion",
      "kms:DescribeKey",
      "kms:DisableKey",
      "kms:EnableKey",
      "kms:EnableKeyRotation",
      "kms:GetKeyPolicy",
      "kms:GetKeyRotationStatus",
      "kms:ListResourceTags",
      "kms:PutKeyPolicy",
      "kms:ScheduleKeyDeletion",
      "kms:TagResource",
      "kms:UntagResource",
      "kms:UpdateKeyDescription",
    ]
    # justified: in the policy of a key this means the key itself
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:${local.partition}:iam::${local.account_id}:root"]
    }
  }

  statement {
    sid     = "UsedByTheFunction"
    actions = ["kms:Decrypt", "kms:GenerateDataKey"]
    # justified: in the policy of a key this means the key itself
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = [aws_iam_role.functions["ftm-notify-completion"].arn]
    }
  }
}

resource "aws_kms_key" "notifications" {
  for_each                = local.notify
  description             = "FTM: notifications on SNS"
  enable_key_rotation     = true
  deletion_window_in_days = 7
  policy                  = data.aws_iam_policy_document.notifications_key[each.key].json
}

resource "aws_sns_topic" "notifications" {
  for_each          = local.notify
  name              = "ftm-notifications"
  kms_master_key_id = aws_kms_key.notifications[each.key].arn
}

# The address receives a mail with a link for confirmation.
resource "aws_sns_topic_subscription" "email" {
  for_each  = local.notify
  topic_arn = aws_sns_topic.notifications[each.key].arn
  protocol  = "email"
  endpoint  = each.value
}

data "aws_iam_policy_document" "notify" {
  for_each = local.notify

  statement {
    sid       = "Publish"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.notifications[each.key].arn]
  }

  statement {
    sid       = "SeeHowExecutionsEnded"
    actions   = ["states:DescribeExecution", "states:GetExecutionHistory"]
    resources = [local.executions_arn]
  }
}

resource "aws_iam_role_policy" "notify" {
  for_each = local.notify
  name     = "notify"
  role     = aws_iam_role.functions["ftm-notify-completion"].id
  policy   = data.aws_iam_policy_document.notify[each.key].json
}

# --- executions that fail before NotifyCompletion, are stopped or time out ----------------------

# EventBridge's event does not say whether the execution has sent its mail: the function looks.
resource "aws_cloudwatch_event_rule" "ended" {
  for_each    = local.notify
  name        = "ftm-execution-ended"
  description = "Executions of ftm-quarter-processor that have not succeeded"
  event_pattern = jsonencode({
    source      = ["aws.states"]
    detail-type = ["Step Functions Execution Status Change"]
    detail = {
      stateMachineArn = [aws_sfn_state_machine.quarter_processor.arn]
      status          = ["FAILED", "ABORTED", "TIMED_OUT"]
    }
  })
}

resource "aws_cloudwatch_event_target" "ended" {
  for_each  = local.notify
  rule      = aws_cloudwatch_event_rule.ended[each.key].name
  target_id = "ftm-notify-completion"
  arn       = aws_lambda_function.functions["ftm-notify-completion"].arn
}

resource "aws_lambda_permission" "ended" {
  for_each      = local.notify
  statement_id  = "ended"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.functions["ftm-notify-completion"].function_name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.ended[each.key].arn
}
