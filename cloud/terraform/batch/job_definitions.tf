locals {
  # The image's own user, also of an image of yours: compute.tf keeps this one from the instance's role.
  container_user = "65532:65532"

  image = "${local.account_id}.dkr.ecr.${local.region}.${data.aws_partition.current.dns_suffix}/ftm-worker:${var.image_tag}"

  jobs = {
    ftm-firm-processor   = merge(var.map_job, { command = "map", gpus = var.gpus_per_job })
    ftm-theme-aggregator = merge(var.reduce_job, { command = "reduce", gpus = 0 })
    ftm-panel-aggregator = merge(var.reduce_job, { command = "panel", gpus = 0 }) # reads quarters as reduce does
  }

  llm_environment = var.llm == "vllm" ? { LLM_BASE_URL = local.vllm_base_url } : {}

  environment = {
    for name, job in local.jobs : name => merge(
      {
        AWS_DEFAULT_REGION = local.region
        DEPLOYED_COMMIT    = var.image_tag       # the image states its own; a job reports when they differ
        EMBEDDING_THREADS  = tostring(job.vcpus) # by itself it would start one for every core of the host
        LLM_MODEL_NAME     = var.llm_model_name
        LLM_MAX_CONCURRENT = tostring(var.llm_max_concurrent)
        LLM_OUTAGE_LIMIT_S = tostring(var.llm_outage_limit_seconds)
        # From then on a map job only finishes what it has begun, also if it then has to wait for the LLM.
        JOB_STOPS_AFTER_S = tostring(max(floor(job.timeout_seconds / 2), job.timeout_seconds - var.llm_outage_limit_seconds - 900))
      },
      local.llm_environment,
      var.job_environment,
    )
  }

  # Only where it is used, because a job does not start while its secret has no value.
  secrets = var.llm == "grok" ? [{ name = "LLM_API_KEY", valueFrom = aws_secretsmanager_secret.xai.arn }] : []
}

resource "aws_batch_job_definition" "jobs" {
  for_each              = local.jobs
  name                  = each.key
  type                  = "container"
  platform_capabilities = ["EC2"]
  propagate_tags        = true

  container_properties = jsonencode({
    image            = local.image
    command          = [each.value.command] # the image's entry point is the worker
    user             = local.container_user
    jobRoleArn       = aws_iam_role.job[each.key].arn
    executionRoleArn = aws_iam_role.execution.arn
    environment      = [for name, value in local.environment[each.key] : { name = name, value = value }]
    secrets          = each.key == "ftm-panel-aggregator" ? [] : local.secrets # it asks no LLM

    resourceRequirements = concat(
      [
        { type = "VCPU", value = tostring(each.value.vcpus) },
        { type = "MEMORY", value = tostring(each.value.memory_mib) },
      ],
      each.value.gpus > 0 ? [{ type = "GPU", value = tostring(each.value.gpus) }] : [],
    )

    privileged             = false
    readonlyRootFilesystem = true
    linuxParameters = {
      initProcessEnabled = true
      tmpfs              = [{ containerPath = "/tmp", size = each.value.tmp_mib, mountOptions = ["rw", "nosuid", "nodev"] }]
    }

    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.batch.name
        awslogs-region        = local.region
        awslogs-stream-prefix = each.key
      }
    }
  })

  # The first matching condition decides. Where trying again helps, the worker has already done so itself.
  retry_strategy {
    attempts = 3

    evaluate_on_exit {
      on_status_reason = "Host EC2*" # Spot has taken the instance back
      action           = "RETRY"
    }

    evaluate_on_exit {
      on_reason = "CannotPullContainer*"
      action    = "RETRY"
    }

    evaluate_on_exit {
      on_reason = "DockerTimeoutError*" # a busy host
      action    = "RETRY"
    }

    evaluate_on_exit {
      on_status_reason = "Task failed to start*"
      action           = "RETRY"
    }

    evaluate_on_exit {
      on_reason = "*"
      action    = "EXIT"
    }
  }

  timeout {
    attempt_duration_seconds = each.value.timeout_seconds
  }
}
