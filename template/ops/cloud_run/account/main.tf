# Once, in the project that keeps the images: the registry, and whom it believes to be the pipeline.
terraform {
  required_version = ">= 1.10"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 6.30, < 8"
    }
  }

  backend "gcs" {}
}

provider "google" {
  project = var.registry_project
  region  = var.region
}

variable "registry_project" {
  description = "The project that keeps the images."
  type        = string
}

variable "region" {
  description = "Where they are kept."
  type        = string
}

variable "project" {
  description = "What the pipeline runs for: OWNER/NAME."
  type        = string
}

locals {
  facts     = yamldecode(file("${path.module}/../facts.yaml"))
  pipelines = local.facts.pipeline == null ? {} : { this = local.facts.pipeline }
}

resource "google_artifact_registry_repository" "this" {
  #checkov:skip=CKV_GCP_84: an image holds no secret, and Google's own key seals it at rest
  repository_id = local.facts.service
  location      = var.region
  format        = "DOCKER"

  docker_config {
    immutable_tags = true
  }

  vulnerability_scanning_config {
    enablement_config = "INHERITED"
  }

  # The last 200 can be returned to.
  cleanup_policies {
    id     = "keep"
    action = "KEEP"

    most_recent_versions {
      keep_count = 200
    }
  }

  cleanup_policies {
    id     = "forget"
    action = "DELETE"

    condition {
      older_than = "7776000s"
    }
  }
}

resource "google_iam_workload_identity_pool" "this" {
  for_each = local.pipelines

  workload_identity_pool_id = local.facts.pool
}

resource "google_iam_workload_identity_pool_provider" "this" {
  #checkov:skip=CKV_GCP_125: the condition names the project; checkov reads no value that is put together
  for_each = local.pipelines

  workload_identity_pool_id          = google_iam_workload_identity_pool.this[each.key].workload_identity_pool_id
  workload_identity_pool_provider_id = "pipeline"
  attribute_mapping                  = { "google.subject" = "assertion.sub" }
  attribute_condition                = "assertion.${each.value.claim} == '${var.project}'"

  oidc {
    issuer_uri = each.value.issuer
  }
}

resource "google_artifact_registry_repository_iam_member" "push" {
  for_each = local.pipelines

  location   = var.region
  repository = google_artifact_registry_repository.this.name
  role       = "roles/artifactregistry.writer"
  member     = "principal://iam.googleapis.com/${google_iam_workload_identity_pool.this[each.key].name}/subject/${replace(each.value.subjects.push, "PROJECT", var.project)}"
}

output "pool" {
  description = "`POOL` in stages.env."
  value       = one([for pool in google_iam_workload_identity_pool.this : pool.name])
}

output "provider" {
  description = "`GOOGLE_PROVIDER` of the pipeline."
  value       = one([for provider in google_iam_workload_identity_pool_provider.this : provider.name])
}
