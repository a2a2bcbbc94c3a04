# How many of the process run, and how a new version takes the place of the old.
resource "aws_ecs_service" "this" {
  count = var.replicas == null ? 0 : 1

  name                               = var.name
  cluster                            = var.cluster
  task_definition                    = aws_ecs_task_definition.this.arn
  desired_count                      = var.replicas.min
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  availability_zone_rebalancing      = "ENABLED"
  enable_ecs_managed_tags            = true
  propagate_tags                     = "SERVICE"
  # How long a start may take before the balancer's word counts against it.
  health_check_grace_period_seconds = var.target == null ? null : var.probes.start_seconds

  capacity_provider_strategy {
    capacity_provider = var.capacity
    weight            = 1
  }

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets          = var.network.subnets
    security_groups  = var.network.security_groups
    assign_public_ip = false
  }

  dynamic "load_balancer" {
    for_each = var.target == null ? [] : [var.target]

    content {
      target_group_arn = load_balancer.value
      container_name   = var.name
      container_port   = var.workload.port
    }
  }

  # deploy.sh decides which image runs, and scaling how often.
  lifecycle {
    ignore_changes = [task_definition, desired_count]
  }
}
