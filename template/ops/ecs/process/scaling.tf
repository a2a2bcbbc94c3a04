# How many replicas there are: never fewer than `min`, never more than `max`.
locals {
  scaled   = var.replicas == null ? 0 : 1
  by_steps = local.scaled == 1 && var.scaling == "steps"
  by_share = local.scaled == 1 && var.scaling == "target"
  steps = local.by_steps ? {
    up   = { beyond = "GreaterThanThreshold", threshold = var.rules.cpu.high, by = 1, wait = var.rules.up.period_seconds }
    down = { beyond = "LessThanThreshold", threshold = var.rules.cpu.low, by = -1, wait = var.rules.down.window_seconds }
  } : {}
}

resource "aws_appautoscaling_target" "this" {
  count = local.scaled

  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = "service/${var.cluster}/${aws_ecs_service.this[0].name}"
  min_capacity       = var.replicas.min
  max_capacity       = var.replicas.max
}

# Above the high mark one more, below the low mark one fewer.
resource "aws_appautoscaling_policy" "step" {
  for_each = local.steps

  name               = "${var.family}-${each.key}"
  policy_type        = "StepScaling"
  service_namespace  = aws_appautoscaling_target.this[0].service_namespace
  scalable_dimension = aws_appautoscaling_target.this[0].scalable_dimension
  resource_id        = aws_appautoscaling_target.this[0].resource_id

  step_scaling_policy_configuration {
    adjustment_type         = "ChangeInCapacity"
    cooldown                = each.value.wait
    metric_aggregation_type = "Average"

    step_adjustment {
      scaling_adjustment          = each.value.by
      metric_interval_lower_bound = each.value.by > 0 ? 0 : null
      metric_interval_upper_bound = each.value.by > 0 ? null : 0
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "step" {
  for_each = local.steps

  alarm_name          = "${var.family}-${each.key}"
  alarm_description   = "Starts or ends a replica; nobody need act."
  namespace           = "AWS/ECS"
  metric_name         = "CPUUtilization"
  dimensions          = { ClusterName = var.cluster, ServiceName = var.name }
  statistic           = "Average"
  period              = 60
  evaluation_periods  = each.key == "up" ? 1 : ceil(each.value.wait / 60)
  comparison_operator = each.value.beyond
  threshold           = each.value.threshold
  alarm_actions       = [aws_appautoscaling_policy.step[each.key].arn]
}

# Keeps the mean at the high mark: it adds as many as are needed, and removes one when fewer would do.
resource "aws_appautoscaling_policy" "cpu" {
  count = local.by_share ? 1 : 0

  name               = "${var.family}-cpu"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.this[0].service_namespace
  scalable_dimension = aws_appautoscaling_target.this[0].scalable_dimension
  resource_id        = aws_appautoscaling_target.this[0].resource_id

  target_tracking_scaling_policy_configuration {
    target_value       = var.rules.cpu.high
    scale_out_cooldown = var.rules.up.period_seconds
    scale_in_cooldown  = var.rules.down.window_seconds

    predefined_metric_specification {
      predefined_metric_type = "ECSServiceAverageCPUUtilization"
    }
  }
}

# Requests come before the CPU they cost: in a minute as many as one replica answers at the high mark.
resource "aws_appautoscaling_policy" "requests" {
  count = local.by_share && var.workload.port != null ? 1 : 0

  name               = "${var.family}-requests"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.this[0].service_namespace
  scalable_dimension = aws_appautoscaling_target.this[0].scalable_dimension
  resource_id        = aws_appautoscaling_target.this[0].resource_id

  target_tracking_scaling_policy_configuration {
    target_value       = var.rules.requests_per_second * 60 * var.rules.cpu.high / 100
    scale_out_cooldown = var.rules.up.period_seconds
    scale_in_cooldown  = var.rules.down.window_seconds

    predefined_metric_specification {
      predefined_metric_type = "ALBRequestCountPerTarget"
      resource_label         = var.balancer
    }
  }
}

# Work that waits, for each worker that there is.
resource "aws_appautoscaling_policy" "queue" {
  count = var.has_queue ? 1 : 0

  name               = "${var.family}-queue"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.this[0].service_namespace
  scalable_dimension = aws_appautoscaling_target.this[0].scalable_dimension
  resource_id        = aws_appautoscaling_target.this[0].resource_id

  target_tracking_scaling_policy_configuration {
    target_value       = var.rules.backlog.messages_per_worker
    scale_out_cooldown = var.rules.up.period_seconds
    scale_in_cooldown  = var.rules.down.window_seconds

    customized_metric_specification {
      metrics {
        id          = "each"
        label       = "Messages for each worker"
        expression  = "waiting / IF(workers > 0, workers, 1)"
        return_data = true
      }

      metrics {
        id          = "waiting"
        return_data = false

        metric_stat {
          stat = "Maximum"

          metric {
            namespace   = var.metrics
            metric_name = "task_backlog_messages"
          }
        }
      }

      metrics {
        id          = "workers"
        return_data = false

        metric_stat {
          stat = "Average"

          metric {
            namespace   = "ECS/ContainerInsights"
            metric_name = "RunningTaskCount"

            dimensions {
              name  = "ClusterName"
              value = var.cluster
            }

            dimensions {
              name  = "ServiceName"
              value = var.name
            }
          }
        }
      }
    }
  }
}
