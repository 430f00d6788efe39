# Mails go to the topic of the root storage.

data "aws_iam_policy_document" "notify" {
  statement {
    sid       = "Publish"
    actions   = ["sns:Publish"]
    resources = [local.alerts_topic_arn]
  }

  statement {
    sid       = "SeeHowExecutionsEnded"
    actions   = ["states:DescribeExecution", "states:GetExecutionHistory"]
    resources = [local.executions_arn, local.panel_executions_arn]
  }
}

resource "aws_iam_role_policy" "notify" {
  name   = "notify"
  role   = aws_iam_role.functions["ftm-notify-completion"].id
  policy = data.aws_iam_policy_document.notify.json
}

# --- endings that an execution does not mail itself ----------------------------------------------

# Of a quarter: it has failed before or in NotifyCompletion, was stopped or has timed out. The event does not say
# whether the execution has sent its mail: the function looks. A panel mails nothing itself.
resource "aws_cloudwatch_event_rule" "ended" {
  name        = "ftm-execution-ended"
  description = "Executions of ftm-quarter-processor that have not succeeded, and all of ftm-panel-processor"
  event_pattern = jsonencode({
    source      = ["aws.states"]
    detail-type = ["Step Functions Execution Status Change"]
    detail = {
      "$or" = [
        {
          stateMachineArn = [aws_sfn_state_machine.quarter_processor.arn]
          status          = ["FAILED", "ABORTED", "TIMED_OUT"]
        },
        {
          stateMachineArn = [aws_sfn_state_machine.panel_processor.arn]
          status          = ["SUCCEEDED", "FAILED", "ABORTED", "TIMED_OUT"]
        },
      ]
    }
  })
}

resource "aws_cloudwatch_event_target" "ended" {
  rule      = aws_cloudwatch_event_rule.ended.name
  target_id = "ftm-notify-completion"
  arn       = aws_lambda_function.functions["ftm-notify-completion"].arn
}

# Where the function itself is what is broken, it cannot mail that: after three tries Lambda sends the event and the
# error to the topic, by the function's role.
resource "aws_lambda_function_event_invoke_config" "ended" {
  function_name          = aws_lambda_function.functions["ftm-notify-completion"].function_name
  maximum_retry_attempts = 2

  destination_config {
    on_failure {
      destination = local.alerts_topic_arn
    }
  }

  # Lambda looks whether the role may publish.
  depends_on = [aws_iam_role_policy.notify]
}

resource "aws_lambda_permission" "ended" {
  statement_id  = "ended"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.functions["ftm-notify-completion"].function_name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.ended.arn
}
