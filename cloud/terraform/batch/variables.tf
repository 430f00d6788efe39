# --- image ------------------------------------------------------------------------------------

variable "image_tag" {
  description = "Tag of the worker image in the ECR repository ftm-worker: the git commit it was built from. Jobs compare the two."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$", var.image_tag)) && var.image_tag != "latest"
    error_message = "image_tag must be a tag that never moves, such as a git commit: with \"latest\" nobody knows what ran."
  }
}

# --- compute ----------------------------------------------------------------------------------

variable "instance_types" {
  description = "Instance families or types, x86-64. The default suits the int8 embedding model, which runs on CPUs; for GPUs also set gpus_per_job."
  type        = list(string)
  default     = ["c6i", "c6a", "c7i", "c7a", "m6i", "m6a", "m7i", "m7a"]

  validation {
    condition     = length(var.instance_types) > 0
    error_message = "instance_types needs at least one family (c6i) or type (c6i.xlarge)."
  }

  validation {
    condition     = alltrue([for name in var.instance_types : !can(regex("^[a-z]+[0-9]+g", name))])
    error_message = "instance_types must be x86-64: the worker image does not run on Graviton (c7g, m7g, g5g, ...)."
  }
}

variable "gpus_per_job" {
  description = "GPUs of a map job: 0 for CPU instances, 1 for an image with CUDA on GPU instances."
  type        = number
  default     = 0

  validation {
    condition     = contains([0, 1], var.gpus_per_job)
    error_message = "gpus_per_job must be 0 or 1: the worker uses one GPU."
  }

  validation {
    condition     = var.gpus_per_job == 0 || alltrue([for name in var.instance_types : can(regex("^[gp][0-9]", name))])
    error_message = "gpus_per_job = 1 needs GPU instance_types, such as [\"g5.xlarge\", \"g6.xlarge\"]."
  }
}

variable "max_vcpus_spot" {
  description = "Maximum number of vCPUs on Spot instances at a time; at 2 per job, 32 vCPUs run 16 jobs. More only helps without an LLM (ADR-005)."
  type        = number
  default     = 32

  validation {
    condition     = var.max_vcpus_spot >= 1
    error_message = "max_vcpus_spot must be 1 or more."
  }
}

variable "max_vcpus_on_demand" {
  description = "Maximum number of vCPUs on on-demand instances, which are started only when Spot has no capacity."
  type        = number
  default     = 16

  validation {
    condition     = var.max_vcpus_on_demand >= 1
    error_message = "max_vcpus_on_demand must be 1 or more."
  }
}

variable "root_volume_gib" {
  description = "Size of an instance's encrypted disk, which holds the images, in GiB."
  type        = number
  default     = 50

  validation {
    condition     = var.root_volume_gib >= 30
    error_message = "root_volume_gib must be 30 or more: the machine image alone takes 30."
  }
}

variable "subnet_ids" {
  description = "Subnets of the load balancer's VPC, with access to the internet. Empty: those that AWS made in a default VPC, all of any other."
  type        = list(string)
  default     = []
}

variable "capacity_wait_seconds" {
  description = "How long a job at the head of the queue waits for an instance before it is cancelled, which fails its batch."
  type        = number
  default     = 7200

  validation {
    condition     = var.capacity_wait_seconds >= 600 && var.capacity_wait_seconds <= 86400
    error_message = "capacity_wait_seconds must be from 600 to 86400, as AWS Batch asks."
  }
}

# --- jobs -------------------------------------------------------------------------------------

variable "map_job" {
  description = "Size of a map job (ftm-firm-processor), and how long an attempt may take. Its memory fits a 2-vCPU instance of a c family."
  type = object({
    vcpus           = optional(number, 2)
    memory_mib      = optional(number, 3584)
    tmp_mib         = optional(number, 256)
    timeout_seconds = optional(number, 43200)
  })
  default = {}

  validation {
    condition     = var.map_job.vcpus >= 1 && floor(var.map_job.vcpus) == var.map_job.vcpus
    error_message = "map_job.vcpus must be a whole number from 1."
  }

  validation {
    condition     = var.map_job.memory_mib >= 2048 && var.map_job.tmp_mib >= 64 && var.map_job.tmp_mib < var.map_job.memory_mib
    error_message = "map_job needs memory_mib of 2048 or more, and tmp_mib from 64, which is taken from that memory."
  }

  validation {
    condition     = var.map_job.timeout_seconds >= 60
    error_message = "map_job.timeout_seconds must be 60 or more, as AWS Batch asks."
  }
}

