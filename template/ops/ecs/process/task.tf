# What a container is allowed: the image's user, nothing to write to but /tmp, no capability.
locals {
  # What Fargate sells: units of CPU (1024 are one), and the memory that goes with them.
  fargate = {
    256  = [512, 1024, 2048]
    512  = range(1024, 4097, 1024)
    1024 = range(2048, 8193, 1024)
    2048 = range(4096, 16385, 1024)
    4096 = range(8192, 30721, 1024)
  }
  cpu_asked    = ceil(var.workload.cpu_milli * 1024 / 1000)
  memory_asked = var.workload.memory_mib + (var.collector == null ? 0 : 256)
  # The smallest of them that holds the process.
  cpu    = min([for size, memories in local.fargate : tonumber(size) if tonumber(size) >= local.cpu_asked && max(memories...) >= local.memory_asked]...)
  memory = min([for each in local.fargate[local.cpu] : each if each >= local.memory_asked]...)

  logs = {
    logDriver = "awslogs"
    options = {
      awslogs-group         = var.log_group
      awslogs-region        = var.region
      awslogs-stream-prefix = var.name
      # A process that logs faster than CloudWatch takes it loses lines, and not its time.
      mode            = "non-blocking"
      max-buffer-size = "4m"
    }
  }

  container = {
    name                   = var.name
    image                  = var.image
    essential              = true
    command                = var.workload.command
    user                   = "10001:10001"
    readonlyRootFilesystem = true
    mountPoints            = [{ sourceVolume = "tmp", containerPath = "/tmp", readOnly = false }]
    linuxParameters        = { initProcessEnabled = true, capabilities = { drop = ["ALL"] } }
    ulimits                = [{ name = "nofile", softLimit = 65535, hardLimit = 65535 }]
    stopTimeout            = var.workload.grace_seconds
    portMappings           = [for port in [var.workload.port] : { containerPort = port, protocol = "tcp" } if port != null]
    environment            = [for name, value in var.settings : { name = name, value = value }]
    secrets                = [for name, parameter in var.secrets : { name = name, valueFrom = parameter }]
    logConfiguration       = local.logs
  }

  # ECS starts a container anew when its process no longer lives, whatever others do.
  check = {
    command     = ["CMD", "python", "-m", "app.probe", var.probes.alive]
    interval    = var.probes.interval_seconds
    timeout     = var.probes.timeout_seconds
    startPeriod = var.probes.start_seconds
    retries     = 3
  }
  checked = merge(local.container, { for check in [local.check] : "healthCheck" => check if var.replicas != null })

  beside = [for configuration in [var.collector] : {
    name                   = "collector"
    image                  = "public.ecr.aws/aws-observability/aws-otel-collector:v0.48.0"
    essential              = false
    readonlyRootFilesystem = true
    memoryReservation      = 128
    environment = [
      { name = "AOT_CONFIG_CONTENT", value = configuration },
      { name = "NAMESPACE", value = var.metrics },
      { name = "PORT", value = tostring(var.probes.port) },
    ]
    logConfiguration = local.logs
  } if configuration != null]

  containers = concat([local.checked], local.beside)
}

resource "aws_ecs_task_definition" "this" {
  family                   = var.family
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = local.cpu
  memory                   = local.memory
  task_role_arn            = var.roles.task
  execution_role_arn       = var.roles.execution
  container_definitions    = jsonencode(local.containers)

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = "X86_64"
  }

  volume {
    name = "tmp"
  }
}

output "task_definition" {
  value = aws_ecs_task_definition.this.arn
}
