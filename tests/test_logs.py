"""What a running service writes arrives whole, whatever becomes of the store."""

import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
import yaml

from tests.conftest import copy
from tests.promises.processes import wait_for
from tests.signals.collector import PINNED, wrong_names
from tests.signals.service import TRACEBACK, Said
from tests.signals.shipping import (
    BUFFER_BYTES,
    ENVIRONMENT,
    PIECE,
    SERVICE,
    Json,
    Shipping,
    Store,
    lines_of,
    wait_for_lines,
)

SHIPPED = ("elk", "loki")
WORKERS = {"elk": 4, "loki": 1}
LEVELS = {"debug", "info", "warning", "error", "critical", "unknown"}
LAST_WORDS = 'Fatal Python error: Segmentation fault in "\\x00" \\ \u00e4'
AWAY = "error sending HTTP request"
MANY = 300

type Render = Callable[[str], Path]


@pytest.fixture(scope="session")
def render(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Render:
    place = tmp_path_factory.mktemp("logs")
    return cache(lambda logs: copy(folder, place / logs, logs=logs))


@pytest.fixture(params=SHIPPED)
def shipping(
    request: pytest.FixtureRequest, render: Render, tmp_path: Path
) -> Iterator[Shipping]:
    shipping = Shipping(render(request.param), request.param, tmp_path)
    yield shipping
    shipping.shipper.kill()


@pytest.fixture(scope="module", params=SHIPPED)
def kept(
    request: pytest.FixtureRequest,
    render: Render,
    said: Said,
    tmp_path_factory: pytest.TempPathFactory,
) -> Store:
    """A store that was sent all that the service said, and more."""
    place = tmp_path_factory.mktemp("shipped")
    shipping = Shipping(render(request.param), request.param, place)
    written = shipping.write(said)
    shipping.containers.write("api", LAST_WORDS)
    shipping.containers.write("stranger", '{"level":"info"}', tag="other")
    with shipping.store() as store:
        shipping.shipper.start()
        try:
            wait_for_lines(store, written + 1)
        finally:
            shipping.shipper.kill()
    return store


class TestLines:
    """Those of a default service: started, asked, failed, and with a task done."""

    def test_arrive_whole_and_once(self, kept: Store, said: Said) -> None:
        written = [line for lines in said.lines.values() for line in lines]
        expected = Counter(plain(line) for line in [*written, LAST_WORDS])
        del expected[""]

        assert Counter(map(plain, lines_of(kept))) == expected

    def test_are_of_every_kind(self, said: Said) -> None:
        events = {event["event"] for event in said.events}
        [failed] = [each for each in said.events if each["event"] == "http.failed"]

        assert events >= {"http.request", "task.done", "readiness.changed"}
        assert TRACEBACK in failed["exception"]
        # It is cut, as Docker cuts what is longer than 16 KiB.
        assert len(json.dumps(failed)) > PIECE

    def test_have_labels_that_no_line_adds_to(self, kept: Store) -> None:
        for labels in map(labels_of, kept.received):
            assert labels.keys() == {"service", "environment", "level"}
            assert labels["service"] == SERVICE
            assert labels["environment"] == ENVIRONMENT
            assert labels["level"] in LEVELS

    def test_lead_to_their_trace(self, kept: Store, said: Said) -> None:
        known = {event["trace_id"] for event in said.events} - {None}

        assert known
        assert {trace for each in kept.received for trace in traces_of(each)} == known

    def test_carry_what_the_store_asks_for(self, kept: Store) -> None:
        for headers in kept.headers:
            assert headers["X-Scope-OrgID"] == "shop"
            assert headers["Content-Type"] == "application/json"


class TestStore:
    def test_that_is_away_for_a_while_misses_nothing(self, shipping: Shipping) -> None:
        with shipping.store() as store:
            shipping.shipper.start()
            shipping.containers.write("api", *numbered(0, MANY))
            before = wait_for_lines(store, MANY)
        shipping.containers.write("api", *numbered(MANY, 2 * MANY))
        wait_for("it to find nobody", lambda: shipping.shipper.count(AWAY))

        with shipping.store() as store:
            after = wait_for_lines(store, MANY)

        assert sorted(map(number, before + after)) == list(range(2 * MANY))
        assert shipping.shipper.dropped() == 0

    @pytest.mark.parametrize(
        "status", [429, pytest.param(503, marks=pytest.mark.thorough)]
    )
    def test_that_is_full_or_unwell_is_waited_for(
        self, shipping: Shipping, status: int
    ) -> None:
        with shipping.store() as store:
            store.status = status
            shipping.shipper.start()
            shipping.containers.write("api", *numbered(0, MANY))
            # More often than a worker tries what it may give up.
            tries = 3 * WORKERS[shipping.choice]
            wait_for("refusals", lambda: store.refused > tries)
            store.status = 0

            lines = wait_for_lines(store, MANY)

        assert sorted(map(number, lines)) == list(range(MANY))
        assert shipping.shipper.dropped() == 0

    def test_that_refuses_for_good_is_counted(self, shipping: Shipping) -> None:
        with shipping.store() as store:
            store.status = 400
            shipping.shipper.start()
            shipping.containers.write("api", *numbered(0, 5))

            wait_for("drops", lambda: shipping.shipper.dropped() == 5)

            store.status = 0
            shipping.containers.write("api", *numbered(5, 6))
            assert list(map(number, wait_for_lines(store, 1))) == [5]

    def test_that_is_away_for_long_costs_a_bounded_and_counted_loss(
        self, shipping: Shipping
    ) -> None:
        room = WORKERS[shipping.choice] * BUFFER_BYTES
        written = 4 * room // 1000
        shipping.shipper.start()
        shipping.containers.write("api", *numbered(0, written, size=1000))
        wait_for("drops", lambda: shipping.shipper.dropped() > written / 2)

        assert shipping.shipper.buffered_bytes() < 1.5 * room
        with shipping.store() as store:
            wait_for(
                "each line, or its drop",
                lambda: len(lines_of(store)) + shipping.shipper.dropped() >= written,
            )
            kept = list(map(number, lines_of(store)))

        assert len(set(kept)) == len(kept)
        assert len(kept) + shipping.shipper.dropped() == written


class TestShipper:
    def test_that_is_killed_goes_on_where_it_was(self, shipping: Shipping) -> None:
        with shipping.store() as store:
            store.status = 503
            shipping.shipper.start()
            shipping.containers.write("api", *numbered(0, MANY))
            wait_for("refusals", lambda: store.refused > 0)
            shipping.shipper.kill()
            shipping.containers.write("api", *numbered(MANY, 2 * MANY))
            store.status = 0

            shipping.shipper.start()

            # Elasticsearch may have one twice.
            with suppress(TimeoutError):
                wait_for("all", lambda: len(set(lines_of(store))) >= 2 * MANY)
            assert sorted(map(number, set(lines_of(store)))) == list(range(2 * MANY))

    def test_follows_a_file_that_docker_rotates(self, shipping: Shipping) -> None:
        with shipping.store() as store:
            shipping.shipper.start()
            shipping.containers.write("api", *numbered(0, MANY))
            wait_for_lines(store, 1)
            shipping.containers.write("api", *numbered(MANY, 2 * MANY))
            shipping.containers.rotate("api")
            shipping.containers.write("api", *numbered(2 * MANY, 3 * MANY))

            lines = wait_for_lines(store, 3 * MANY)

        assert sorted(map(number, lines)) == list(range(3 * MANY))


class TestElasticsearch:
    def test_knows_each_field_of_a_document(self, render: Render, said: Said) -> None:
        template = json.loads((render("elk") / "ops/logs/elk/index.json").read_text())
        known = set(leaves(template["template"]["mappings"]["properties"]))
        text = (render("elk") / "ops/logs/elk/destination.conf").read_text()

        sent = set(re.findall(r" ([a-z_]+(?:\.[a-z_]+)*)=\$", text))

        assert sent | {"@timestamp", "fields"} == known

    def test_keeps_lines_for_so_long_and_no_longer(self, render: Render) -> None:
        folder = render("elk") / "ops/logs/elk"
        phases = json.loads((folder / "lifecycle.json").read_text())["policy"]["phases"]
        settings = json.loads((folder / "index.json").read_text())["template"][
            "settings"
        ]
        put = yaml.safe_load((render("elk") / "ops/logs/compose.yaml").read_text())
        command = " ".join(put["services"]["index"]["command"])

        assert phases["hot"]["actions"]["rollover"]["max_age"] == "1d"
        assert phases["delete"]["min_age"] == "14d"
        assert f"_ilm/policy/{settings['index.lifecycle.name']} " in command


class TestLoki:
    def test_takes_the_labels_that_are_sent_and_forgets(self, render: Render) -> None:
        file = render("loki") / "ops/logs/loki/loki.yaml"
        configuration = yaml.safe_load(file.read_text())
        limits = configuration["limits_config"]

        assert limits["retention_period"] == "336h"
        assert configuration["compactor"]["retention_enabled"] is True
        assert limits["discover_service_name"] == []
        assert limits["allow_structured_metadata"] is True


class TestCloudwatch:
    def test_its_collector_consists_of_what_it_has(self, render: Render) -> None:
        file = render("cloudwatch") / "ops/logs/cloudwatch/collector.yaml"

        assert wrong_names(yaml.safe_load(file.read_text())) == []

    def test_reads_the_service_and_joins_its_lines(self, render: Render) -> None:
        service = render("cloudwatch")
        file = service / "ops/logs/cloudwatch/collector.yaml"
        configuration = yaml.safe_load(file.read_text())
        receiver = configuration["receivers"]["filelog"]
        kinds = [each["type"] for each in receiver["operators"]]
        exporter = configuration["exporters"]["awscloudwatchlogs"]

        assert kinds == ["json_parser", "filter", "recombine", "move"]
        assert receiver["storage"] in configuration["extensions"]
        assert exporter["sending_queue"]["storage"] in configuration["extensions"]
        assert exporter["raw_log"] is True

    def test_tells_its_collector_all_that_it_asks(self, render: Render) -> None:
        logs = render("cloudwatch") / "ops/logs"
        shipper = yaml.safe_load((logs / "compose.yaml").read_text())["services"]
        asked = re.findall(
            r"\$\{env:(\w+)\}", (logs / "cloudwatch/collector.yaml").read_text()
        )

        # Every container has a HOSTNAME.
        assert {*asked} - {"HOSTNAME"} <= shipper["shipper"]["environment"].keys()


@pytest.mark.parametrize("logs", ["elk", "loki", "cloudwatch"])
class TestContainers:
    def test_docker_tags_what_the_shipper_looks_for(
        self, render: Render, logs: str
    ) -> None:
        compose = yaml.safe_load((render(logs) / "compose.yaml").read_text())
        shipper = containers(render(logs))["shipper"]["environment"]["LOGS_SERVICE"]

        for name in ("api", "worker", "relay"):
            tag = compose["services"][name]["logging"]["options"]["tag"]
            assert tag == f"{shipper}/{{{{.Name}}}}"

    def test_are_pinned_bounded_and_for_this_machine(
        self, render: Render, logs: str
    ) -> None:
        for container in containers(render(logs)).values():
            assert PINNED.fullmatch(container["image"]), container["image"]
            limits = container["deploy"]["resources"]["limits"]
            assert {"cpus", "memory"} <= limits.keys()
            assert container["cap_drop"] == ["ALL"]
            for port in container.get("ports", []):
                assert port.startswith("127.0.0.1:")

    def test_mount_what_is_there(self, render: Render, logs: str) -> None:
        for container in containers(render(logs)).values():
            for source, target in mounts(container):
                if source.startswith("./"):
                    assert (render(logs) / "ops/logs" / source).exists()
                    assert target.endswith(":ro")


@pytest.mark.parametrize("logs", SHIPPED)
class TestOfficial:
    """The store itself, as compose.yaml starts it; a workflow says where it is."""

    def test_finds_each_line_by_its_trace(
        self, request: pytest.FixtureRequest, render: Render, tmp_path: Path, logs: str
    ) -> None:
        variable = f"STRATA_{logs.upper()}_URL"
        url = os.environ.get(variable)
        if url is None:
            pytest.skip(f"NOT TESTED: {variable} does not say where one runs")
        said: Said = request.getfixturevalue("said")
        shipping = Shipping(render(logs), logs, tmp_path, url)
        shipping.write(said)
        shipping.shipper.start()
        try:
            for event in said.events:
                if event["trace_id"]:
                    look = partial(is_found, logs, url, event)
                    wait_for(event["event"], look)
        finally:
            assert shipping.shipper.dropped() == 0
            shipping.shipper.kill()


def is_found(logs: str, url: str, event: Json) -> bool:
    return event in found(logs, url, event)


def found(logs: str, url: str, event: Json) -> list[Json]:
    trace = event["trace_id"]
    if logs == "loki":
        query = f'{{service="{SERVICE}"}} | trace_id="{trace}"'
        asked = f"{url}/loki/api/v1/query_range?{urlencode({'query': query})}"
        with urlopen(asked) as response:
            streams = json.load(response)["data"]["result"]
        return [json.loads(line) for each in streams for _, line, *_ in each["values"]]
    asked = f"{url}/logs-service-default/_search?size=1000&q=trace.id:{trace}"
    try:
        with urlopen(asked) as response:
            hits = json.load(response)["hits"]["hits"]
    except HTTPError:
        return []
    return [hit["_source"]["fields"] for hit in hits]


def containers(service: Path) -> dict[str, Json]:
    file = service / "ops/logs/compose.yaml"
    services: dict[str, Json] = yaml.safe_load(file.read_text())["services"]
    return services


def mounts(container: Json) -> Iterator[tuple[str, str]]:
    for volume in container.get("volumes", []):
        source, _, target = volume.partition(":")
        yield source, target


def leaves(properties: Json, before: str = "") -> Iterator[str]:
    for name, field in properties.items():
        if "properties" in field:
            yield from leaves(field["properties"], f"{before}{name}.")
        else:
            yield before + name


def numbered(begin: int, end: int, *, size: int = 0) -> Iterator[str]:
    for each in range(begin, end):
        yield json.dumps({"level": "info", "event": "n", "n": each, "x": "x" * size})


def number(line: str) -> int:
    return int(json.loads(line)["n"])


def plain(line: str) -> str:
    """A line as what it says: a store keeps an object in its own spelling."""
    return json.dumps(json.loads(line)) if line.startswith("{") else line.strip()


def labels_of(received: tuple[str, Json]) -> Json:
    path, body = received
    if path.startswith("/loki"):
        labels: Json = body["stream"]
        return labels
    return {
        "service": body["service"]["name"],
        "environment": body["service"]["environment"],
        "level": body["log"]["level"],
    }


def traces_of(received: tuple[str, Json]) -> set[str]:
    path, body = received
    known = (
        [value[2] for value in body["values"]]
        if path.startswith("/loki")
        else [{"trace_id": body.get("trace", {}).get("id")}]
    )
    return {each["trace_id"] for each in known if each.get("trace_id")}
