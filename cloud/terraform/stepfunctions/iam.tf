# --- Lambda functions: a role each ------------------------------------------------------------

data "aws_iam_policy_document" "lambda_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "functions" {
  for_each           = local.functions
  name               = "${each.key}-role"
  description        = "What the function ${each.key} may do"
  assume_role_policy = data.aws_iam_policy_document.lambda_trust.json
}

data "aws_iam_policy_document" "functions" {
  for_each = local.functions

  statement {
    sid       = "WriteLog"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.functions[each.key].arn}:*"]
  }

  statement {
    sid     = "Trace"
    actions = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
    # justified: these actions do not support resources
    resources = ["*"]
  }

  # Without this permission S3 answers 403 instead of 404 for an object that does not exist, and a quarter that is not
  # prefetched would look like a missing permission. A condition on the prefix would have the same effect.
  dynamic "statement" {
    for_each = length(each.value.reads) > 0 ? [local.bucket_arn] : []

    content {
      sid       = "SeeWhatIsMissing"
      actions   = ["s3:ListBucket"]
      resources = [statement.value]
    }
  }

  dynamic "statement" {
    for_each = length(each.value.reads) > 0 ? [each.value.reads] : []

    content {
      sid       = "Read"
      actions   = ["s3:GetObject"]
      resources = [for folder in statement.value : "${local.bucket_arn}/${folder}"]
    }
  }

  dynamic "statement" {
    for_each = length(each.value.writes) > 0 ? [each.value.writes] : []

    content {
      sid       = "Write"
      actions   = ["s3:PutObject"]
      resources = [for folder in statement.value : "${local.bucket_arn}/${folder}"]
    }
  }

  dynamic "statement" {
    for_each = length(each.value.releases) > 0 ? [each.value.releases] : []

    content {
      sid       = "ReleaseQuarter"
      actions   = ["s3:DeleteObject"]
      resources = [for key in statement.value : "${local.bucket_arn}/${key}"]
    }
  }

  # Whether the execution that holds a quarter still runs.
  dynamic "statement" {
    for_each = length(each.value.releases) > 0 ? [local.executions_arn] : []

    content {
      sid       = "LookAtExecutions"
      actions   = ["states:DescribeExecution"]
      resources = [statement.value]
    }
  }
}

# Whether vLLM runs, and what the execution has cost, for the mail and progress/<quarter>/_cost.json.
data "aws_iam_policy_document" "look_at_vllm_and_cost" {
  statement {
    sid     = "LookAtGroup"
    actions = ["autoscaling:DescribeAutoScalingGroups", "ec2:DescribeInstances"]
    # justified: these actions do not support resources
    resources = ["*"]
  }

  statement {
    sid       = "LookAtService"
    actions   = ["ecs:DescribeServices"]
    resources = ["arn:${local.partition}:ecs:${local.region}:${local.account_id}:service/ftm-vllm-cluster/ftm-vllm-service"]
  }

  statement {
    sid     = "LookAtCost"
    actions = ["batch:DescribeJobs", "batch:ListJobs", "cloudwatch:GetMetricStatistics"]
    # justified: these actions do not support resources
    resources = ["*"]
  }
}

resource "aws_iam_role_policy" "look_at_vllm_and_cost" {
  name   = "look-at-vllm-and-cost"
  role   = aws_iam_role.functions["ftm-notify-completion"].id
  policy = data.aws_iam_policy_document.look_at_vllm_and_cost.json
}

resource "aws_iam_role_policy" "functions" {
  for_each = local.functions
  name     = "function"
  role     = aws_iam_role.functions[each.key].id
  policy   = data.aws_iam_policy_document.functions[each.key].json
}

# --- state machine ----------------------------------------------------------------------------

data "aws_iam_policy_document" "states_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["states.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account_id]
    }
  }
}

resource "aws_iam_role" "state_machine" {
  name               = "ftm-states-role"
  description        = "What an execution of ftm-quarter-processor may do"
  assume_role_policy = data.aws_iam_policy_document.states_trust.json
}

