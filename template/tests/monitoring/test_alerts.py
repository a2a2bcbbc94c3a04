"""What an alert needs besides its rule."""

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

        assert f"\n### {name}\n" in (SERVICE / page).read_text()
        assert anchor == name.lower()

    @every_alert()
    def test_says_whom_it_wakes(self, file: Path, name: str, rule: str) -> None:
        assert re.search(r"severity: (page|ticket)\b", rule)
