# CloudFront before the service, and who may purge it: docs/adapters/cdn-cloudfront.md.
terraform {
  required_version = ">= 1.9"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100"
    }
  }
}

# What CloudFront is told is told here, wherever the service runs.
provider "aws" {
  region = "us-east-1"
}

variable "name" {
  type        = string
  description = "What the stack and the user are called."
  default     = "fill-in-name"
}

variable "host" {
  type        = string
  description = "The name under which clients ask; the service knows it by WEB__HOSTS."
  default     = "api.invalid"
}

variable "origin" {
  type        = string
  description = "The name at which CloudFront finds the service, whose certificate is for var.host."
  default     = "origin.invalid"
}

variable "certificate" {
  type        = string
  description = "The ARN of the certificate for var.host, in us-east-1."
  default     = "arn:aws:acm:us-east-1:000000000000:certificate/fill-in"
}

# By CloudFormation, which knows cache tags.
resource "aws_cloudformation_stack" "cdn" {
  name          = "${var.name}-cdn"
  template_body = file("${path.module}/distribution.yaml")
  parameters = {
    Name        = var.name
    Host        = var.host
    Origin      = var.origin
    Certificate = var.certificate
  }
}

# Its keys are CDN__ACCESS_KEY_ID and CDN__SECRET_ACCESS_KEY: make them outside of this state.
resource "aws_iam_user" "purging" {
  name = "${var.name}-purging"
}

resource "aws_iam_user_policy" "purging" {
  name = "purge"
  user = aws_iam_user.purging.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = "cloudfront:CreateInvalidation"
      Resource = aws_cloudformation_stack.cdn.outputs["Arn"]
    }]
  })
}

output "distribution" {
  description = "CDN__DISTRIBUTION."
  value       = aws_cloudformation_stack.cdn.outputs["Distribution"]
}

output "domain" {
  description = "What var.host is to be an alias of."
  value       = aws_cloudformation_stack.cdn.outputs["Domain"]
}