# What both state machines need, to wait for jobs and to write their logs.
data "aws_iam_policy_document" "every_state_machine" {
  statement {
    sid       = "StopAndTagJobs"
    actions   = ["batch:TerminateJob", "batch:TagResource"]
    resources = ["arn:${local.partition}:batch:${local.region}:${local.account_id}:job/*"]
  }

  statement {
    sid     = "LookAtJobs"
    actions = ["batch:DescribeJobs"]
    # justified: this action does not support resources
    resources = ["*"]
  }

  # `.sync` learns of a job's end through a rule with this name, which Step Functions creates in the account.
  statement {
    sid       = "WaitForJobs"
    actions   = ["events:DescribeRule", "events:PutRule", "events:PutTargets"]
    resources = ["arn:${local.partition}:events:${local.region}:${local.account_id}:rule/StepFunctionsGetEventsForBatchJobsRule"]
  }

  statement {
    sid = "DeliverLog"
    actions = [
      "logs:CreateLogDelivery",
      "logs:DeleteLogDelivery",
      "logs:DescribeLogGroups",
      "logs:DescribeResourcePolicies",
      "logs:GetLogDelivery",
      "logs:ListLogDeliveries",
      "logs:PutResourcePolicy",
      "logs:UpdateLogDelivery",
    ]
    # justified: the actions of log delivery do not support resources
    resources = ["*"]
  }

  statement {
    sid = "Trace"
    actions = [
      "xray:GetSamplingRules",
      "xray:GetSamplingTargets",
      "xray:PutTelemetryRecords",
      "xray:PutTraceSegments",
    ]
    # justified: these actions do not support resources
    resources = ["*"]
  }
}

data "aws_iam_policy_document" "state_machine" {
  source_policy_documents = [data.aws_iam_policy_document.every_state_machine.json]

  statement {
    sid       = "CallFunctions"
    actions   = ["lambda:InvokeFunction"]
    resources = [for function in aws_lambda_function.functions : function.arn]
  }

  statement {
    sid     = "SubmitJobs"
    actions = ["batch:SubmitJob"]
    resources = [
      local.job_queue_arn,
      local.firm_processor_arn,
      "${local.firm_processor_arn}:*", # the revision that the definition's latest one turns out to be
      local.theme_aggregator_arn,
      "${local.theme_aggregator_arn}:*",
    ]
  }

  statement {
    sid       = "ReleaseQuarter"
    actions   = ["s3:DeleteObject"]
    resources = ["${local.bucket_arn}/manifests/*/_running.json"]
  }
}

resource "aws_iam_role_policy" "state_machine" {
  name   = "execution"
  role   = aws_iam_role.state_machine.id
  policy = data.aws_iam_policy_document.state_machine.json
}

# --- state machine of panels ------------------------------------------------------------------

resource "aws_iam_role" "panel_machine" {
  name               = "ftm-panel-states-role"
  description        = "What an execution of ftm-panel-processor may do"
  assume_role_policy = data.aws_iam_policy_document.states_trust.json
}

data "aws_iam_policy_document" "panel_machine" {
  source_policy_documents = [data.aws_iam_policy_document.every_state_machine.json]

  statement {
    sid       = "CallFunction"
    actions   = ["lambda:InvokeFunction"]
    resources = [aws_lambda_function.functions["ftm-prefetch-check"].arn]
  }

  statement {
    sid     = "SubmitJob"
    actions = ["batch:SubmitJob"]
    resources = [
      local.job_queue_arn,
      local.panel_aggregator_arn,
      "${local.panel_aggregator_arn}:*", # the revision that the definition's latest one turns out to be
    ]
  }
}

resource "aws_iam_role_policy" "panel_machine" {
  name   = "execution"
  role   = aws_iam_role.panel_machine.id
  policy = data.aws_iam_policy_document.panel_machine.json
}
