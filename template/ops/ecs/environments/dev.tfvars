# The addresses, sizes and switches of dev. How many of each process run is in facts.yaml.
stage                    = "dev"
region                   = "eu-central-1"
vpc_id                   = "vpc-fill-in"
public_subnet_ids        = ["subnet-fill-in-a", "subnet-fill-in-b"]
private_subnet_ids       = ["subnet-fill-in-c", "subnet-fill-in-d"]
stores_security_group_id = "sg-fill-in"
certificate_arn          = "arn:aws:acm:eu-central-1:000000000000:certificate/fill-in"
repository               = "000000000000.dkr.ecr.eu-central-1.amazonaws.com/fill-in"

scaling   = "target"
spot      = true
protected = false
log_days  = 14