variable "reduce_job" {
  description = "Size of the jobs that read whole quarters, part by part: reduce (ftm-theme-aggregator) and panel (ftm-panel-aggregator), and how long an attempt may take. Tables are assembled in their /tmp."
  type = object({
    vcpus           = optional(number, 4)
    memory_mib      = optional(number, 14336)
    tmp_mib         = optional(number, 3072)
    timeout_seconds = optional(number, 21600)
  })
  default = {}

  validation {
    condition     = var.reduce_job.vcpus >= 1 && floor(var.reduce_job.vcpus) == var.reduce_job.vcpus
    error_message = "reduce_job.vcpus must be a whole number from 1."
  }

  validation {
    condition     = var.reduce_job.memory_mib >= 2048 && var.reduce_job.tmp_mib >= 64 && var.reduce_job.tmp_mib < var.reduce_job.memory_mib
    error_message = "reduce_job needs memory_mib of 2048 or more, and tmp_mib from 64, which is taken from that memory."
  }

  validation {
    condition     = var.reduce_job.timeout_seconds >= 60
    error_message = "reduce_job.timeout_seconds must be 60 or more, as AWS Batch asks."
  }
}

variable "llm" {
  description = "Who names topics and themes: \"vllm\", the server of the ecs root, or \"grok\", the API whose key is in the secret ftm/xai."
  type        = string
  default     = "vllm"

  validation {
    condition     = contains(["vllm", "grok"], var.llm)
    error_message = "llm must be \"vllm\" or \"grok\"."
  }
}

variable "llm_model_name" {
  description = "Model to ask the LLM server for."
  type        = string
  default     = "Qwen/Qwen3-8B"

  validation {
    condition     = var.llm == "vllm" || !strcontains(var.llm_model_name, "/")
    error_message = "llm = \"grok\" needs one of Grok's own models as llm_model_name."
  }
}

variable "llm_max_concurrent" {
  description = "Requests that one job keeps open at the LLM server. All map jobs share one vLLM, which queues excess requests."
  type        = number
  default     = 16

  validation {
    condition     = var.llm_max_concurrent >= 1
    error_message = "llm_max_concurrent must be 1 or more."
  }
}

variable "llm_outage_limit_seconds" {
  description = "How long a job waits for an LLM server that went away. By an estimate a reclaimed Spot instance takes 12 to 16 minutes to be replaced: boot, image, model, compilation."
  type        = number
  default     = 2700

  validation {
    condition     = var.llm_outage_limit_seconds >= 0 && floor(var.llm_outage_limit_seconds) == var.llm_outage_limit_seconds
    error_message = "llm_outage_limit_seconds must be a whole number from 0."
  }
}

variable "job_environment" {
  description = "Further environment variables of all jobs; they override those set here. The local AWS uses them to name its own LLM and models."
  type        = map(string)
  default     = {}

  validation {
    condition     = !contains(keys(var.job_environment), "LLM_API_KEY")
    error_message = "LLM_API_KEY must not be in job_environment, where everybody can read it: put it into the secret ftm/xai."
  }
}

# --- keeping ----------------------------------------------------------------------------------

variable "log_retention_days" {
  description = "How long the jobs' logs are kept."
  type        = number
  default     = 365

  validation {
    condition     = contains([1, 7, 14, 30, 60, 90, 180, 365, 731, 1827], var.log_retention_days)
    error_message = "log_retention_days must be one of 1, 7, 14, 30, 60, 90, 180, 365, 731 and 1827."
  }
}

variable "secret_recovery_days" {
  description = "How long a deleted secret can be restored. Until then its name is taken: 0 allows a destroyed root to be applied again."
  type        = number
  default     = 0

  validation {
    condition     = var.secret_recovery_days == 0 || (var.secret_recovery_days >= 7 && var.secret_recovery_days <= 30)
    error_message = "secret_recovery_days must be 0 or from 7 to 30."
  }
}
