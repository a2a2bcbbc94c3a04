# What makes one process differ from another.
variable "name" { type = string }
variable "family" { type = string }
variable "image" { type = string }
variable "region" { type = string }
variable "log_group" { type = string }
variable "settings" { type = map(string) }
variable "secrets" { type = map(string) }
variable "roles" { type = object({ task = string, execution = string }) }
variable "probes" { type = any }

variable "workload" {
  description = "Its entry in facts.yaml."
  type = object({
    command       = list(string)
    cpu_milli     = number
    memory_mib    = number
    grace_seconds = number
    port          = optional(number)
  })

  validation {
    condition     = var.workload.grace_seconds <= 120
    error_message = "Fargate waits at most 120 seconds between SIGTERM and SIGKILL."
  }
}

variable "replicas" {
  description = "How many there are; without, it is a task that is run, and no service."
  type        = object({ min = number, max = number })
  default     = null
}

# The rest is of a service only.
variable "cluster" {
  type    = string
  default = null
}

variable "network" {
  type    = object({ subnets = list(string), security_groups = list(string) })
  default = null
}

variable "target" {
  description = "The balancer's group of targets, for whoever has a port."
  type        = string
  default     = null
}

variable "balancer" {
  description = "How the balancer and that group are called where requests are counted."
  type        = string
  default     = null
}

variable "capacity" {
  type    = string
  default = "FARGATE"
}

variable "scaling" {
  type    = string
  default = "target"
}

variable "rules" {
  description = "`autoscaling` in facts.yaml."
  type        = any
  default     = null
}

variable "collector" {
  description = "The configuration of a collector beside the process."
  type        = string
  default     = null
}

variable "metrics" {
  description = "The namespace in which that collector writes."
  type        = string
  default     = null
}

variable "has_queue" {
  description = "Whether work waits for it that can be counted."
  type        = bool
  default     = false
}
