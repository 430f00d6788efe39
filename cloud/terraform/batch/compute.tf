resource "aws_launch_template" "batch" {
  name_prefix            = "ftm-batch-"
  description            = "FTM: what AWS Batch does not set itself on its instances"
  update_default_version = true

  # AWS Batch takes MIME only. It keeps the jobs' user from the instance's role: jobs run in host mode, in which the hop
  # limit says nothing to a container.
  user_data = base64encode(templatefile("${path.module}/../instances/user_data.mime.tftpl", {
    container_user_id = split(":", local.container_user)[0]
    more              = ""
  }))

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      volume_size           = var.root_volume_gib
      volume_type           = "gp3"
      encrypted             = true
      delete_on_termination = true
    }
  }
}

locals {
  image_type = var.gpus_per_job > 0 ? "ECS_AL2023_NVIDIA" : "ECS_AL2023"

  compute_environments = {
    spot = {
      type                = "SPOT"
      allocation_strategy = "SPOT_PRICE_CAPACITY_OPTIMIZED" # cheap pools, but of those the least likely to be reclaimed
      max_vcpus           = var.max_vcpus_spot
    }
    on-demand = {
      type                = "EC2"
      allocation_strategy = "BEST_FIT_PROGRESSIVE" # BEST_FIT would wait for one instance type
      max_vcpus           = var.max_vcpus_on_demand
    }
  }

  # Settings that cannot be changed in place. The name is made from them, so that a changed environment is created beside
  # the old one and the queue moves over before the old one is deleted: an environment in use cannot be deleted.
  compute_hash = substr(sha256(jsonencode([
    local.compute_environments["spot"].allocation_strategy,
    local.compute_environments["on-demand"].allocation_strategy,
    sort(var.instance_types),
    local.image_type,
    local.subnet_ids,
    aws_security_group.batch.id,
    aws_launch_template.batch.id,
    aws_launch_template.batch.latest_version,
    aws_iam_instance_profile.instance.arn,
    aws_iam_role.service.arn,
  ])), 0, 8)
}

resource "aws_batch_compute_environment" "this" {
  for_each                 = local.compute_environments
  compute_environment_name = "ftm-compute-${each.key}-${local.compute_hash}"
  type                     = "MANAGED"
  state                    = "ENABLED"
  service_role             = aws_iam_role.service.arn

  compute_resources {
    type                = each.value.type
    allocation_strategy = each.value.allocation_strategy
    min_vcpus           = 0 # nothing runs, and costs, while there are no jobs
    max_vcpus           = each.value.max_vcpus
    instance_type       = var.instance_types
    instance_role       = aws_iam_instance_profile.instance.arn
    subnets             = local.subnet_ids
    security_group_ids  = [aws_security_group.batch.id]

    ec2_configuration {
      image_type = local.image_type
    }

    launch_template {
      launch_template_id = aws_launch_template.batch.id
      version            = aws_launch_template.batch.latest_version
    }

    tags = {
      Name    = "ftm-batch-${each.key}"
      Project = "ftm"
    }
  }

  lifecycle {
    create_before_destroy = true
    ignore_changes        = [compute_resources[0].desired_vcpus] # AWS Batch moves it
  }

  # Without its permissions the service could not delete the environment, and destroy would hang.
  depends_on = [aws_iam_role_policy_attachment.service]
}
