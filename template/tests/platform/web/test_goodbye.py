"""Streams do not keep a process that is to stop."""

import asyncio
from contextlib import suppress

import httpx
import pytest
import uvicorn
from httpx import AsyncClient

from app.main import create_app
from app.settings import Settings
from dev.process import HOST, free_port
from tests.platform.web.live import Api, router


class TestDrain:
    async def test_waits_for_an_export_and_then_cuts_it_off(
        self, settings: Settings
    ) -> None:
        sent = 0

        async with Api(settings).running() as api, api.client() as client:
            with suppress(httpx.RemoteProtocolError):
                async with client.stream("GET", "/v1/live/exports/endless") as export:
                    async for _ in export.aiter_lines():
                        sent += 1
                        if sent == 2:
                            api.terminate()
            await api.wait()

        assert sent > 2


class TestReload:
    async def test_does_not_wait_for_events(
        self, settings: Settings, caplog: pytest.LogCaptureFixture
    ) -> None:
        app = create_app(settings)
        app.include_router(router, prefix="/v1")
        config = uvicorn.Config(
            app, port=free_port(), log_config=None, timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)

        url = f"http://{HOST}:{config.port}/v1/live/events"
        async with AsyncClient() as client, client.stream("GET", url) as it:
            lines = it.aiter_lines()
            await anext(lines)
            server.should_exit = True
            rest = [line async for line in lines]

        async with asyncio.timeout(20):
            await serving
        assert rest
        assert "Exception in ASGI application" not in caplog.text
