resource "aws_cloudwatch_log_group" "state_machine" {
  # checkov:skip=CKV_AWS_158: logs are encrypted anyway; an execution's data are counts and batch ids, not sentences
  name              = "/aws/states/ftm-quarter-processor"
  retention_in_days = var.log_retention_days
}

locals {
  # Each state has a limit of its own; this one ends an execution whose states are repeated or wait one after the other
  # for longer than a quarter can take: 5,000 firms in batches of 50, as many at a time as max_concurrency, each for as
  # long as it may, then the themes, and a day for the functions, which need minutes. With smaller batches there are
  # more of them, but each has less to do.
  batches_of_largest_quarter = 100
  execution_timeout_seconds = (
    ceil(local.batches_of_largest_quarter / var.max_concurrency) * var.map_timeout_seconds + var.reduce_timeout_seconds + 86400
  )
}

resource "aws_sfn_state_machine" "quarter_processor" {
  name     = "ftm-quarter-processor"
  type     = "STANDARD"
  role_arn = aws_iam_role.state_machine.arn

  definition = templatefile("${path.module}/quarter_processor.asl.json", {
    prefetch_check_arn        = aws_lambda_function.functions["ftm-prefetch-check"].arn
    create_batch_manifest_arn = aws_lambda_function.functions["ftm-create-batch-manifest"].arn
    summarize_results_arn     = aws_lambda_function.functions["ftm-summarize-results"].arn
    notify_completion_arn     = aws_lambda_function.functions["ftm-notify-completion"].arn
    job_queue_arn             = local.job_queue_arn
    firm_processor_arn        = local.firm_processor_arn
    theme_aggregator_arn      = local.theme_aggregator_arn
    max_concurrency           = var.max_concurrency
    retry_interval_seconds    = var.retry_interval_seconds
    map_timeout_seconds       = var.map_timeout_seconds
    reduce_timeout_seconds    = var.reduce_timeout_seconds
    execution_timeout_seconds = local.execution_timeout_seconds
  })

  logging_configuration {
    level                  = "ALL"
    include_execution_data = true
    log_destination        = "${aws_cloudwatch_log_group.state_machine.arn}:*"
  }

  tracing_configuration {
    enabled = true
  }

  # AWS checks the role's permissions when the state machine is created.
  depends_on = [aws_iam_role_policy.state_machine]
}

# --- panels -----------------------------------------------------------------------------------

resource "aws_cloudwatch_log_group" "panel_machine" {
  # checkov:skip=CKV_AWS_158: logs are encrypted anyway; an execution's data are names of quarters, not sentences
  name              = "/aws/states/ftm-panel-processor"
  retention_in_days = var.log_retention_days
}

resource "aws_sfn_state_machine" "panel_processor" {
  name     = "ftm-panel-processor"
  type     = "STANDARD"
  role_arn = aws_iam_role.panel_machine.arn

  definition = templatefile("${path.module}/panel_processor.asl.json", {
    prefetch_check_arn     = aws_lambda_function.functions["ftm-prefetch-check"].arn
    job_queue_arn          = local.job_queue_arn
    panel_aggregator_arn   = local.panel_aggregator_arn
    retry_interval_seconds = var.retry_interval_seconds
    panel_timeout_seconds  = var.panel_timeout_seconds
    # An hour for the check of the input, which needs seconds: a repeated state may wait for its time once more.
    execution_timeout_seconds = var.panel_timeout_seconds + 3600
  })

  logging_configuration {
    level                  = "ALL"
    include_execution_data = true
    log_destination        = "${aws_cloudwatch_log_group.panel_machine.arn}:*"
  }

  tracing_configuration {
    enabled = true
  }

  depends_on = [aws_iam_role_policy.panel_machine]
}
