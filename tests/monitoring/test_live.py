"""A real Prometheus watches a running service, and every panel shows something."""

import json
import os
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
import yaml

from tests.conftest import copy
from tests.monitoring import files, live
from tests.monitoring.tools import find
from tests.promises import servers
from tests.promises.load import Client, Shop
from tests.promises.processes import wait_for
from tests.promises.service import Service
from tests.suites import pythons
from tests.suites.rendering import make

TRAFFIC_SECONDS = 8
DATA_SECONDS = 60
PYTHON = "3.13"


@dataclass(frozen=True, slots=True)
class Seen:
    """What Prometheus knows after some traffic."""

    shown: list[files.Json]
    firing: set[str]
    failing: dict[str, str]
    scraped: set[str]


@pytest.mark.thorough
@pytest.mark.timeout(900)
def test_every_panel_and_every_rule_has_data(folder: Path, tmp_path: Path) -> None:
    find("prometheus")
    service = copy(folder, tmp_path / "service", identity="none")
    log = tmp_path / "setup.log"
    python = pythons.nearest(PYTHON)
    assert make("setup", service, log, python=python), log.read_text()

    seen = watch(service, tmp_path)

    export = Path(os.environ.get("MONITORING_EXPORT", tmp_path / "panels.json"))
    export.write_text(json.dumps(seen.shown, indent=2) + "\n")
    print(f"\n{len(seen.shown)} queries of panels and rules have data: {export}")
    assert empty(seen.shown) == []
    assert seen.failing == {}
    assert seen.firing == set()
    assert seen.scraped == set(processes(service))


def watch(rendering: Path, directory: Path) -> Seen:
    with ExitStack() as stack:
        others = stack.enter_context(live.others())
        urls = stack.enter_context(servers.running(rendering, directory))
        settings = {
            "ORDERS__CARRIER_URL": others,
            "TELEMETRY__OTLP_ENDPOINT": others,
            "TELEMETRY__SAMPLE_RATIO": "1",
        }
        service = stack.enter_context(
            Service.open(rendering, urls, directory, **settings)
        )
        _, address = service.api()
        service.mail()
        service.worker()
        service.relay()
        targets = {name: service.ports[name] for name in processes(rendering)}
        prometheus = stack.enter_context(
            live.Prometheus.open(rendering, targets, directory / "prometheus")
        )
        use(address)
        with suppress(TimeoutError):
            has_data = partial(has_all, rendering, prometheus)
            wait_for("data everywhere", has_data, seconds=DATA_SECONDS)
        return Seen(
            shown=measure(rendering, prometheus),
            firing=prometheus.firing(),
            failing=prometheus.failing_rules(),
            scraped=prometheus.scraped(),
        )


def use(address: str) -> None:
    """Order, look, look for what is not there and ask the carrier, for a while."""
    shop, client = Shop(address), Client(address)
    end = time.monotonic() + TRAFFIC_SECONDS
    while time.monotonic() < end:
        order = shop.order().body["id"]
        for path in ("catalog/products", "catalog/categories", f"orders/{order}"):
            assert client.get(f"/v1/{path}").status == 200
        assert client.get(f"/v1/orders/{order}/delivery").status == 200
        assert client.get(f"/v1/nowhere/{order}").status == 404
        time.sleep(0.1)


def measure(rendering: Path, prometheus: live.Prometheus) -> list[files.Json]:
    """Ask for every panel and recording rule; say how many series each has."""
    asked = [
        (p.dashboard, p.title, q) for p in files.panels(rendering) for q in p.queries
    ]
    asked += [("", name, name) for name in sorted(files.records(rendering))]
    return [
        {"dashboard": dashboard, "panel": title, "query": query}
        | answer(prometheus, query)
        for dashboard, title, query in asked
    ]


def answer(prometheus: live.Prometheus, query: str) -> files.Json:
    series = prometheus.query(query)
    samples = {legend(one): float(one["value"][1]) for one in series[:5]}
    return {"series": len(series), "samples": samples}


def has_all(rendering: Path, prometheus: live.Prometheus) -> bool:
    """A process that has just begun may not have said anything yet."""
    everywhere = prometheus.scraped() == set(processes(rendering))
    return everywhere and not empty(measure(rendering, prometheus))


def empty(shown: list[files.Json]) -> list[str]:
    return [f"{one['panel']}: {one['query']}" for one in shown if not one["series"]]


def legend(series: files.Json) -> str:
    labels = {k: v for k, v in series["metric"].items() if k != "__name__"}
    return " ".join(f"{name}={value}" for name, value in sorted(labels.items()))


def processes(rendering: Path) -> list[str]:
    file = files.folder(rendering) / "prometheus/prometheus.yml"
    jobs = yaml.safe_load(file.read_text())["scrape_configs"]
    return jobs[0]["dns_sd_configs"][0]["names"]
