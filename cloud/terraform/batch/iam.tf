# --- the service and its instances ------------------------------------------------------------

data "aws_iam_policy_document" "service_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["batch.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "service" {
  name               = "ftm-batch-service-role"
  description        = "AWS Batch: starts and stops the instances"
  assume_role_policy = data.aws_iam_policy_document.service_trust.json
}

resource "aws_iam_role_policy_attachment" "service" {
  role       = aws_iam_role.service.name
  policy_arn = "arn:${local.partition}:iam::aws:policy/service-role/AWSBatchServiceRole"
}

data "aws_iam_policy_document" "instance_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "instance" {
  name               = "ftm-batch-instance-role"
  description        = "Instances of AWS Batch: join their ECS cluster. Jobs have roles of their own"
  assume_role_policy = data.aws_iam_policy_document.instance_trust.json
}

resource "aws_iam_role_policy_attachment" "instance" {
  role       = aws_iam_role.instance.name
  policy_arn = "arn:${local.partition}:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role"
}

resource "aws_iam_instance_profile" "instance" {
  name = "ftm-batch-instance-profile"
  role = aws_iam_role.instance.name
}

# --- what starts a job's container ------------------------------------------------------------

data "aws_iam_policy_document" "task_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account_id]
    }
  }
}

resource "aws_iam_role" "execution" {
  name               = "ftm-batch-execution-role"
  description        = "Start of a job: pull the image, read the secret, write the log"
  assume_role_policy = data.aws_iam_policy_document.task_trust.json
}

data "aws_iam_policy_document" "execution" {
  statement {
    sid       = "PullImage"
    actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    resources = ["arn:${local.partition}:ecr:${local.region}:${local.account_id}:repository/ftm-worker"]
  }

  statement {
    sid     = "LogInToRegistry"
    actions = ["ecr:GetAuthorizationToken"]
    # justified: this action does not support resources
    resources = ["*"]
  }

  statement {
    sid       = "ReadLlmKey"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [aws_secretsmanager_secret.xai.arn]
  }

  statement {
    sid       = "WriteLog"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.batch.arn}:*"]
  }
}

resource "aws_iam_role_policy" "execution" {
  name   = "start-jobs"
  role   = aws_iam_role.execution.id
  policy = data.aws_iam_policy_document.execution.json
}

# --- what a job may do ------------------------------------------------------------------------

locals {
  # Folders of the bucket (contract, section 2).
  job_access = {
    ftm-firm-processor = {
      reads   = ["prefetch/*", "manifests/*", "intermediate/*"]
      writes  = ["intermediate/*", "progress/*"]
      deletes = []
    }
    ftm-theme-aggregator = {
      reads  = ["manifests/*", "progress/*", "intermediate/*", "processed/*"]
      writes = ["processed/*", "sentiment-ready/*", "intermediate/llm-answers/*", "progress/*/_themes.json"]
      # Parts of an earlier run with other batches, and a second table of an earlier version beside that of the themes.
      deletes = [
        "processed/sentences/*",
        "processed/evidence/*",
        "processed/themes/*",
        "intermediate/firm-topics/*",
        "intermediate/firm-sentences/*",
        # Not themes.json, which is the reduce job's own.
        "intermediate/llm-answers/*_part_*",
      ]
    }
    ftm-panel-aggregator = {
      reads   = ["manifests/*", "progress/*", "intermediate/firm-topics/*", "intermediate/firm-sentences/*", "processed/themes/*"]
      writes  = ["panels/*"]
      deletes = ["panels/*"] # tables of a panel that had the same name
    }
  }
}

data "aws_iam_policy_document" "job" {
  for_each = local.job_access

  # Without this permission S3 answers 403 instead of 404 for an object that does not exist. A condition on the
  # prefix would have the same effect.
  statement {
    sid       = "SeeWhatIsMissing"
    actions   = ["s3:ListBucket"]
    resources = [local.bucket_arn]
  }

  statement {
    sid       = "Read"
    actions   = ["s3:GetObject"]
    resources = [for folder in each.value.reads : "${local.bucket_arn}/${folder}"]
  }

  statement {
    sid       = "Write"
    actions   = ["s3:PutObject", "s3:AbortMultipartUpload"]
    resources = [for folder in each.value.writes : "${local.bucket_arn}/${folder}"]
  }

  dynamic "statement" {
    for_each = length(each.value.deletes) > 0 ? [each.value.deletes] : []

    content {
      sid       = "Delete"
      actions   = ["s3:DeleteObject"]
      resources = [for folder in statement.value : "${local.bucket_arn}/${folder}"]
    }
  }
}

resource "aws_iam_role" "job" {
  for_each           = local.job_access
  name               = "${each.key}-role"
  description        = "What a job ${each.key} may do"
  assume_role_policy = data.aws_iam_policy_document.task_trust.json
}

resource "aws_iam_role_policy" "job" {
  for_each = local.job_access
  name     = "bucket"
  role     = aws_iam_role.job[each.key].id
  policy   = data.aws_iam_policy_document.job[each.key].json
}
