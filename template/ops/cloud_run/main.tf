# What stands between releases: who the processes are, what they may read, and the way in. What runs is in run.yaml.
terraform {
  required_version = ">= 1.10"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 6.30, < 8"
    }
  }

  # bucket and prefix are said to `terraform init -backend-config=...`.
  backend "gcs" {}
}

provider "google" {
  project = local.values.PROJECT
  region  = local.values.REGION
}

variable "stage" {
  description = "Which of the stages in stages.env this is."
  type        = string

  validation {
    condition     = contains(["dev", "stage", "prod"], var.stage)
    error_message = "A stage is dev, stage or prod."
  }
}

locals {
  facts  = yamldecode(file("${path.module}/facts.yaml"))
  name   = local.facts.service
  values = { for line in regexall("(?m)^${var.stage}[.](\\w+)=(.*)$", file("${path.module}/stages.env")) : line[0] => line[1] }
  # What it takes to be the pipeline in this stage.
  deployer = local.facts.pipeline == null ? [] : [
    "principal://iam.googleapis.com/${local.values.POOL}/subject/${replace(local.facts.pipeline.subjects[var.stage], "PROJECT", local.values.REPOSITORY)}"
  ]
}

data "google_project" "this" {}

# The processes may read their own secrets, write the log, and nothing else.
resource "google_service_account" "this" {
  account_id   = local.facts.account
  display_name = "The processes of ${local.name}"
}

# Values are added by hand and are in no state: docs/howto/deploy_cloud_run.md.
resource "google_secret_manager_secret" "this" {
  for_each = toset(local.facts.secret_settings)

  secret_id = "${local.name}-${each.key}"

  replication {
    auto {}
  }
}

resource "google_secret_manager_secret_iam_member" "read" {
  for_each = google_secret_manager_secret.this

  secret_id = each.value.id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.this.member
}

# Cloud Run fetches the image from the project that keeps it.
resource "google_artifact_registry_repository_iam_member" "fetch" {
  for_each = toset(concat(["serviceAccount:service-${data.google_project.this.number}@serverless-robot-prod.iam.gserviceaccount.com"], local.deployer))

  project    = local.values.REGISTRY_PROJECT
  location   = local.values.REGION
  repository = local.name
  role       = "roles/artifactregistry.reader"
  member     = each.value
}

# deploy.sh replaces services, worker pools and the job, as what they run as.
resource "google_project_iam_member" "deploy" {
  for_each = toset(local.deployer)

  project = local.values.PROJECT
  role    = "roles/run.developer"
  member  = each.value
}

resource "google_service_account_iam_member" "deploy" {
  for_each = toset(local.deployer)

  service_account_id = google_service_account.this.name
  role               = "roles/iam.serviceAccountUser"
  member             = each.value
}
