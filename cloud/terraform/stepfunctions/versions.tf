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

# Account and region are those of the caller (AWS_PROFILE, AWS_REGION).
provider "aws" {
  default_tags {
    tags = {
      Project = "ftm"
      Root    = "stepfunctions"
    }
  }
}

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account_id = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition
  region     = data.aws_region.current.name
}
