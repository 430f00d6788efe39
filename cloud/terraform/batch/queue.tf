locals {
  # A job that fits no instance would wait forever and hold up those behind it.
  wait_limits = {
    "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY"           = var.capacity_wait_seconds
    "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE" = 600
    "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT"         = 600
  }
}

resource "aws_batch_job_queue" "main" {
  name     = "ftm-queue-main"
  state    = "ENABLED"
  priority = 1

  compute_environment_order {
    order               = 1
    compute_environment = aws_batch_compute_environment.this["spot"].arn
  }

  compute_environment_order {
    order               = 2
    compute_environment = aws_batch_compute_environment.this["on-demand"].arn
  }

  dynamic "job_state_time_limit_action" {
    for_each = local.wait_limits

    content {
      action           = "CANCEL"
      state            = "RUNNABLE"
      reason           = job_state_time_limit_action.key
      max_time_seconds = job_state_time_limit_action.value
    }
  }
}
