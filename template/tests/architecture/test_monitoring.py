"""Rules and dashboards ask for what the code counts, and an alert has all it needs."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

SERVICE = Path(__file__).parents[2]
RULES = SERVICE / "ops/monitoring/prometheus/rules"
ALERT = re.compile(r"- alert: (\w+)\n(.*?)(?=\n\n|\n +- alert|\Z)", re.DOTALL)
RUNBOOK = re.compile(r"runbook_url: (\S+)#(\S+)")
SEEN = re.compile(r"alertname: (\w+)\n +eval_time: .+\n +exp_alerts:(.*)")


def alerts() -> Iterator[tuple[Path, str, str]]:
    for file in RULES.glob("*.yaml"):
        for name, rule in ALERT.findall(file.read_text()):
            yield file, name, rule


def every_alert() -> pytest.MarkDecorator:
    found = sorted(alerts())
    ids = [f"{file.stem}-{name}" for file, name, _ in found]
    return pytest.mark.parametrize(("file", "name", "rule"), found, ids=ids)


class TestAlert:
    @every_alert()
    def test_has_been_seen_firing_and_silent(
        self, file: Path, name: str, rule: str
    ) -> None:
        tests = (RULES.parent / "tests" / file.name).read_text()

        seen = {
            "[]" not in alerts for seen, alerts in SEEN.findall(tests) if seen == name
        }

        assert seen == {True, False}, f"Let {name} fire, and stay silent, in tests/."

    @every_alert()
    def test_has_a_runbook(self, file: Path, name: str, rule: str) -> None:
        page, anchor = RUNBOOK.findall(rule)[0]

        explained = f"\n### {name}\n" in (SERVICE / page).read_text()
        assert explained, f"Say what to do under '### {name}' in {page}."
        assert anchor == name.lower(), f"End {name}'s runbook_url in #{name.lower()}."

    @every_alert()
    def test_says_whom_it_wakes(self, file: Path, name: str, rule: str) -> None:
        said = re.search(r"severity: (page|ticket)\b", rule)
        assert said, f"Give {name} a severity: page or ticket."


MONITORING = SERVICE / "ops/monitoring"
# In a rules file: on the line, or in the deeper lines after it.
QUERY = re.compile(r" expr: (?:\|\n((?: {10}.*\n)+)|(.+))")
RECORD = re.compile(r"- record: (\S+)")
DECLARED = re.compile(r'"(\w+)"')
# Labels, whichever way they are given: what is left are names and functions.
LABELS = re.compile(r"\{[^}]*\}|\b(?:by|on|group_left) \([^)]*\)")
NAME = re.compile(r"(?<![\w:.])[a-z_][\w:]*\b(?!\s*\()")
WORDS = {"and", "bool", "or", "unless"}
SUFFIX = re.compile(r"_(bucket|count|sum|total)$")
# Prometheus itself, the client library, and the recorded series of the rules.
OTHERS = re.compile(r"up|process_\w+|python_gc_\w+|\w+:\w+:\w+")


def test_every_metric_is_declared() -> None:
    declared = {
        name
        for folder in ("*/telemetry*.py", "telemetry/*.py")
        for file in (SERVICE / "app/platform").glob(folder)
        for name in DECLARED.findall(file.read_text())
    }

    asked = {name for query in queries() for name in names(query)}

    undeclared = {SUFFIX.sub("", name) for name in asked} - declared
    wrong = sorted(name for name in undeclared if not OTHERS.fullmatch(name))
    assert not wrong, f"No telemetry.py of app/platform declares {', '.join(wrong)}."


def test_every_recorded_series_is_recorded() -> None:
    recorded = {
        name
        for file in MONITORING.glob("prometheus/rules/*.yaml")
        for name in RECORD.findall(file.read_text())
    }

    asked = {name for query in queries() for name in names(query) if ":" in name}

    assert asked <= recorded


def queries() -> Iterator[str]:
    for file in MONITORING.glob("prometheus/rules/*.yaml"):
        for block, line in QUERY.findall(file.read_text()):
            yield block or line
    for file in MONITORING.glob("grafana/dashboards/*.json"):
        for panel in json.loads(file.read_text())["panels"]:
            yield from (target["expr"] for target in panel["targets"])


def names(query: str) -> set[str]:
    return set(NAME.findall(LABELS.sub("", query))) - WORDS
