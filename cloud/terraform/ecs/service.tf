locals {
  vllm_port     = 8000
  models_folder = "/var/lib/ftm/models" # on the instance

  # The user of vLLM's image, which is not root: asg.tf keeps it from the instance's role, as it cannot root.
  container_user = "2000:0"

  # A Spot instance is reclaimed two minutes after the warning. During these, no new requests are sent (the load balancer's
  # delay), vLLM finishes its requests (its own timeout), and only then is the container killed (the stop timeout).
  deregistration_delay_s = 50
  shutdown_timeout_s     = 50
  stop_timeout_s         = 60

  repository = join("", [
    "${data.aws_caller_identity.current.account_id}.dkr.ecr.${data.aws_region.current.name}.",
    "${data.aws_partition.current.dns_suffix}/ftm-vllm",
  ])

  arguments = [
    var.model,
    "--host", "0.0.0.0",
    "--port", tostring(local.vllm_port),
    "--max-model-len", tostring(var.max_model_len),
    # All naming prompts begin with the same instructions and examples.
    "--enable-prefix-caching",
    "--shutdown-timeout", tostring(local.shutdown_timeout_s),
  ]

  container = {
    name      = "vllm"
    image     = var.vllm_image == null ? "${local.repository}@${var.vllm_image_digest}" : var.vllm_image
    essential = true
    user      = local.container_user

    # On the container and not on the task, so that only this is checked against what the instance has.
    memory               = var.container_memory_mib
    resourceRequirements = [{ type = "GPU", value = "1" }]
    linuxParameters      = { sharedMemorySize = 1024 }
    stopTimeout          = local.stop_timeout_s

    entryPoint = ["vllm", "serve"]
    command    = concat(local.arguments, var.model_revision == null ? [] : ["--revision", var.model_revision])

    # No Hugging Face token: the model is public.
    environment  = [{ name = "HF_HOME", value = "/models" }]
    mountPoints  = [{ sourceVolume = "models", containerPath = "/models", readOnly = false }]
    portMappings = [{ containerPort = local.vllm_port, hostPort = local.vllm_port, protocol = "tcp" }]

    # The list of models, because /health answers before the model does. Loading takes 5 to 10 minutes, an estimate.
    healthCheck = {
      command     = ["CMD-SHELL", "curl --fail --silent http://127.0.0.1:${local.vllm_port}/v1/models || exit 1"]
      startPeriod = 300
      interval    = 60
      timeout     = 10
      retries     = 10
    }

    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.vllm.name
        awslogs-region        = data.aws_region.current.name
        awslogs-stream-prefix = "vllm"
      }
    }
  }
}

resource "aws_cloudwatch_log_group" "vllm" {
  # checkov:skip=CKV_AWS_158:No KMS key: the log has no transcripts in it, only requests' sizes and times
  # checkov:skip=CKV_AWS_338:Useful for weeks only: a run's results are recorded in S3
  name              = "/ecs/ftm-vllm"
  retention_in_days = var.log_retention_days
}

resource "aws_ecs_cluster" "vllm" {
  # checkov:skip=CKV_AWS_65:Nothing reads Container Insights, and its metrics are billed one by one
  name = "ftm-vllm-cluster"

  setting {
    name  = "containerInsights"
    value = "disabled"
  }
}

resource "aws_ecs_task_definition" "vllm" {
  # checkov:skip=CKV_AWS_336:A writable root: vLLM compiles kernels into it
  family                   = "ftm-vllm"
  requires_compatibilities = ["EC2"]
  execution_role_arn       = aws_iam_role.execution.arn
  container_definitions    = jsonencode([local.container])

  # Not awsvpc: on EC2 such a task gets no public address, and could not load the model in a default VPC without NAT.
  network_mode = "host"

  # On the instance, so that a restarted task finds the model.
  volume {
    name      = "models"
    host_path = local.models_folder
  }
}

resource "aws_ecs_service" "vllm" {
  # checkov:skip=CKV_AWS_332:Concerns Fargate; these tasks run on EC2
  name            = "ftm-vllm-service"
  cluster         = aws_ecs_cluster.vllm.id
  task_definition = aws_ecs_task_definition.vllm.arn
  launch_type     = "EC2"
  desired_count   = 0

  # A new task needs the port and GPU of the old one, and a draining instance must be allowed to be the last.
  deployment_minimum_healthy_percent = 0
  deployment_maximum_percent         = 100
  health_check_grace_period_seconds  = 900

  # One task per instance, because of the port and the GPU; stated so that ECS does not try to place two.
  placement_constraints {
    type = "distinctInstance"
  }

  load_balancer {
    target_group_arn = aws_lb_target_group.vllm.arn
    container_name   = local.container.name
    container_port   = local.vllm_port
  }

  lifecycle {
    # An operator scales up before a run and down after it. Terraform must not undo that.
    ignore_changes = [desired_count]
  }

  # The target group has to belong to a load balancer, and the role has to last until the tasks are gone.
  depends_on = [aws_lb_listener.http, aws_iam_role_policy.execution]
}
