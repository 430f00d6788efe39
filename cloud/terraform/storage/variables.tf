variable "bucket_suffix" {
  description = "Last part of the bucket's name. Null: 8 hexadecimal digits that depend on account and region only."
  type        = string
  default     = null

  validation {
    condition     = var.bucket_suffix == null || can(regex("^[a-z0-9]([a-z0-9-]{0,48}[a-z0-9])?$", var.bucket_suffix))
    error_message = "bucket_suffix must be 1 to 50 lower-case letters, digits or hyphens, with no hyphen at either end."
  }
}

variable "force_destroy" {
  description = "Whether `terraform destroy` may delete the bucket with its data and the repositories with their images."
  type        = bool
  default     = false
}

variable "intermediate_expiration_days" {
  description = "Days after which the map jobs' output (intermediate/) is deleted. A panel reads it again for each of its quarters: the default is enough for eight."
  type        = number
  default     = 800

  validation {
    condition     = var.intermediate_expiration_days >= 14 && floor(var.intermediate_expiration_days) == var.intermediate_expiration_days
    error_message = "intermediate_expiration_days must be a whole number from 14: a failed execution can be continued for 14 days."
  }
}

variable "noncurrent_version_expiration_days" {
  description = "Days for which a deleted or overwritten object can be restored."
  type        = number
  default     = 30

  validation {
    condition     = var.noncurrent_version_expiration_days >= 1 && floor(var.noncurrent_version_expiration_days) == var.noncurrent_version_expiration_days
    error_message = "noncurrent_version_expiration_days must be a whole number from 1."
  }
}

variable "first_year" {
  description = "First year whose quarters Athena looks for."
  type        = number
  default     = 2005

  validation {
    condition     = var.first_year >= 1990 && var.first_year <= 2100 && floor(var.first_year) == var.first_year
    error_message = "first_year must be a year from 1990 to 2100."
  }
}

variable "last_year" {
  description = "Last year whose quarters Athena looks for. It does not see rows of later quarters."
  type        = number
  default     = 2034

  validation {
    condition     = var.last_year >= var.first_year && var.last_year <= var.first_year + 60
    error_message = "last_year must be from first_year to 60 years later: a query without a quarter lists every one of them."
  }
}

variable "athena_scan_limit_gib" {
  description = "GiB that one Athena query may scan before it is cancelled. A GiB costs about half a cent."
  type        = number
  default     = 20

  validation {
    condition     = var.athena_scan_limit_gib >= 1 && var.athena_scan_limit_gib <= 1024 && floor(var.athena_scan_limit_gib) == var.athena_scan_limit_gib
    error_message = "athena_scan_limit_gib must be a whole number from 1 to 1024."
  }
}

variable "images_kept" {
  description = "Images kept in each repository; older ones are deleted."
  type        = number
  default     = 10

  validation {
    condition     = var.images_kept >= 2 && floor(var.images_kept) == var.images_kept
    error_message = "images_kept must be a whole number from 2: the running image and the one to go back to."
  }
}

variable "alert_email" {
  description = "Address that receives how each quarter went, alarms and budget messages, once confirmed. Null: nobody is told."
  type        = string
  default     = null

  validation {
    condition     = var.alert_email == null || can(regex("^[^@[:space:]]+@[^@[:space:]]+$", var.alert_email))
    error_message = "alert_email must be an e-mail address."
  }
}
