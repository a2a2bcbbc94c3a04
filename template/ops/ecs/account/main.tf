# Once for each account: where images are kept, and what the pipeline may do without a key of its own.
terraform {
  required_version = ">= 1.10"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.90, < 7"
    }
  }

  backend "s3" {
    encrypt      = true
    use_lockfile = true
  }
}

provider "aws" {
  region = var.region

  default_tags {
    tags = { service = local.service }
  }
}

variable "region" {
  description = "Where in AWS it runs."
  type        = string
}

variable "project" {
  description = "What the pipeline runs for: OWNER/NAME."
  type        = string
}

variable "knows_issuer" {
  description = "Whether the account already trusts who vouches for pipelines: it does so once for all its services."
  type        = bool
  default     = false
}

locals {
  facts   = yamldecode(file("${path.module}/../facts.yaml"))
  service = local.facts.service
  # Who may ask: the pipeline of the main branch, and a deployment to a stage that was approved where that is asked.
  callers = local.facts.pipeline == null ? {} : {
    for name, subject in local.facts.pipeline.subjects : name => replace(subject, "PROJECT", var.project)
  }
  stages = { for name, subject in local.callers : name => subject if name != "push" }
  ecs    = "arn:aws:ecs:${var.region}:${data.aws_caller_identity.this.account_id}"
  iam    = "arn:aws:iam::${data.aws_caller_identity.this.account_id}"
}

data "aws_caller_identity" "this" {}

resource "aws_ecr_repository" "this" {
  #checkov:skip=CKV_AWS_136: an image holds no secret, and AWS's own key seals it at rest
  name = local.service
  # What was once signed and deployed under a name stays what it was.
  image_tag_mutability = "IMMUTABLE"

  image_scanning_configuration {
    scan_on_push = true
  }
}

resource "aws_ecr_lifecycle_policy" "this" {
  repository = aws_ecr_repository.this.name
  policy = jsonencode({
    rules = [
      {
        rulePriority = 1
        description  = "What has lost its tag is of no use after a week."
        selection    = { tagStatus = "untagged", countType = "sinceImagePushed", countUnit = "days", countNumber = 7 }
        action       = { type = "expire" }
      },
      {
        rulePriority = 2
        description  = "The last 200 can be returned to."
        selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = 200 }
        action       = { type = "expire" }
      },
    ]
  })
}

resource "aws_iam_openid_connect_provider" "pipeline" {
  count = local.facts.pipeline == null || var.knows_issuer ? 0 : 1

  url            = local.facts.pipeline.issuer
  client_id_list = [local.facts.pipeline.audience]
}

data "aws_iam_policy_document" "caller" {
  for_each = local.callers

  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = ["${local.iam}:oidc-provider/${trimprefix(local.facts.pipeline.issuer, "https://")}"]
    }

    condition {
      test     = "StringEquals"
      variable = "${trimprefix(local.facts.pipeline.issuer, "https://")}:aud"
      values   = [local.facts.pipeline.audience]
    }

    condition {
      test     = "StringEquals"
      variable = "${trimprefix(local.facts.pipeline.issuer, "https://")}:sub"
      values   = [each.value]
    }
  }
}

resource "aws_iam_role" "pipeline" {
  for_each = local.callers

  name                 = "${local.service}-pipeline-${each.key}"
  assume_role_policy   = data.aws_iam_policy_document.caller[each.key].json
  max_session_duration = 3600
  depends_on           = [aws_iam_openid_connect_provider.pipeline]
}

data "aws_iam_policy_document" "push" {
  statement {
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"] # it knows no other
  }

  statement {
    actions = [
      "ecr:BatchCheckLayerAvailability",
      "ecr:BatchGetImage",
      "ecr:CompleteLayerUpload",
      "ecr:GetDownloadUrlForLayer",
      "ecr:InitiateLayerUpload",
      "ecr:PutImage",
      "ecr:UploadLayerPart",
    ]
    resources = [aws_ecr_repository.this.arn]
  }
}

resource "aws_iam_role_policy" "push" {
  for_each = { for name, caller in local.callers : name => caller if name == "push" }

  role   = aws_iam_role.pipeline[each.key].id
  policy = data.aws_iam_policy_document.push.json
}

# What deploy.sh does to a stage, and what `cosign verify` reads.
data "aws_iam_policy_document" "deploy" {
  for_each = local.stages

  statement {
    sid       = "ReadTheImage"
    actions   = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    resources = [aws_ecr_repository.this.arn]
  }

  statement {
    sid       = "KnowNoResource"
    actions   = ["ecr:GetAuthorizationToken", "ecs:DescribeTaskDefinition"]
    resources = ["*"] # neither knows another
  }

  statement {
    sid       = "NewVersions"
    actions   = ["ecs:RegisterTaskDefinition"]
    resources = ["${local.ecs}:task-definition/${local.service}-${each.key}-*:*"]
  }

  statement {
    sid       = "Services"
    actions   = ["ecs:DescribeServices", "ecs:UpdateService"]
    resources = ["${local.ecs}:service/${local.service}-${each.key}/*"]
  }

  statement {
    sid       = "Migrate"
    actions   = ["ecs:RunTask"]
    resources = ["${local.ecs}:task-definition/${local.service}-${each.key}-migrate:*"]
  }

  statement {
    sid       = "SeeHowItEnded"
    actions   = ["ecs:DescribeTasks"]
    resources = ["${local.ecs}:task/${local.service}-${each.key}/*"]
  }

  statement {
    sid       = "GiveTasksTheirRoles"
    actions   = ["iam:PassRole"]
    resources = [for role in ["task", "execution"] : "${local.iam}:role/${local.service}-${each.key}-${role}"]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["ecs-tasks.amazonaws.com"]
    }
  }
}

resource "aws_iam_role_policy" "deploy" {
  for_each = local.stages

  role   = aws_iam_role.pipeline[each.key].id
  policy = data.aws_iam_policy_document.deploy[each.key].json
}

output "repository" {
  description = "`repository` of every stage."
  value       = aws_ecr_repository.this.repository_url
}

output "roles" {
  description = "What the pipeline takes on: `AWS_ROLE` of its environments."
  value       = { for name, role in aws_iam_role.pipeline : name => role.arn }
}
