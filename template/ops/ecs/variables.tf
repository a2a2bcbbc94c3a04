# What differs between stages. The numbers of the processes are in facts.yaml.
variable "stage" {
  description = "Which of the stages this is."
  type        = string

  validation {
    condition     = contains(["dev", "stage", "prod"], var.stage)
    error_message = "A stage is dev, stage or prod."
  }
}

variable "region" {
  description = "Where in AWS it runs."
  type        = string
}

variable "vpc_id" {
  description = "The network, which is given."
  type        = string
}

variable "public_subnet_ids" {
  description = "Where the balancer is: two zones or more."
  type        = list(string)
}

variable "private_subnet_ids" {
  description = "Where the processes are: two zones or more, with a way to AWS and to third parties."
  type        = list(string)
}

variable "stores_security_group_id" {
  description = "Who may be asked for data: the group of the database, the cache and the broker."
  type        = string
}

variable "certificate_arn" {
  description = "The certificate of the host, in ACM."
  type        = string
}

variable "zone_id" {
  description = "The zone in Route 53 in which the host is, or nothing where its name is kept elsewhere."
  type        = string
  default     = null
}

variable "repository" {
  description = "Where the images are: the output of account/."
  type        = string
}

variable "scaling" {
  description = "How replicas follow the load: `steps` adds and removes one, `target` keeps to a share of the CPU."
  type        = string
  default     = "target"

  validation {
    condition     = contains(["steps", "target"], var.scaling)
    error_message = "Scaling is by steps or to a target."
  }
}

variable "spot" {
  description = "Whether workers run on capacity that may be taken away, for a third of the price."
  type        = bool
  default     = false
}

variable "protected" {
  description = "Whether the balancer refuses to be deleted."
  type        = bool
  default     = true
}

variable "log_days" {
  description = "How long logs are kept."
  type        = number
  default     = 365
}

variable "alarm_email" {
  description = "Who is told of alarms, or nobody."
  type        = string
  default     = null
}
