# --- model ------------------------------------------------------------------------------------

variable "vllm_image_digest" {
  description = "Which image of the account's own repository ftm-vllm: the digest that its push gave (aws ecr describe-images). Null: another image."
  type        = string
  default     = null

  validation {
    condition     = var.vllm_image_digest == null || can(regex("^sha256:[0-9a-f]{64}$", var.vllm_image_digest))
    error_message = "vllm_image_digest must be written like sha256: and 64 hexadecimal digits."
  }

  validation {
    condition     = (var.vllm_image_digest == null) != (var.vllm_image == null)
    error_message = <<-EOT
      vLLM needs one image. Its own, once ftm-vllm is pushed (docs/deployment/sprint5_deployment_guide.md, section 3):
      export TF_VAR_vllm_image_digest=$(aws ecr describe-images --repository-name ftm-vllm --image-ids imageTag=<tag> --query 'imageDetails[0].imageDigest' --output text)
      or another one: export TF_VAR_vllm_image=vllm/vllm-openai:v0.32.0
    EOT
  }
}

variable "vllm_image" {
  description = "Another image of vLLM, pinned to a version or digest, such as Docker Hub's vllm/vllm-openai:v0.32.0, whose limits for anonymous pulls count per address."
  type        = string
  default     = null

  validation {
    condition     = var.vllm_image == null || try(can(regex("(:[A-Za-z0-9._-]+|@sha256:[0-9a-f]{64})$", var.vllm_image)) && !endswith(var.vllm_image, ":latest"), false)
    error_message = "vllm_image must end in a tag other than latest, or in a digest: what is tested must be what runs."
  }
}

variable "model" {
  description = "Model on the Hugging Face hub that needs no token. The worker's LLM_MODEL_NAME must be the same."
  type        = string
  default     = "Qwen/Qwen3-8B"

  validation {
    condition     = can(regex("^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+$", var.model))
    error_message = "model must be written like Qwen/Qwen3-8B."
  }
}

variable "model_revision" {
  description = "Commit, tag or branch of the model on the hub. Null: its default branch, which may change."
  type        = string
  default     = null

  validation {
    condition     = var.model_revision == null || can(regex("^[A-Za-z0-9][A-Za-z0-9._/-]*$", var.model_revision))
    error_message = "model_revision must be a commit, a tag or a branch."
  }
}

variable "max_model_len" {
  description = "Tokens of prompt and answer together. Naming needs about 2,000; a larger context leaves less memory for parallel requests."
  type        = number
  default     = 8192

  validation {
    condition     = var.max_model_len >= 2048 && var.max_model_len <= 40960 && floor(var.max_model_len) == var.max_model_len
    error_message = "max_model_len must be a whole number from 2048 to 40960."
  }
}

variable "container_memory_mib" {
  description = "Memory of the container in MiB. The smallest instance has 16 GiB, of which about 15,000 MiB are left for containers."
  type        = number
  default     = 14000

  validation {
    condition     = var.container_memory_mib >= 8192 && floor(var.container_memory_mib) == var.container_memory_mib
    error_message = "container_memory_mib must be a whole number from 8192: vLLM loads the weights through it."
  }
}

# --- instances --------------------------------------------------------------------------------

variable "instance_types" {
  description = "GPU instance types, each with one GPU of at least 24 GB. Several give Spot more pools to choose from; on demand the first is tried first."
  type        = list(string)
  default     = ["g5.xlarge", "g6.xlarge", "g5.2xlarge", "g6.2xlarge"]

  validation {
    condition     = length(var.instance_types) > 0 && alltrue([for type in var.instance_types : can(regex("^g[5-9][a-z]*\\.[0-9]*x?large$", type))])
    error_message = "instance_types must be one or more types like g5.xlarge."
  }
}

variable "use_spot" {
  description = "Spot instances, at about a third of the price, or on-demand ones, which are never reclaimed."
  type        = bool
  default     = true
}

