"""How the rendered files of each target have it end a replica of the API."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from benchmarks.targets import documents
from tests.promises.fleet import Stop

STAGE, PROCESS = "prod", "api"
# A balancer learns of a stop this much later than it is waited for, or than it is told.
LATE_SECONDS = 1
# cloud.google.com/run/docs/container-contract: SIGKILL comes 10 s after SIGTERM.
CLOUD_RUN_SECONDS = 10
# What stands before the API hands on requests, or connections where it is kube-proxy.
BY_REQUEST = {"kubernetes": False, "eks": True, "aks": True}

type Configured = tuple[Stop, dict[str, str]]


def configured(service: Path, deploy: str) -> Configured:
    """What the platform does, and what the process is told of it."""
    if deploy == "ecs":
        stop, settings = ecs(service / "ops/ecs")
    elif deploy == "cloud_run":
        stop, settings = cloud_run(service / "ops/cloud_run")
    else:
        stop, settings = kubernetes(service / "ops/kubernetes", deploy)
    return stop, {k: v for k, v in settings.items() if k.endswith("_SECONDS")}


def kubernetes(folder: Path, deploy: str) -> Configured:
    """It tells all at once: balancers, which are late, and the pod, which waits."""
    [pod] = [
        each["spec"]["template"]["spec"]
        for each in documents(folder / "base", "Deployment")
        if each["metadata"]["name"] == PROCESS
    ]
    [container] = pod["containers"]
    waits = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    stop = Stop(
        late_seconds=waits + LATE_SECONDS,
        kill_seconds=pod["terminationGracePeriodSeconds"] - waits,
        term_seconds=waits,
        is_told=True,
        by_request=BY_REQUEST[deploy],
    )
    overlay = folder / f"overlays/{STAGE}/kustomization.yaml"
    return stop, dict(_literals(yaml.safe_load(overlay.read_text())))


def _literals(overlay: dict[str, Any]) -> Iterator[list[str]]:
    for generator in overlay["configMapGenerator"]:
        for literal in generator["literals"]:
            yield literal.split("=", 1)


def ecs(folder: Path) -> Configured:
    """The balancer lets go of it, and it is told once what had begun has ended."""
    facts = yaml.safe_load((folder / "facts.yaml").read_text())
    stop = Stop(
        late_seconds=LATE_SECONDS,
        kill_seconds=facts["workloads"][PROCESS]["grace_seconds"],
        term_seconds=facts["balancer"]["deregistration_seconds"],
        is_told=True,
        by_request=True,
    )
    return stop, facts["plain_settings"][STAGE]


def cloud_run(folder: Path) -> Configured:
    """All at once, and little time."""
    stop = Stop(
        late_seconds=LATE_SECONDS,
        kill_seconds=CLOUD_RUN_SECONDS,
        is_told=True,
        by_request=True,
    )
    lines = (folder / "stages.env").read_text().splitlines()
    own = (line for line in lines if line.startswith(f"{STAGE}."))
    return stop, dict(line.removeprefix(f"{STAGE}.").split("=", 1) for line in own)
