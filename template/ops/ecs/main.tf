# The processes of the service on Fargate: each is the image with a command of its own.
locals {
  facts    = yamldecode(file("${path.module}/facts.yaml"))
  name     = "${local.facts.service}-${var.stage}"
  settings = local.facts.plain_settings[var.stage]

  # Values are put there by hand and are in no state: docs/howto/deploy_ecs.md.
  parameters = "arn:aws:ssm:${var.region}:${data.aws_caller_identity.this.account_id}:parameter/services/${local.facts.service}/${var.stage}"
  secrets    = { for name in local.facts.secret_settings : name => "${local.parameters}/${name}" }

  # Beside each process, where there is something to collect.
  collector_file = "${path.module}/collector.yaml"
  collector      = fileexists(local.collector_file) ? file(local.collector_file) : null
  has_queue      = local.collector != null && contains(keys(local.facts.workloads), "worker")
}

data "aws_caller_identity" "this" {}

resource "aws_ecs_cluster" "this" {
  name = local.name

  setting {
    name  = "containerInsights"
    value = "enabled"
  }
}

resource "aws_ecs_cluster_capacity_providers" "this" {
  cluster_name       = aws_ecs_cluster.this.name
  capacity_providers = ["FARGATE", "FARGATE_SPOT"]
}

module "process" {
  source   = "./process"
  for_each = local.facts.workloads

  name       = each.key
  family     = "${local.name}-${each.key}"
  cluster    = aws_ecs_cluster.this.name
  workload   = each.value
  replicas   = each.value.replicas[var.stage]
  probes     = local.facts.probes
  image      = "${var.repository}:undeployed"
  settings   = local.settings
  secrets    = local.secrets
  collector  = local.collector
  region     = var.region
  log_group  = aws_cloudwatch_log_group.this.name
  roles      = { task = aws_iam_role.task.arn, execution = aws_iam_role.execution.arn }
  network    = { subnets = var.private_subnet_ids, security_groups = [aws_security_group.processes.id] }
  target     = each.value.port == null ? null : aws_lb_target_group.this.arn
  balancer   = each.value.port == null ? null : "${aws_lb.this.arn_suffix}/${aws_lb_target_group.this.arn_suffix}"
  capacity   = var.spot && each.value.port == null ? "FARGATE_SPOT" : "FARGATE"
  scaling    = var.scaling
  rules      = local.facts.autoscaling
  metrics    = local.name
  has_queue  = each.key == "worker" && local.has_queue
  depends_on = [aws_lb_listener.https, aws_iam_role_policy.execution]
}

# Run by deploy.sh before a new version of the others starts; it is no service.
module "migration" {
  source = "./process"

  name   = "migrate"
  family = "${local.name}-migrate"
  workload = {
    command       = local.facts.migration.command
    cpu_milli     = 250
    memory_mib    = 512
    grace_seconds = 30
    port          = null
  }
  probes    = local.facts.probes
  image     = "${var.repository}:undeployed"
  settings  = local.settings
  secrets   = local.secrets
  region    = var.region
  log_group = aws_cloudwatch_log_group.this.name
  roles     = { task = aws_iam_role.task.arn, execution = aws_iam_role.execution.arn }
}
