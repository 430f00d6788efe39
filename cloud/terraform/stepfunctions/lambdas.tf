locals {
  # What in the bucket a function reads, writes and deletes (contract, section 2), and how long it may take.
  functions = {
    ftm-prefetch-check        = { timeout_seconds = 30, reads = ["prefetch/*", "progress/*/_themes.json"], writes = [], releases = [] }
    ftm-create-batch-manifest = { timeout_seconds = 60, reads = ["prefetch/*", "manifests/*/_running.json"], writes = ["manifests/*"], releases = ["manifests/*/_running.json"] }
    ftm-summarize-results     = { timeout_seconds = 120, reads = ["manifests/*", "progress/*"], writes = [], releases = [] }                        # 1,000 files
    ftm-notify-completion     = { timeout_seconds = 120, reads = ["manifests/*", "progress/*"], writes = ["progress/*/_cost.json"], releases = [] } # all looks end before it, see looks.py
  }

  executions_arn       = "arn:${local.partition}:states:${local.region}:${local.account_id}:execution:ftm-quarter-processor:*"
  panel_executions_arn = "arn:${local.partition}:states:${local.region}:${local.account_id}:execution:ftm-panel-processor:*"

  function_environment = {
    ftm-notify-completion = { SNS_TOPIC_ARN = local.alerts_topic_arn }
  }
}

resource "aws_cloudwatch_log_group" "functions" {
  # checkov:skip=CKV_AWS_158: logs are encrypted anyway, and hold counts and batch ids but no sentences
  for_each          = local.functions
  name              = "/aws/lambda/${each.key}"
  retention_in_days = var.log_retention_days
}

resource "aws_lambda_function" "functions" {
  # checkov:skip=CKV_AWS_115: one execution calls one function at a time; a reserve would be taken from the account
  # checkov:skip=CKV_AWS_116: called by the state machine, which waits for the answer, and repeats calls and reports failures itself; by EventBridge only for a mail, which Lambda tries three times
  # checkov:skip=CKV_AWS_117: they use only services of AWS, for which they would need endpoints in a VPC
  # checkov:skip=CKV_AWS_173: the only variable is the ARN of a topic
  # checkov:skip=CKV_AWS_272: the zips are built from this repository and uploaded only by this root
  for_each         = local.functions
  function_name    = each.key
  description      = "FTM: see cloud/src/lambdas"
  role             = aws_iam_role.functions[each.key].arn
  runtime          = "python3.13"
  architectures    = ["arm64"]
  handler          = "lambda_function.handler"
  filename         = "${var.zip_dir}/${each.key}.zip"
  source_code_hash = filebase64sha256("${var.zip_dir}/${each.key}.zip")
  timeout          = each.value.timeout_seconds
  memory_size      = 256

  dynamic "environment" {
    for_each = length(lookup(local.function_environment, each.key, {})) > 0 ? [local.function_environment[each.key]] : []

    content {
      variables = environment.value
    }
  }

  tracing_config {
    mode = "Active"
  }

  # Lambda itself would create a log group without retention, and the first call needs the role's permissions.
  depends_on = [aws_cloudwatch_log_group.functions, aws_iam_role_policy.functions]
}
