data "aws_iam_policy_document" "instance_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

# What the ECS agent on the instance does: register it, pull images, write logs.
resource "aws_iam_role" "instance" {
  name               = "ftm-vllm-instance-role"
  description        = "ECS agent on the GPU instances"
  assume_role_policy = data.aws_iam_policy_document.instance_trust.json
}

resource "aws_iam_role_policy_attachment" "instance" {
  role       = aws_iam_role.instance.name
  policy_arn = "arn:${local.partition}:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role"
}

# A way into the instance, on request. AWS's own policy for it, AmazonSSMManagedInstanceCore, may read every parameter.
data "aws_iam_policy_document" "session" {
  # checkov:skip=CKV_AWS_111:An instance may only report that it is there and open its own end of a session
  # checkov:skip=CKV_AWS_356:The same; these actions read and change nothing else
  statement {
    sid = "OpenSession"
    actions = [
      "ssm:UpdateInstanceInformation",
      "ssmmessages:CreateControlChannel",
      "ssmmessages:CreateDataChannel",
      "ssmmessages:OpenControlChannel",
      "ssmmessages:OpenDataChannel",
    ]
    # justified: the actions of a session do not support resources
    resources = ["*"]
  }
}

resource "aws_iam_role_policy" "session" {
  count = var.session_access ? 1 : 0

  name   = "session"
  role   = aws_iam_role.instance.id
  policy = data.aws_iam_policy_document.session.json
}

resource "aws_iam_instance_profile" "instance" {
  name = "ftm-vllm-instance-profile"
  role = aws_iam_role.instance.name
}

# What ECS does to start the task: pull the image, write the log. vLLM itself calls no AWS API, so the task has no role.
data "aws_iam_policy_document" "execution_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }
  }
}

resource "aws_iam_role" "execution" {
  name               = "ftm-vllm-execution-role"
  description        = "ECS, when it starts a vLLM task"
  assume_role_policy = data.aws_iam_policy_document.execution_trust.json
}

data "aws_iam_policy_document" "execution" {
  statement {
    sid       = "PullImage"
    actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    resources = ["arn:${local.partition}:ecr:${data.aws_region.current.name}:${data.aws_caller_identity.current.account_id}:repository/ftm-vllm"]
  }

  statement {
    sid     = "LogInToRegistry"
    actions = ["ecr:GetAuthorizationToken"]
    # justified: this action does not support resources
    resources = ["*"]
  }

  statement {
    sid       = "WriteLog"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.vllm.arn}:*"]
  }
}

resource "aws_iam_role_policy" "execution" {
  name   = "start-tasks"
  role   = aws_iam_role.execution.id
  policy = data.aws_iam_policy_document.execution.json
}

data "aws_partition" "current" {}

locals {
  partition = data.aws_partition.current.partition
}
