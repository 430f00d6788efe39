data "aws_iam_policy_document" "assume" {
  for_each = toset(["ec2.amazonaws.com", "ecs-tasks.amazonaws.com"])

  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = [each.key]
    }
  }
}

# What the ECS agent on the instance does: register it, pull images, write logs.
resource "aws_iam_role" "instance" {
  name               = "ftm-vllm-instance-role"
  description        = "ECS agent on the GPU instances"
  assume_role_policy = data.aws_iam_policy_document.assume["ec2.amazonaws.com"].json
}

resource "aws_iam_role_policy_attachment" "instance" {
  role       = aws_iam_role.instance.name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role"
}

resource "aws_iam_instance_profile" "instance" {
  name = "ftm-vllm-instance-profile"
  role = aws_iam_role.instance.name
}

# What ECS does to start the task: pull the image, write the log. vLLM itself calls no AWS API, so the task has no role.
resource "aws_iam_role" "execution" {
  name               = "ftm-vllm-execution-role"
  description        = "ECS, when it starts a vLLM task"
  assume_role_policy = data.aws_iam_policy_document.assume["ecs-tasks.amazonaws.com"].json
}

resource "aws_iam_role_policy_attachment" "execution" {
  role       = aws_iam_role.execution.name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
}

data "aws_partition" "current" {}
