from collections.abc import AsyncIterator

import pytest
from httpx import AsyncClient
from structlog.testing import capture_logs

from tests.platform.web.conftest import create_app, serving

OF_THE_REQUEST = {"x-request-id"}
PATHS = ("things/7", "things", "public", "stream", "empty", "errors/not-found", "none")


@pytest.fixture
async def client() -> AsyncIterator[AsyncClient]:
    """Of an application that logs as this test does, and not as one before it."""
    async with serving(create_app()) as client:
        yield client


class TestHead:
    @pytest.mark.parametrize("path", PATHS)
    async def test_is_answered_as_get_is_without_the_body(
        self, client: AsyncClient, path: str
    ) -> None:
        got = await client.get(f"/v1/{path}")
        asked = await client.head(f"/v1/{path}")

        assert asked.status_code == got.status_code
        assert asked.content == b""
        names = got.headers.keys() - OF_THE_REQUEST
        assert {name: asked.headers.get(name) for name in names} == {
            name: got.headers[name] for name in names
        }

    async def test_asks_for_what_has_changed(self, client: AsyncClient) -> None:
        asked = await client.head("/v1/things/7", headers={"If-None-Match": '"3"'})

        assert asked.status_code == 304

    async def test_ends_a_stream_that_does_not(self, client: AsyncClient) -> None:
        asked = await client.head("/v1/endless-stream")

        assert asked.status_code == 200

    async def test_is_logged_as_what_it_is(self, client: AsyncClient) -> None:
        with capture_logs() as logs:
            await client.head("/v1/things/7")

        [line] = [line for line in logs if line["event"] == "http.request"]
        assert line["method"] == "HEAD"
        assert line["route"] == "/v1/things/{thing_id}"


class TestMethodNotAllowed:
    @pytest.mark.parametrize(
        ("method", "path", "allowed"),
        [
            ("DELETE", "things", "GET, HEAD, POST"),
            ("POST", "things/7", "GET, HEAD, PUT, PATCH"),
            ("OPTIONS", "things/7", "GET, HEAD, PUT, PATCH"),
            ("HEAD", "notes/7", "PUT"),
            ("GET", "notes/7", "PUT"),
        ],
    )
    async def test_lists_every_method_of_the_path(
        self, client: AsyncClient, method: str, path: str, allowed: str
    ) -> None:
        response = await client.request(method, f"/v1/{path}")

        assert response.status_code == 405
        assert response.headers["allow"] == allowed
