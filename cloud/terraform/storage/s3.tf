data "aws_caller_identity" "current" {}

data "aws_region" "current" {}

locals {
  account_and_region = "${data.aws_caller_identity.current.account_id}-${data.aws_region.current.name}"
  bucket_suffix      = coalesce(var.bucket_suffix, substr(sha256(local.account_and_region), 0, 8))
}

resource "aws_s3_bucket" "pipeline" {
  # checkov:skip=CKV_AWS_18:No access log: CloudTrail can tell who read what, and a log bucket only adds cost
  # checkov:skip=CKV_AWS_144:No second region: every object can be made again from the transcripts, and versions protect against mistakes
  # checkov:skip=CKV_AWS_145:SSE-S3 instead of a KMS key: one account reads the bucket, and a key would add a charge to every request
  # checkov:skip=CKV2_AWS_62:No event notifications: the state machine starts every step
  bucket        = "ftm-pipeline-${local.bucket_suffix}"
  force_destroy = var.force_destroy
}

resource "aws_s3_bucket_versioning" "pipeline" {
  bucket = aws_s3_bucket.pipeline.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "pipeline" {
  bucket = aws_s3_bucket.pipeline.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_ownership_controls" "pipeline" {
  bucket = aws_s3_bucket.pipeline.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "pipeline" {
  bucket = aws_s3_bucket.pipeline.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

data "aws_iam_policy_document" "tls_only" {
  statement {
    sid     = "DenyWithoutTls"
    effect  = "Deny"
    actions = ["s3:*"]
    resources = [
      aws_s3_bucket.pipeline.arn,
      "${aws_s3_bucket.pipeline.arn}/*",
    ]

    # A Deny for everyone and everything grants nothing.
    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_s3_bucket_policy" "tls_only" {
  bucket = aws_s3_bucket.pipeline.id
  policy = data.aws_iam_policy_document.tls_only.json

  # S3 refuses changes to the two at the same time.
  depends_on = [aws_s3_bucket_public_access_block.pipeline]
}

resource "aws_s3_bucket_lifecycle_configuration" "pipeline" {
  bucket = aws_s3_bucket.pipeline.id

  rule {
    id     = "noncurrent-versions"
    status = "Enabled"

    filter {}

    noncurrent_version_expiration {
      noncurrent_days = var.noncurrent_version_expiration_days
    }

    expiration {
      expired_object_delete_marker = true
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  rule {
    id     = "intermediate"
    status = "Enabled"

    filter {
      prefix = "intermediate/"
    }

    expiration {
      days = var.intermediate_expiration_days
    }
  }

  rule {
    id     = "athena-results"
    status = "Enabled"

    filter {
      prefix = local.athena_results_prefix
    }

    expiration {
      days = 7
    }
  }

  # A rule for noncurrent versions needs a versioned bucket.
  depends_on = [aws_s3_bucket_versioning.pipeline]
}
