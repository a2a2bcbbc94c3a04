#!/bin/sh
# Brings an image, named by its digest, to a stage: ops/cloud_run/deploy.sh STAGE REPOSITORY@sha256:...
# It migrates first, and changes nothing where that fails. An earlier digest goes back.
set -eu
cd "$(dirname "$0")"

stage=$1 image=$2
echo "$image" | grep -Eq '^[^@]+@sha256:[0-9a-f]{64}$' || {
  echo "An image is named by its digest, REPOSITORY@sha256:..., not $image." >&2
  exit 2
}
value() { sed -n "s/^$stage\.$1=//p" stages.env; }
name=$(value NAME)
[ -n "$name" ] || { echo "stages.env knows no stage $stage." >&2 && exit 2; }

made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
# ${NAME} in run.yaml becomes what stages.env says of it for this stage; each document becomes a file.
sed -n "s/^$stage\.\([A-Za-z_]*\)=\(.*\)/s|\${\1}|\2|g/p" stages.env >"$made/values"
echo "s|\${IMAGE}|$image|g" >>"$made/values"
sed -f "$made/values" run.yaml |
  awk -v into="$made" '/^---$/ { number++; next } /^[^#]/ { print > (into "/" number + 0 ".yaml") }'
if grep -ho '\${.*}' "$made"/*.yaml; then
  echo "stages.env says nothing of these for $stage." >&2
  exit 2
fi

CLOUDSDK_CORE_PROJECT=$(value PROJECT)
CLOUDSDK_RUN_REGION=$(value REGION)
CLOUDSDK_CORE_DISABLE_PROMPTS=1
export CLOUDSDK_CORE_PROJECT CLOUDSDK_RUN_REGION CLOUDSDK_CORE_DISABLE_PROMPTS

# Every document of a kind: `replace` waits until what it made is ready, and fails where it is not.
replace() {
  for file in $(grep -l "^kind: $1$" "$made"/*.yaml); do
    gcloud run "$2" replace "$file"
  done
}

replace Job jobs
gcloud run jobs execute "$name-migrate" --wait || {
  echo "The migration failed, and nothing is deployed." >&2
  exit 1
}
replace Service services
replace WorkerPool worker-pools
echo "$stage runs $image"
