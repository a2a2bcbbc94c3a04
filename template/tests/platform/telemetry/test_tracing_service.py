"""The whole service, told to send its spans to a collector."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from time import perf_counter

import pytest
from httpx import AsyncClient
from prometheus_client import generate_latest
from pydantic import HttpUrl
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.platform.observability import context
from app.platform.telemetry.opentelemetry import (
    OpentelemetryTelemetry,
    OpentelemetryTelemetrySettings,
)
from app.settings import Settings
from tests.fixtures.metrics import PARENT
from tests.fixtures.service import Service
from tests.platform.canaries import CANARY, push, push_real, router
from tests.platform.telemetry.tracing_collector import (
    Collector,
    black_hole,
    collecting,
)
from tests.platform.web.live import Api

SECRET = "hunter2"


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture
def url(collector: Collector) -> str:
    return collector.url


@pytest.fixture
def settings(settings: Settings, url: str) -> Settings:
    telemetry = OpentelemetryTelemetrySettings(
        otlp_endpoint=HttpUrl(url),
        sample_ratio=1,
        queue_spans=8,
        batch_spans=4,
        export_interval_seconds=0.02,
        flush_seconds=0.1,
    )
    return settings.model_copy(update={"telemetry": telemetry})


class TestSecret:
    async def test_reaches_neither_spans_nor_metrics(
        self, service: Service, collector: Collector
    ) -> None:
        headers = {
            "traceparent": PARENT,
            "authorization": f"Bearer {SECRET}",
            "idempotency-key": SECRET * 4,
        }
        ask = service.client.request
        for path in ("/readyz", "/v1/nowhere", f"/v1/{SECRET}", "/openapi.json"):
            target = f"{path}?token={SECRET}"
            await ask("POST", target, json={"password": SECRET}, headers=headers)
            await ask("GET", target, headers=headers | {"cookie": SECRET})
        await _fail_with_values(service)

        await _until(lambda: len(collector.spans) > 4)

        telemetry = service.platform.telemetry
        assert isinstance(telemetry, OpentelemetryTelemetry)
        page = generate_latest(telemetry.metrics.registry).decode()
        assert SECRET not in page + "".join(map(str, collector.spans))


class TestCanary:
    @pytest.fixture
    async def client(self, settings: Settings) -> AsyncIterator[AsyncClient]:
        async with Api(settings, router).running() as api, api.client() as client:
            yield client

    async def test_reaches_no_span(
        self, client: AsyncClient, collector: Collector
    ) -> None:
        await push(client)

        await _until(lambda: any("canaries" in each.name for each in collector.spans))

        assert CANARY not in "".join(map(str, collector.spans))

    async def test_of_the_service_reaches_neither_spans_nor_metrics(
        self, service: Service, secrets: dict[str, str], collector: Collector
    ) -> None:
        answers = await push_real(service.client, secrets)

        await _until(lambda: bool(collector.spans))
        telemetry = service.platform.telemetry
        assert isinstance(telemetry, OpentelemetryTelemetry)
        told = generate_latest(telemetry.metrics.registry).decode()
        told += "".join(map(str, collector.spans))
        # Without identity, the service makes none.
        assert bool(answers) == bool(secrets)
        assert not [kind for kind, secret in secrets.items() if secret in told]


class TestBlackHole:
    @pytest.fixture
    def url(self) -> Iterator[str]:
        with black_hole() as url:
            yield url

    async def test_slows_no_request(self, client: AsyncClient) -> None:
        runs = [await _slowest_of(client, 20) for _ in range(5)]

        assert min(runs) < 0.5


async def _fail_with_values(service: Service) -> None:
    cast = text(f"SELECT CAST('{SECRET}' AS int), :secret").bindparams(secret=SECRET)
    with (
        context.resume({"traceparent": PARENT}),
        pytest.raises(DBAPIError, match=SECRET),
        service.platform.telemetry.span("work"),
    ):
        async with service.platform.database.unit_of_work() as unit:
            await unit.session.execute(cast)


async def _until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while True:
            if happened():
                return
            await asyncio.sleep(0.01)


async def _slowest_of(client: AsyncClient, number: int) -> float:
    waits = []
    for _ in range(number):
        began = perf_counter()
        await client.get("/v1/nowhere", headers={"traceparent": PARENT})
        waits.append(perf_counter() - began)
    return max(waits)
