data "aws_ssm_parameter" "ami" {
  name = var.ami_parameter
}

locals {
  agent_settings = <<-EOT
    cat >> /etc/ecs/ecs.config <<CONFIG
    ECS_CLUSTER=${aws_ecs_cluster.vllm.name}
    ECS_ENABLE_SPOT_INSTANCE_DRAINING=true
    ECS_CONTAINER_STOP_TIMEOUT=${local.stop_timeout_s}s
    ECS_IMAGE_PULL_BEHAVIOR=prefer-cached
    # Of an image of 10 GB a layer may take longer to arrive than the agent waits by itself.
    ECS_IMAGE_PULL_INACTIVITY_TIMEOUT=10m
    CONFIG
    # vLLM runs as a user of group 0, which must be able to store the model here.
    install --directory --mode=0775 ${local.models_folder}
  EOT
}

resource "aws_launch_template" "vllm" {
  name                   = "ftm-vllm"
  description            = "GPU instance of the vLLM cluster"
  update_default_version = true

  # Read when Terraform runs, so that a plan shows a new image before an instance has it.
  image_id      = data.aws_ssm_parameter.ami.insecure_value
  instance_type = var.instance_types[0]

  # The subnet assigns public addresses: subnets of a default VPC do, and without NAT there is no other way out.
  vpc_security_group_ids = [aws_security_group.instance.id]

  user_data = base64encode(templatefile("${path.module}/../instances/user_data.mime.tftpl", {
    container_user_id = split(":", local.container_user)[0]
    more              = local.agent_settings
  }))

  iam_instance_profile {
    arn = aws_iam_instance_profile.instance.arn
  }

  # IMDSv2. In host mode the hop limit says nothing to a container; the user data does.
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      volume_type           = "gp3"
      volume_size           = var.root_volume_gib
      encrypted             = true
      delete_on_termination = true
      # Determines how fast the model is read: 16 GB in about a minute.
      throughput = 300
      iops       = 3000
    }
  }

  dynamic "tag_specifications" {
    for_each = toset(["instance", "volume"])
    content {
      resource_type = tag_specifications.key
      # default_tags are not applied to what Auto Scaling launches.
      tags = { Name = "ftm-vllm", Project = "ftm", Root = "ecs" }
    }
  }
}

resource "aws_autoscaling_group" "vllm" {
  name                = "ftm-vllm-asg"
  min_size            = 0
  max_size            = var.max_instances
  desired_capacity    = 0
  vpc_zone_identifier = local.instance_subnet_ids
  # The alarms use these metrics; they are free.
  enabled_metrics = ["GroupDesiredCapacity", "GroupInServiceInstances"]

  mixed_instances_policy {
    instances_distribution {
      on_demand_percentage_above_base_capacity = var.use_spot ? 0 : 100
      spot_allocation_strategy                 = "price-capacity-optimized"
    }

    launch_template {
      launch_template_specification {
        launch_template_id = aws_launch_template.vllm.id
        version            = aws_launch_template.vllm.latest_version
      }

      dynamic "override" {
        for_each = var.instance_types
        content {
          instance_type = override.value
        }
      }
    }
  }

  tag {
    key                 = "Name"
    value               = "ftm-vllm"
    propagate_at_launch = true
  }

  lifecycle {
    # An operator scales up before a run and down after it. Terraform must not undo that.
    ignore_changes = [desired_capacity]

    precondition {
      condition     = length(local.instance_subnet_ids) > 0
      error_message = "No zone of the subnets offers any of ${join(", ", var.instance_types)}: choose other subnets, types or another region."
    }
  }
}
