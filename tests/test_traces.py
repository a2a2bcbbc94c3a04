"""What a running service traces passes each choice's rules, and links to its lines."""

import json
import os
import re
from base64 import b64decode
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
import yaml

from tests.conftest import copy
from tests.promises.processes import wait_for
from tests.signals.collector import PINNED, Json, listed, merged, wrong_names
from tests.signals.service import Said
from variants import Answers

STORES = ("jaeger", "zipkin")
LINKED: dict[str, Answers] = {
    "jaeger": {"traces": "jaeger", "logs": "elk"},
    "zipkin": {"traces": "zipkin", "logs": "loki"},
    "traces alone": {"traces": "jaeger"},
    "logs alone": {"logs": "loki"},
}
VARIABLE = re.compile(r"\$\{[A-Z_]+:-(.*)\}$")
IDENTITY = {"service.name", "service.instance.id", "deployment.environment.name"}
SLOW_MS = 500

type Render = Callable[[str], Path]


@pytest.fixture(scope="session")
def render(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Render:
    place = tmp_path_factory.mktemp("traces")
    return cache(lambda name: copy(folder, place / name, **LINKED[name]))


class TestSpans:
    """Those of a default service: asked, failed, and with a task done."""

    def test_of_a_failure_lead_to_its_line(self, said: Said) -> None:
        [line] = [each for each in said.events if each["event"] == "http.failed"]

        failed = [span for span in spans_of(said, line["trace_id"]) if is_error(span)]

        assert {span["kind"] for span in failed} >= {"SPAN_KIND_SERVER"}
        assert all("error.type" in attributes(span) for span in failed)

    def test_of_one_request_reach_into_another_process(self, said: Said) -> None:
        by_trace: dict[str, set[str]] = defaultdict(set)
        for resource, span in located(said):
            by_trace[trace_of(span)].add(resource["service.instance.id"])

        assert max(map(len, by_trace.values())) > 1

    def test_say_whose_they_are(self, said: Said) -> None:
        for resource, _ in located(said):
            assert resource.keys() >= IDENTITY

    @pytest.mark.parametrize("store", STORES)
    def test_pass_the_scrub_as_they_are(
        self, render: Render, said: Said, store: str
    ) -> None:
        rules = collector(render(store))["processors"]["redaction"]
        keys, values = rules["blocked_key_patterns"], rules["blocked_values"]

        for span in said.spans:
            for key, value in attributes(span).items():
                assert not any(re.search(rule, key) for rule in keys), key
                assert not any(re.search(rule, value) for rule in values), value
        assert any(re.search(rule, "db.Password") for rule in keys)
        for personal in ("by=jo.doe@shop.example", "4111111111111111"):
            assert any(re.search(rule, personal) for rule in values)

    @pytest.mark.parametrize("store", STORES)
    def test_that_failed_are_all_kept(
        self, render: Render, said: Said, store: str
    ) -> None:
        rules = collector(render(store))["processors"]["tail_sampling"]["policies"]
        by_trace: dict[str, list[Json]] = defaultdict(list)
        for span in said.spans:
            by_trace[trace_of(span)].append(span)

        for spans in by_trace.values():
            if any(map(is_error, spans)):
                assert "failed" in kept_by(rules, spans)
        assert kept_by(rules, [lasting(SLOW_MS + 1)]) == {"slow"}
        assert kept_by(rules, [lasting(SLOW_MS - 1)]) == set()


@pytest.mark.parametrize("store", STORES)
class TestCollector:
    def test_consists_of_what_it_has(self, render: Render, store: str) -> None:
        service = render(store)
        exporters = environment(service)["TRACE_EXPORTERS"]
        both = re.sub(r"\$\{\w+:\+(.*?)\}", r"\1", exporters)

        wrong = wrong_names(collector(service), TRACE_EXPORTERS=both)

        # What is declared for whoever wants to see more.
        assert set(wrong) <= {"exporters.debug"}

    def test_decides_before_it_sends(self, render: Render, store: str) -> None:
        pipeline = collector(render(store))["service"]["pipelines"]["traces"]

        assert pipeline["processors"] == [
            *("memory_limiter", "tail_sampling", "redaction", "batch")
        ]

    def test_waits_for_nobody_without_bounds(self, render: Render, store: str) -> None:
        configuration = collector(render(store))
        used = listed(environment(render(store))["TRACE_EXPORTERS"], {})

        for name in used:
            exporter = configuration["exporters"][name]
            assert exporter["sending_queue"]["queue_size"] <= 1000
            assert exporter["retry_on_failure"]["max_elapsed_time"] == "60s"

    def test_sends_to_the_store_beside_it(self, render: Render, store: str) -> None:
        service = render(store)
        [name, *_] = listed(environment(service)["TRACE_EXPORTERS"], {})
        endpoint = collector(service)["exporters"][name]["endpoint"]
        if endpoint.startswith("${env:OTLP_BACKEND_ENDPOINT"):
            endpoint = VARIABLE.match(environment(service)["OTLP_BACKEND_ENDPOINT"])[1]

        host = re.match(r"http://(\w+):\d+", endpoint)[1]

        assert host == store
        assert host in containers(service)

    def test_has_all_traces_to_choose_from(self, render: Render, store: str) -> None:
        compose = yaml.safe_load((render(store) / "compose.yaml").read_text())
        told = compose["services"]["api"]["environment"]

        assert told["TELEMETRY__SAMPLE_RATIO"].endswith(":-1}")


@pytest.mark.parametrize("store", STORES)
class TestStore:
    def test_is_pinned_bounded_and_for_this_machine(
        self, render: Render, store: str
    ) -> None:
        container = containers(render(store))[store]

        assert PINNED.fullmatch(container["image"])
        assert container["deploy"]["resources"]["limits"]["memory"] == "512M"
        assert all(each.startswith("127.0.0.1:") for each in container["ports"])


class TestJaeger:
    def test_consists_of_what_it_has_and_forgets(self, render: Render) -> None:
        file = render("jaeger") / "ops/monitoring/jaeger/config.yaml"
        configuration = yaml.safe_load(file.read_text())
        extensions = configuration["extensions"]
        backends = extensions["jaeger_storage"]["backends"]

        assert wrong_names(configuration) == []
        assert extensions["jaeger_query"]["storage"]["traces"] in backends
        exporter = configuration["exporters"]["jaeger_storage_exporter"]
        assert backends[exporter["trace_storage"]]["badger"]["ttl"]["spans"] == "72h"


@pytest.mark.parametrize("name", LINKED)
class TestGrafana:
    def test_links_each_signal_to_the_other(self, render: Render, name: str) -> None:
        sources = {source["uid"]: source for source in data_sources(render(name))}
        told = json.dumps([*sources.values()])

        linked = set(re.findall(r'"datasourceUid": "(\w+)"', told))

        both = {"traces", "logs"} <= sources.keys()
        assert linked == ({"traces", "logs"} if both else set())

    def test_asks_for_the_lines_of_the_trace(self, render: Render, name: str) -> None:
        for source in data_sources(render(name)):
            if link := source["jsonData"].get("tracesToLogsV2"):
                assert link["query"].endswith('"$${__trace.traceId}"')


@pytest.mark.parametrize("store", STORES)
class TestOfficial:
    """Collector and store, as compose.yaml starts them; a workflow says where."""

    def test_has_every_span_of_the_failure(
        self, request: pytest.FixtureRequest, store: str
    ) -> None:
        variable = f"STRATA_{store.upper()}_URL"
        url, taker = os.environ.get(variable), os.environ.get(f"{variable}_OTLP")
        if url is None or taker is None:
            pytest.skip(f"NOT TESTED: {variable} does not say where one runs")
        said: Said = request.getfixturevalue("said")
        [line] = [each for each in said.events if each["event"] == "http.failed"]
        names = sorted(span["name"] for span in spans_of(said, line["trace_id"]))

        for body in said.bodies:
            headers = {"Content-Type": "application/x-protobuf"}
            urlopen(Request(f"{taker}/v1/traces", body, headers)).close()

        look = partial(shown, store, url, line["trace_id"])
        wait_for("the trace", lambda: look() == [each.lower() for each in names])


def shown(store: str, url: str, trace: str) -> list[str]:
    """The names of the spans of a trace; Zipkin has them in small letters."""
    path = {"jaeger": "/api/traces/", "zipkin": "/api/v2/trace/"}[store]
    try:
        with urlopen(f"{url}{path}{trace}") as response:
            said = json.load(response)
    except HTTPError:
        return []
    if store == "jaeger":
        found = [span["operationName"] for span in said["data"][0]["spans"]]
    else:
        found = [span["name"] for span in said]
    return sorted(name.lower() for name in found)


def located(said: Said) -> Iterator[tuple[Json, Json]]:
    for export in said.exports:
        for resource in export["resourceSpans"]:
            for scope in resource["scopeSpans"]:
                for span in scope["spans"]:
                    yield attributes(resource["resource"]), span


def spans_of(said: Said, trace: str) -> list[Json]:
    return [span for span in said.spans if trace_of(span) == trace]


def trace_of(span: Json) -> str:
    return b64decode(span["traceId"]).hex()


def attributes(thing: Json) -> dict[str, str]:
    return {
        each["key"]: str(next(iter(each["value"].values())))
        for each in thing.get("attributes", [])
    }


def is_error(span: Json) -> bool:
    return span.get("status", {}).get("code") == "STATUS_CODE_ERROR"


def lasting(milliseconds: int) -> Json:
    ends = str(milliseconds * 1_000_000)
    return {"startTimeUnixNano": "0", "endTimeUnixNano": ends}


def kept_by(rules: list[Json], spans: list[Json]) -> set[str]:
    """Whose decision it is not a matter of chance to keep these."""
    begin = min(int(span["startTimeUnixNano"]) for span in spans)
    milliseconds = max(int(span["endTimeUnixNano"]) for span in spans) - begin
    found = set()
    for rule in rules:
        if rule["type"] == "status_code" and any(map(is_error, spans)):
            assert rule["status_code"]["status_codes"] == ["ERROR"]
            found.add(rule["name"])
        if rule["type"] == "latency":
            bound = rule["latency"]["threshold_ms"] * 1_000_000
            found |= {rule["name"]} if milliseconds >= bound else set()
    return found


def collector(service: Path) -> Json:
    """What the command of its container names, one file over another."""
    folder = service / "ops/monitoring/collector"
    words = containers(service)["collector"]["command"]
    return merged(*(folder / word.rpartition("/")[2] for word in words))


def environment(service: Path) -> dict[str, str]:
    told: dict[str, str] = containers(service)["collector"]["environment"]
    return told


def containers(service: Path) -> dict[str, Json]:
    file = service / "ops/monitoring/compose.yaml"
    services: dict[str, Json] = yaml.safe_load(file.read_text())["services"]
    return services


def data_sources(service: Path) -> list[Json]:
    folder = service / "ops/monitoring/grafana/provisioning/datasources"
    files = [yaml.safe_load(file.read_text()) for file in sorted(folder.iterdir())]
    return [source for file in files for source in file["datasources"]]
