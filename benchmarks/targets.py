"""What the rendered files of a deployment say of how many replicas there are."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks.alarms import Alarm, Step, StepScaling, TargetTracking, Tracked
from benchmarks.scalers import (
    Behavior,
    CloudRun,
    HorizontalPodAutoscaler,
    Policy,
    Scaler,
)

STAGE, PROCESS = "prod", "api"
WAIT = "each.value.wait"


@dataclass(frozen=True, slots=True)
class Bounds:
    least: int
    most: int


def scalers(service: Path, deploy: str) -> dict[str, Scaler]:
    """What decides on the API in production, by what is said of it in the page."""
    if deploy == "ecs":
        return ecs(service / "ops/ecs")
    if deploy == "cloud_run":
        return {"Cloud Run": cloud_run(service / "ops/cloud_run")}
    return {"Kubernetes": kubernetes(service / "ops/kubernetes")}


def kubernetes(folder: Path) -> HorizontalPodAutoscaler:
    [hpa] = documents(folder / "base", "HorizontalPodAutoscaler")
    [process] = [
        each
        for each in documents(folder / "base", "Deployment")
        if each["metadata"]["name"] == PROCESS
    ]
    spec = hpa["spec"]
    bounds = kubernetes_bounds(folder)
    [metric] = spec["metrics"]
    [container] = process["spec"]["template"]["spec"]["containers"]
    return HorizontalPodAutoscaler(
        bounds.least,
        bounds.most,
        metric["resource"]["target"]["averageUtilization"] / 100,
        cores(container["resources"]["requests"]["cpu"]),
        behavior(spec["behavior"]["scaleUp"]),
        behavior(spec["behavior"]["scaleDown"]),
    )


def behavior(said: dict[str, Any]) -> Behavior:
    policies = [
        Policy(each["type"], each["value"], each["periodSeconds"])
        for each in said["policies"]
    ]
    select = said.get("selectPolicy", "Max")
    return Behavior(said["stabilizationWindowSeconds"], tuple(policies), select)


def kubernetes_bounds(folder: Path) -> Bounds:
    """As the overlay has them."""
    overlay = yaml.safe_load(
        (folder / f"overlays/{STAGE}/kustomization.yaml").read_text()
    )
    [patch] = [
        each["patch"]
        for each in overlay["patches"]
        if each["target"] == {"kind": "HorizontalPodAutoscaler", "name": PROCESS}
    ]
    said = {each["path"]: each["value"] for each in yaml.safe_load(patch)}
    return Bounds(said["/spec/minReplicas"], said["/spec/maxReplicas"])


def ecs(folder: Path) -> dict[str, Scaler]:
    """Both ways: `scaling` in the stage's .tfvars picks one."""
    facts = yaml.safe_load((folder / "facts.yaml").read_text())
    rules, workload = facts["autoscaling"], facts["workloads"][PROCESS]
    bounds = Bounds(*(workload["replicas"][STAGE][end] for end in ("min", "max")))
    task = workload["cpu_milli"] / 1000
    code = (folder / "process/scaling.tf").read_text()
    up, down = steps(code, rules)
    high, requests = (
        _evaluated(said, rules)
        for said in re.findall(r"target_value +=(.+var\.rules\.cpu\.high.*)", code)
    )
    tracked = (Tracked(high, is_requests=False), Tracked(requests, is_requests=True))
    windows = (
        _evaluated(_said(code, f"{name}_cooldown"), rules)
        for name in ("scale_out", "scale_in")
    )
    return {
        "ECS, 70/30 steps": StepScaling(bounds.least, bounds.most, task, up, down),
        "ECS, target tracking": TargetTracking(
            bounds.least, bounds.most, task, tracked, *map(int, windows)
        ),
    }


def steps(code: str, rules: dict[str, Any]) -> Iterator[Step]:
    """An alarm and a policy for each way, of which `locals` has what differs."""
    period = int(_said(code, "period"))
    one, of_wait = re.fullmatch(
        rf'each\.key == "up" \? (\d+) : ceil\({WAIT} / (\d+)\)',
        _said(code, "evaluation_periods"),
    ).groups()
    for way, sign in (("up", ">"), ("down", "<")):
        said = re.search(
            rf'{way} += \{{ beyond = "(\w+)Threshold", threshold = (\S+), '
            r"by = (-?\d+), wait = (\S+) \}",
            code,
        )
        beyond, threshold, by, wait = said.groups()
        wait = int(_evaluated(wait, rules))
        is_above = {"GreaterThan": True, "LessThan": False}[beyond]
        assert is_above == (sign == ">")
        periods = int(one) if way == "up" else -(-wait // int(of_wait))
        alarm = Alarm(_evaluated(threshold, rules), periods, is_above, period)
        yield Step(alarm, int(by), wait)


def cloud_run(folder: Path) -> CloudRun:
    settings = dict(
        line.split("=", 1)
        for line in (folder / "stages.env").read_text().splitlines()
        if "=" in line and not line.startswith("#")
    )
    [service] = [
        each
        for each in yaml.safe_load_all((folder / "run.yaml").read_text())
        if each["kind"] == "Service"
    ]
    spec = service["spec"]["template"]["spec"]
    least, most = (
        int(settings[f"{STAGE}.{PROCESS.upper()}_{end}"]) for end in ("MIN", "MAX")
    )
    [container] = spec["containers"]
    limit = cores(container["resources"]["limits"]["cpu"])
    return CloudRun(least, most, spec["containerConcurrency"], limit)


def cores(said: str) -> float:
    return int(said[:-1]) / 1000 if said.endswith("m") else float(said)


def documents(folder: Path, kind: str) -> Iterator[dict[str, Any]]:
    for file in sorted(folder.glob("*.yaml")):
        for each in yaml.safe_load_all(file.read_text()):
            if each and each["kind"] == kind:
                yield each


def _said(code: str, name: str) -> str:
    """What Terraform's code says of it, wherever it does: the same everywhere."""
    [value] = set(re.findall(rf"^ *{name} += (.+)$", code, re.M))
    return value


def _evaluated(expression: str, rules: dict[str, Any]) -> float:
    """Products and quotients of numbers and of what `var.rules` names."""
    value, operator = 1.0, "*"
    for word in expression.split():
        if word in ("*", "/"):
            operator = word
            continue
        operand: Any = rules if word.startswith("var.rules.") else word
        if operand is rules:
            for key in word.removeprefix("var.rules.").split("."):
                operand = operand[key]
        value = value * float(operand) if operator == "*" else value / float(operand)
    return value
