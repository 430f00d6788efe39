resource "aws_ecr_repository" "this" {
  # checkov:skip=CKV_AWS_136:AES256 instead of a KMS key: the images contain no secrets, and one account reads them
  for_each = toset(["ftm-worker", "ftm-vllm"])

  name                 = each.key
  image_tag_mutability = "IMMUTABLE"
  force_delete         = var.force_destroy

  image_scanning_configuration {
    scan_on_push = true
  }

  encryption_configuration {
    encryption_type = "AES256"
  }
}

resource "aws_ecr_lifecycle_policy" "this" {
  for_each = aws_ecr_repository.this

  repository = each.value.name
  policy = jsonencode({
    # A push may bring attestations, which have no tag: they are no images. Nor has what the tagged index of such an image
    # consists of; ECR deletes nothing that an index refers to, and here what one has left behind.
    rules = [
      {
        rulePriority = 1
        description  = "Keep the last ${var.images_kept} images"
        selection = {
          tagStatus      = "tagged"
          tagPatternList = ["*"]
          countType      = "imageCountMoreThan"
          countNumber    = var.images_kept
        }
        action = { type = "expire" }
      },
      {
        rulePriority = 2
        description  = "Delete what belongs to no image"
        selection = {
          tagStatus   = "untagged"
          countType   = "sinceImagePushed"
          countUnit   = "days"
          countNumber = 7
        }
        action = { type = "expire" }
      },
    ]
  })
}
