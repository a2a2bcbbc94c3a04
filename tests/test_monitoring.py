"""What watches the service is accepted by its tools, and has something to show."""

import json
import re
from collections.abc import Callable
from functools import cache
from itertools import combinations
from pathlib import Path

import pytest
import yaml

from tests.conftest import copy
from tests.monitoring import files
from tests.monitoring.tools import amtool, promtool
from variants import Answers

RENDERINGS: dict[str, Answers] = {
    "default": {},
    "no-cache": {"cache": "none", "broker": "rabbitmq"},
    "most": {"webhooks": "yes", "secrets": "vault"},
    "inline": {"tasks": "inline"},
    "minimal": {"cache": "none", "tasks": "inline", "example": "false"},
}
PINNED = re.compile(r"\$\{[A-Z]+_IMAGE:-[a-z/-]+:v?\d+\.\d+\.\d+\}")
DEFAULT = re.compile(r"\$\{env:\w+:-(.*)\}")
VARIABLE = re.compile(r"\$\{\w+:-([^}]*)\}")
NODES = 24

type Render = Callable[[str], Path]


@pytest.fixture(scope="session")
def render(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Render:
    rendered = tmp_path_factory.mktemp("monitored")

    @cache
    def once(name: str) -> Path:
        return copy(folder, rendered / name, **RENDERINGS[name])

    return once


@pytest.fixture(params=RENDERINGS)
def service(request: pytest.FixtureRequest, render: Render) -> Path:
    return render(request.param)


class TestPrometheus:
    def test_the_configuration_is_accepted(self, service: Path) -> None:
        promtool("check", "config", files.folder(service) / "prometheus/prometheus.yml")

    def test_alerts_fire_and_stay_silent_as_their_tests_say(
        self, service: Path
    ) -> None:
        said = promtool("test", "rules", *files.test_files(service))

        assert "SUCCESS" in said

    def test_each_alert_is_seen_firing_and_seen_silent(self, service: Path) -> None:
        for file in files.rule_files(service):
            for alert in files.alerts(file):
                test = file.parent.parent / "tests" / file.name
                seen = {
                    bool(check["exp_alerts"])
                    for check in files.checks(test)
                    if check["alertname"] == alert["alert"]
                }
                assert seen == {True, False}, f"{alert['alert']} in {test}"

    def test_each_alert_has_a_severity_and_a_runbook(self, service: Path) -> None:
        for file in files.rule_files(service):
            for alert in files.alerts(file):
                page, _, anchor = alert["annotations"]["runbook_url"].partition("#")
                assert alert["labels"]["severity"] in {"page", "ticket"}
                assert anchor == alert["alert"].lower()
                assert anchor in files.anchors(service / page), alert["alert"]

    def test_what_is_no_part_of_the_service_has_no_rules(self, render: Render) -> None:
        for file in files.folder(render("minimal")).rglob("*"):
            assert file.stem not in {"worker", "cache-redis"}


class TestAlertmanager:
    def test_the_configuration_is_accepted(self, service: Path) -> None:
        amtool("check-config", alertmanager(service))

    @pytest.mark.parametrize("severity", ["page", "ticket"])
    def test_each_severity_has_its_receiver(
        self, render: Render, severity: str
    ) -> None:
        file = f"--config.file={alertmanager(render('default'))}"

        receiver = amtool("config", "routes", "test", file, f"severity={severity}")

        assert receiver.strip() == severity


class TestGrafana:
    def test_a_dashboard_is_known_by_its_file(self, service: Path) -> None:
        for file in files.dashboard_files(service):
            dashboard = json.loads(file.read_text())
            ids = [panel["id"] for panel in dashboard["panels"]]
            assert dashboard["uid"] == file.stem
            assert len(ids) == len(set(ids))

    def test_no_panel_lies_on_another(self, service: Path) -> None:
        for file in files.dashboard_files(service):
            places = [p["gridPos"] for p in json.loads(file.read_text())["panels"]]
            assert all(place["x"] + place["w"] <= NODES for place in places)
            for one, other in combinations(places, 2):
                assert apart(one, other) or apart(other, one), (file, one, other)

    def test_each_panel_asks_the_provisioned_source(self, service: Path) -> None:
        provisioning = files.folder(service) / "grafana/provisioning"
        known = yaml.safe_load(
            (provisioning / "datasources/prometheus.yaml").read_text()
        )["datasources"]
        for file in files.dashboard_files(service):
            for panel in json.loads(file.read_text())["panels"]:
                assert panel["datasource"]["uid"] == known[0]["uid"]

    def test_a_recorded_series_is_recorded_in_the_same_service(
        self, service: Path
    ) -> None:
        known = files.records(service)
        for panel in files.panels(service):
            for query in panel.queries:
                assert set(re.findall(r"\w+:\w+:\w+", query)) <= known, panel


class TestCollector:
    def test_its_pipelines_consist_of_what_it_has(self, service: Path) -> None:
        file = files.folder(service) / "collector/config.yaml"
        configuration = yaml.safe_load(file.read_text())

        for pipeline in configuration["service"]["pipelines"].values():
            for kind, names in pipeline.items():
                assert set(listed(names)) <= configuration[kind].keys()


class TestContainers:
    def test_images_are_pinned(self, service: Path) -> None:
        for container in containers(service).values():
            assert PINNED.fullmatch(container["image"]), container["image"]

    def test_pages_are_for_this_machine_only(self, service: Path) -> None:
        for container in containers(service).values():
            for port in container.get("ports", []):
                assert port.startswith("127.0.0.1:"), port

    def test_nothing_can_write_but_to_its_volume(self, service: Path) -> None:
        folder = service / "ops/monitoring"
        for name, container in containers(service).items():
            assert container["read_only"] is True
            for volume in container["volumes"]:
                source = VARIABLE.sub(r"\1", volume).split(":")[0]
                if source != name:
                    assert volume.endswith(":ro"), volume
                    assert (folder / source).exists(), volume


def containers(service: Path) -> dict[str, files.Json]:
    file = service / "ops/monitoring/compose.yaml"
    return yaml.safe_load(file.read_text())["services"]


def listed(names: str | list[str]) -> list[str]:
    """A list, or the default of the variable that holds one."""
    if isinstance(names, list):
        return names
    return yaml.safe_load(DEFAULT.fullmatch(names)[1])


def apart(one: dict[str, int], other: dict[str, int]) -> bool:
    """Say whether one lies wholly to the left of the other, or above it."""
    return one["x"] + one["w"] <= other["x"] or one["y"] + one["h"] <= other["y"]


def alertmanager(service: Path) -> Path:
    return files.folder(service) / "alertmanager/alertmanager.yml"
