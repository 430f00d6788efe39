# --- Lambda functions -------------------------------------------------------------------------

variable "zip_dir" {
  description = "Folder with the functions' zips, as `./pants package cloud/src/lambdas::` writes them; relative to this folder."
  type        = string
  default     = "../../../dist/lambda"

  validation {
    condition     = fileexists("${var.zip_dir}/ftm-prefetch-check.zip")
    error_message = "zip_dir has no ftm-prefetch-check.zip: run ./pants package cloud/src/lambdas:: first."
  }
}

# --- state machine ----------------------------------------------------------------------------

variable "max_concurrency" {
  description = "Number of map jobs submitted at a time. The default is what the batch root's Spot environment runs; more would start on-demand instances."
  type        = number
  default     = 16

  validation {
    condition     = var.max_concurrency >= 1 && var.max_concurrency <= 40
    error_message = "max_concurrency must be from 1 to 40: an inline Map runs no more iterations at a time."
  }
}

variable "retry_interval_seconds" {
  description = "Wait before repeating a request to Lambda or Batch that failed on their side; doubled each time."
  type        = number
  default     = 5

  validation {
    condition     = var.retry_interval_seconds >= 1
    error_message = "retry_interval_seconds must be 1 or more."
  }
}

variable "map_timeout_seconds" {
  description = "How long a batch may take, including the wait for an instance and all attempts."
  type        = number
  default     = 86400

  validation {
    condition     = var.map_timeout_seconds >= 60
    error_message = "map_timeout_seconds must be 60 or more."
  }
}

variable "reduce_timeout_seconds" {
  description = "How long the themes may take, including the wait for an instance and all attempts."
  type        = number
  default     = 86400

  validation {
    condition     = var.reduce_timeout_seconds >= 60
    error_message = "reduce_timeout_seconds must be 60 or more."
  }
}

variable "panel_timeout_seconds" {
  description = "How long a panel may take, including the wait for an instance and all attempts."
  type        = number
  default     = 86400

  validation {
    condition     = var.panel_timeout_seconds >= 60
    error_message = "panel_timeout_seconds must be 60 or more."
  }
}

# --- schedule ---------------------------------------------------------------------------------

variable "schedule" {
  description = "Which quarter to run automatically, and when, for example { expression = \"at(2026-05-20T04:00:00)\", quarter = \"2026Q1\" }, in UTC. Null: never."
  type = object({
    expression   = string
    quarter      = string
    topic_naming = optional(string, "llm")
    theme_naming = optional(string, "llm")
  })
  default = null

  validation {
    condition     = var.schedule == null || can(regex("^(at|rate|cron)\\(.+\\)$", var.schedule.expression))
    error_message = "schedule.expression must be at(...), cron(...) or rate(...), as EventBridge Scheduler reads it."
  }

  validation {
    condition     = var.schedule == null || can(regex("^[0-9]{4}Q[1-4]$", var.schedule.quarter))
    error_message = "schedule.quarter must be a quarter like 2023Q1."
  }

  validation {
    condition     = var.schedule == null || contains(["llm", "keywords"], try(var.schedule.topic_naming, ""))
    error_message = "schedule.topic_naming must be \"llm\" or \"keywords\"."
  }

  validation {
    condition     = var.schedule == null || contains(["llm", "keywords"], try(var.schedule.theme_naming, ""))
    error_message = "schedule.theme_naming must be \"llm\" or \"keywords\"."
  }
}

# --- keeping ----------------------------------------------------------------------------------

variable "log_retention_days" {
  description = "How long the logs of the functions and of the executions are kept."
  type        = number
  default     = 365

  validation {
    condition     = contains([1, 7, 14, 30, 60, 90, 180, 365, 731, 1827], var.log_retention_days)
    error_message = "log_retention_days must be one of 1, 7, 14, 30, 60, 90, 180, 365, 731 and 1827."
  }
}
