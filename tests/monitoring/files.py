"""What a rendering says about its monitoring, read from its files."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

type Json = dict[str, object]

HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Panel:
    dashboard: str
    title: str
    queries: tuple[str, ...]


def folder(service: Path) -> Path:
    return service / "ops/monitoring"


def rule_files(service: Path) -> list[Path]:
    return sorted(folder(service).glob("prometheus/rules/*.yaml"))


def test_files(service: Path) -> list[Path]:
    return sorted(folder(service).glob("prometheus/tests/*.yaml"))


def dashboard_files(service: Path) -> list[Path]:
    return sorted(folder(service).glob("grafana/dashboards/*.json"))


def alerts(file: Path) -> list[Json]:
    return [rule for rule in rules(file) if "alert" in rule]


def records(service: Path) -> set[str]:
    return {
        str(rule["record"])
        for file in rule_files(service)
        for rule in rules(file)
        if "record" in rule
    }


def rules(file: Path) -> Iterator[Json]:
    for group in yaml.safe_load(file.read_text())["groups"]:
        yield from group["rules"]


def checks(file: Path) -> Iterator[Json]:
    """Every moment at which a test looks for an alert."""
    for test in yaml.safe_load(file.read_text())["tests"]:
        yield from test.get("alert_rule_test", [])


def panels(service: Path) -> list[Panel]:
    return [
        Panel(
            file.stem,
            panel["title"],
            tuple(target["expr"] for target in panel["targets"]),
        )
        for file in dashboard_files(service)
        for panel in json.loads(file.read_text())["panels"]
    ]


def anchors(runbook: Path) -> set[str]:
    """The fragments that a link to one of its headings can have."""
    headings = HEADING.findall(runbook.read_text())
    return {heading.lower().replace(" ", "-") for heading in headings}