variable "max_instances" {
  description = "Maximum number of instances that an operator can request."
  type        = number
  default     = 2

  validation {
    condition     = var.max_instances >= 1 && var.max_instances <= 10 && floor(var.max_instances) == var.max_instances
    error_message = "max_instances must be a whole number from 1 to 10."
  }
}

variable "root_volume_gib" {
  description = "Size of the encrypted root volume. System and image take about 50 GiB, an 8B model 16 GiB."
  type        = number
  default     = 120

  validation {
    condition     = var.root_volume_gib >= 100 && var.root_volume_gib <= 1000 && floor(var.root_volume_gib) == var.root_volume_gib
    error_message = "root_volume_gib must be a whole number from 100 to 1000."
  }
}

variable "ami_parameter" {
  description = "Public SSM parameter with the id of the ECS-optimised GPU image."
  type        = string
  default     = "/aws/service/ecs/optimized-ami/amazon-linux-2023/gpu/recommended/image_id"

  validation {
    condition     = startswith(var.ami_parameter, "/aws/service/ecs/optimized-ami/") && strcontains(var.ami_parameter, "/gpu/")
    error_message = "ami_parameter must be a GPU variant under /aws/service/ecs/optimized-ami/."
  }
}

variable "session_access" {
  description = "Whether a shell on an instance can be opened with: aws ssm start-session --target <instance>. For looking into a failure."
  type        = bool
  default     = false
}

# --- network ----------------------------------------------------------------------------------

variable "vpc_id" {
  description = "VPC to run in. Null: the region's default VPC."
  type        = string
  default     = null

  validation {
    condition     = var.vpc_id == null || can(regex("^vpc-[0-9a-f]+$", var.vpc_id))
    error_message = "vpc_id must be written like vpc-0123456789abcdef0."
  }
}

variable "subnet_ids" {
  description = "Subnets in at least two zones, with access to the internet. Null: the default ones of the default VPC, or all of vpc_id."
  type        = list(string)
  default     = null

  validation {
    condition     = var.subnet_ids == null || (try(length(var.subnet_ids), 0) >= 2 && alltrue([for id in coalesce(var.subnet_ids, []) : can(regex("^subnet-[0-9a-f]+$", id))]))
    error_message = "subnet_ids must be two or more ids like subnet-0123456789abcdef0: a load balancer needs two zones."
  }
}

# --- watching ---------------------------------------------------------------------------------

variable "idle_hours" {
  description = "Hours that vLLM may run without being asked before its group is set to 0. Longer than a job waits for an instance while vLLM starts."
  type        = number
  default     = 3

  validation {
    condition     = var.idle_hours >= 3 && var.idle_hours <= 24 && floor(var.idle_hours) == var.idle_hours
    error_message = "idle_hours must be a whole number from 3 to 24: jobs wait two hours for an instance while vLLM is up."
  }
}

variable "idle_bytes" {
  description = "An instance that receives fewer bytes in five minutes is idle. A name takes about 3,000 (an estimate), health checks and agents far less than the default."
  type        = number
  default     = 500000

  validation {
    condition     = var.idle_bytes > 0
    error_message = "idle_bytes must be more than 0."
  }
}

variable "max_hours" {
  description = "Hours after which vLLM's group is set to 0 whatever it does; a mail is sent at half of them."
  type        = number
  default     = 24

  validation {
    condition     = var.max_hours >= 2 && var.max_hours <= 24 && floor(var.max_hours) == var.max_hours
    error_message = "max_hours must be a whole number from 2 to 24, as an alarm looks back a day at most."
  }
}

variable "monthly_budget_usd" {
  description = "Monthly cost of the whole account, in USD; a message is sent at 80 % of it. Null: no budget, which needs access to billing."
  type        = number
  default     = null

  validation {
    condition     = var.monthly_budget_usd == null || try(var.monthly_budget_usd > 0, false)
    error_message = "monthly_budget_usd must be more than 0."
  }
}

variable "log_retention_days" {
  description = "Days for which vLLM's log is kept."
  type        = number
  default     = 30

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365], var.log_retention_days)
    error_message = "log_retention_days must be one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365."
  }
}
