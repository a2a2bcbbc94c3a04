#!/bin/sh
# Brings an image, named by its digest, to a stage: ops/ecs/deploy.sh STAGE REPOSITORY@sha256:...
# It migrates first, and changes nothing where that fails. An earlier digest goes back.
set -eu
cd "$(dirname "$0")"

stage=$1 image=$2
echo "$image" | grep -Eq '^[^@]+@sha256:[0-9a-f]{64}$' || {
  echo "An image is named by its digest, REPOSITORY@sha256:..., not $image." >&2
  exit 2
}
fact() { sed -n "s/^$1: //p" facts.yaml; }
cluster=$(fact service)-$stage
services=$(fact services)
export AWS_PAGER="" AWS_RETRY_MODE=standard

# The newest revision is what Terraform last made of the settings: only the image is another.
register() {
  definition=$(aws ecs describe-task-definition --task-definition "$cluster-$1" --output json --query \
    "taskDefinition.{family: family, taskRoleArn: taskRoleArn, executionRoleArn: executionRoleArn,
    networkMode: networkMode, requiresCompatibilities: requiresCompatibilities, cpu: cpu, memory: memory,
    runtimePlatform: runtimePlatform, volumes: volumes, containerDefinitions: containerDefinitions}")
  definition=$(echo "$definition" | sed "s|\"image\": \"${image%@*}[:@][^\"]*\"|\"image\": \"$image\"|")
  case $definition in
    *"\"image\": \"$image\""*) ;;
    *) echo "$cluster-$1 does not run an image of ${image%@*}." >&2 && return 1 ;;
  esac
  aws ecs register-task-definition --query taskDefinition.taskDefinitionArn --output text \
    --cli-input-json "$definition"
}

of_service() {
  aws ecs describe-services --cluster "$cluster" --services "$1" --query "services[0].$2" --output "$3"
}

definition=$(register migrate)
network=$(of_service api networkConfiguration json)
task=$(aws ecs run-task --cluster "$cluster" --task-definition "$definition" --launch-type FARGATE \
  --network-configuration "$network" --query 'tasks[0].taskArn' --output text)
echo "Migrating: $task"
aws ecs wait tasks-stopped --cluster "$cluster" --tasks "$task" || true # the exit code tells
code=$(aws ecs describe-tasks --cluster "$cluster" --tasks "$task" \
  --query 'tasks[0].containers[0].exitCode' --output text)
[ "$code" = 0 ] || {
  echo "The migration ended with $code, and nothing is deployed. What it says:" \
    "aws logs tail /$(fact service)/$stage --log-stream-name-prefix migrate" >&2
  exit 1
}

wanted=""
for service in $services; do
  definition=$(register "$service")
  wanted="$wanted $service=$definition"
  aws ecs update-service --cluster "$cluster" --service "$service" --task-definition "$definition" \
    --query service.serviceName --output text
done
# shellcheck disable=SC2086 # they are words
aws ecs wait services-stable --cluster "$cluster" --services $services

# A service is stable, too, where ECS has gone back to the version before.
for each in $wanted; do
  running=$(of_service "${each%%=*}" taskDefinition text)
  [ "$running" = "${each#*=}" ] || {
    echo "${each%%=*} did not become healthy: ECS went back to $running." >&2
    exit 1
  }
done
echo "$stage runs $image"
