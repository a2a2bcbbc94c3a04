# Ends TLS, and shares requests among the replicas of the API.
resource "aws_lb" "this" {
  #checkov:skip=CKV_AWS_91: the service logs each request itself
  #checkov:skip=CKV2_AWS_28: limits are the service's own; a firewall of the account is attached where there is one
  name                       = "${local.facts.balancer.name}-${var.stage}"
  load_balancer_type         = "application"
  subnets                    = var.public_subnet_ids
  security_groups            = [aws_security_group.balancer.id]
  drop_invalid_header_fields = true
  enable_deletion_protection = var.protected
  # Below the server's SERVER__KEEP_ALIVE_SECONDS: else it closes a connection just as a request comes.
  idle_timeout = local.facts.balancer.idle_seconds
}

resource "aws_lb_target_group" "this" {
  #checkov:skip=CKV_AWS_378: TLS ends at the balancer; the network behind it is the VPC's own
  name        = "${local.facts.balancer.name}-${var.stage}"
  vpc_id      = var.vpc_id
  target_type = "ip"
  protocol    = "HTTP"
  port        = local.api.port
  # What has begun may end: as long as the drain, and then as long as a request may take.
  deregistration_delay = local.facts.balancer.deregistration_seconds

  # ECS replaces what is unhealthy here. So it is asked for long: an outage of the database makes all
  # unready at once, and new ones would not be better. A process that hangs is found by its own check.
  health_check {
    path                = local.facts.probes.ready
    interval            = local.facts.probes.interval_seconds
    timeout             = local.facts.probes.timeout_seconds
    healthy_threshold   = 2
    unhealthy_threshold = 10
  }
}

resource "aws_lb_listener" "https" {
  load_balancer_arn = aws_lb.this.arn
  protocol          = "HTTPS"
  port              = 443
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn   = var.certificate_arn

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this.arn
  }
}

resource "aws_route53_record" "this" {
  count = var.zone_id == null ? 0 : 1

  zone_id = var.zone_id
  name    = local.settings.WEB__HOSTS
  type    = "A"

  alias {
    name                   = aws_lb.this.dns_name
    zone_id                = aws_lb.this.zone_id
    evaluate_target_health = true
  }
}

output "address" {
  description = "What the host's name stands for."
  value       = aws_lb.this.dns_name
}
