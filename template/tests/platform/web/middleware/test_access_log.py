from collections.abc import AsyncIterator
from typing import Any

import pytest
from httpx import AsyncClient
from structlog.testing import capture_logs

from tests.platform.web.conftest import create_app, serving


@pytest.fixture
async def client() -> AsyncIterator[AsyncClient]:
    """Of an application that logs as this test does, and not as one before it."""
    async with serving(create_app()) as client:
        yield client


async def lines(client: AsyncClient, path: str) -> list[dict[str, Any]]:
    with capture_logs() as logs:
        await client.get(path)
    return [dict(log) for log in logs if log["event"] == "http.request"]


class TestAccessLog:
    async def test_names_routes_and_not_parameters(self, client: AsyncClient) -> None:
        [line] = await lines(client, "/v1/things/7?token=hunter2")

        assert line.pop("duration_ms") > 0
        assert line == {
            "event": "http.request",
            "log_level": "info",
            "method": "GET",
            "route": "/v1/things/{thing_id}",
            "status": 200,
        }

    async def test_names_the_path_without_a_route(self, client: AsyncClient) -> None:
        [line] = await lines(client, "/nowhere" + "x" * 1000)

        assert line["path"] == ("/nowhere" + "x" * 1000)[:200]

    @pytest.mark.parametrize("name", ["defect", "conflict"])
    async def test_has_one_line_for_a_failure(
        self, client: AsyncClient, name: str
    ) -> None:
        assert len(await lines(client, f"/v1/errors/{name}")) == 1

    async def test_is_silent_about_probes(self, client: AsyncClient) -> None:
        assert await lines(client, "/livez") == []
