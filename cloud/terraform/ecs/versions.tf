terraform {
  # 1.11 is the first with S3-native state locking (use_lockfile) that is no longer experimental.
  required_version = ">= 1.11, < 2.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}

provider "aws" {
  default_tags {
    tags = {
      Project = "ftm"
      Root    = "ecs"
    }
  }
}
