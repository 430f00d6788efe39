# Created only if somebody is to be notified. It has a key of its own, because CloudWatch may not use the account's key for
# SNS, and the alarm's message would be lost silently.

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

  statement {
    sid     = "UsedByTheAlarm"
    actions = ["kms:Decrypt", "kms:GenerateDataKey"]
    # justified: in the policy of a key this means the key itself
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account_id]
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

data "aws_iam_policy_document" "notifications_topic" {
  for_each = local.notify

  statement {
    sid       = "PublishedToByTheAlarm"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.notifications[each.key].arn]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account_id]
    }
  }
}

resource "aws_sns_topic_policy" "notifications" {
  for_each = local.notify
  arn      = aws_sns_topic.notifications[each.key].arn
  policy   = data.aws_iam_policy_document.notifications_topic[each.key].json
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
}

resource "aws_iam_role_policy" "notify" {
  for_each = local.notify
  name     = "notify"
  role     = aws_iam_role.functions["ftm-notify-completion"].id
  policy   = data.aws_iam_policy_document.notify[each.key].json
}
