# Who may speak to whom: clients to the balancer, the balancer to the API, the processes to what they need.
locals {
  api = local.facts.workloads.api
}

resource "aws_security_group" "balancer" {
  name        = "${local.name}-balancer"
  description = "Takes HTTPS from everywhere, and asks the API."
  vpc_id      = var.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "clients" {
  security_group_id = aws_security_group.balancer.id
  description       = "HTTPS from everywhere"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = "0.0.0.0/0"
}

resource "aws_vpc_security_group_egress_rule" "balancer" {
  security_group_id            = aws_security_group.balancer.id
  description                  = "The API"
  ip_protocol                  = "tcp"
  from_port                    = local.api.port
  to_port                      = local.api.port
  referenced_security_group_id = aws_security_group.processes.id
}

resource "aws_security_group" "processes" {
  name        = "${local.name}-processes"
  description = "Is asked by the balancer, and asks the stores, AWS, mail and third parties."
  vpc_id      = var.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "api" {
  security_group_id            = aws_security_group.processes.id
  description                  = "The balancer"
  ip_protocol                  = "tcp"
  from_port                    = local.api.port
  to_port                      = local.api.port
  referenced_security_group_id = aws_security_group.balancer.id
}

resource "aws_vpc_security_group_egress_rule" "stores" {
  for_each = local.facts.stores

  security_group_id            = aws_security_group.processes.id
  description                  = each.key
  ip_protocol                  = "tcp"
  from_port                    = each.value
  to_port                      = each.value
  referenced_security_group_id = var.stores_security_group_id
}

resource "aws_vpc_security_group_egress_rule" "outside" {
  for_each = { https = 443, mail = 587 }

  security_group_id = aws_security_group.processes.id
  description       = each.key
  ip_protocol       = "tcp"
  from_port         = each.value
  to_port           = each.value
  cidr_ipv4         = "0.0.0.0/0"
}

# The stores let the processes in.
resource "aws_vpc_security_group_ingress_rule" "stores" {
  for_each = local.facts.stores

  security_group_id            = var.stores_security_group_id
  description                  = "${local.name}: ${each.key}"
  ip_protocol                  = "tcp"
  from_port                    = each.value
  to_port                      = each.value
  referenced_security_group_id = aws_security_group.processes.id
}
