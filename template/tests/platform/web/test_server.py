import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import suppress

import httpx
import pytest
from fastapi import FastAPI

from app.platform.database.migrations import APP
from app.platform.web.server import DrainingServer, ServerSettings
from app.settings import Settings
from dev.process import HOST, free_port

SERVER = (sys.executable, "-m", "app.main")


class Api:
    """The deployed entry point, in a process of its own."""

    def __init__(self, settings: Settings) -> None:
        self._port = free_port()
        self._environment = os.environ | {
            "DATABASE__URL": settings.database.url.get_secret_value(),
            "SERVER__PORT": str(self._port),
            "SERVER__GRACE_SECONDS": "120",
        }

    async def start(self, *, drain_seconds: float) -> None:
        """Return when it is ready."""
        self._process = await asyncio.create_subprocess_exec(
            *SERVER,
            cwd=APP.parent,
            env=self._environment | {"SERVER__DRAIN_SECONDS": str(drain_seconds)},
            process_group=0,
        )
        async with asyncio.timeout(30), self.client() as client:
            while not await _is_ready(client):  # noqa: ASYNC110 - it is another process
                await asyncio.sleep(0.05)

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=f"http://{HOST}:{self._port}")

    def terminate(self) -> None:
        self._process.send_signal(signal.SIGTERM)

    async def wait(self) -> int:
        async with asyncio.timeout(10):
            return await self._process.wait()

    async def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()


@pytest.fixture
async def api(settings: Settings) -> AsyncIterator[Api]:
    api = Api(settings)
    yield api
    await api.kill()


async def _is_ready(client: httpx.AsyncClient) -> bool:
    with suppress(httpx.TransportError):
        return (await client.get("/readyz")).status_code == 200
    return False


async def statuses_until_refused(api: Api) -> list[int]:
    """Ask on one new connection after the other until nobody answers."""
    statuses = []
    with suppress(httpx.TransportError):
        while True:
            async with api.client() as client:
                statuses.append((await client.get("/livez")).status_code)
            await asyncio.sleep(0.02)
    return statuses


class TestTermination:
    async def test_serves_on_while_it_says_that_it_stops(self, api: Api) -> None:
        await api.start(drain_seconds=2)
        loop = asyncio.get_running_loop()

        async with api.client() as client:
            before = await client.get("/livez")
            told_at = loop.time()
            api.terminate()
            during = before
            while during.status_code == 200:
                during = await client.get("/readyz")
        statuses = await statuses_until_refused(api)
        served_seconds = loop.time() - told_at

        assert "connection" not in before.headers
        assert during.status_code == 503
        assert during.json()["status"] == "stopping"
        assert during.headers["connection"] == "close"
        assert len(statuses) > 1
        assert set(statuses) == {200}
        assert served_seconds >= 2
        assert await api.wait() == 0

    async def test_ends_at_once_when_told_twice(self, api: Api) -> None:
        await api.start(drain_seconds=60)

        api.terminate()
        await asyncio.sleep(0.2)
        api.terminate()

        assert await api.wait() == 1


class TestInterruption:
    def test_does_not_drain(self) -> None:
        server = DrainingServer(FastAPI(), ServerSettings())
        server.started = True

        server.handle_exit(signal.SIGINT, None)

        assert server.should_exit
