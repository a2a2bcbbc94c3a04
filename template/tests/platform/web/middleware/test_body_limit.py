import asyncio
from collections.abc import AsyncIterator

import pytest
from httpx import Response

from app.platform.web import WebSettings, body
from app.platform.web.body import LINGER_BYTES
from tests.platform.web.conftest import Serve, create_app

SETTINGS = WebSettings(max_body_bytes=1000)
JSON = {"content-type": "application/json"}


class Endless:
    """A body that never says how long it is, and counts what is read of it."""

    def __init__(self) -> None:
        self.read = 0
        self._chunk = b" " * 1024 * 1024

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            self.read += len(self._chunk)
            yield self._chunk


class Stalled:
    """A body that begins and never ends."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b" " * 1001
        await asyncio.Event().wait()


def check(response: Response) -> None:
    assert response.status_code == 413
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["connection"] == "close"


class TestBodyLimit:
    async def test_refuses_a_body_that_says_it_is_too_long(self, serve: Serve) -> None:
        async with serve(create_app(SETTINGS)) as client:
            response = await client.post(
                "/v1/things", content=b" " * 1001, headers=JSON
            )

        check(response)

    @pytest.mark.parametrize("length", ["9" * 18, "9" * 5000])
    async def test_refuses_an_absurd_length(self, serve: Serve, length: str) -> None:
        headers = {"content-length": length}

        async with serve(create_app(SETTINGS)) as client:
            response = await client.post("/v1/things", content=b"{}", headers=headers)

        check(response)

    async def test_gives_up_on_a_body_that_does_not_say(self, serve: Serve) -> None:
        body = Endless()

        async with serve(create_app(SETTINGS)) as client:
            response = await client.post("/v1/things", content=body, headers=JSON)

        check(response)
        assert body.read <= LINGER_BYTES + 2 * 1024 * 1024

    async def test_does_not_wait_for_the_rest_for_long(
        self, serve: Serve, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(body, "LINGER_SECONDS", 0.01)

        async with serve(create_app(SETTINGS)) as client:
            response = await client.post("/v1/things", content=Stalled(), headers=JSON)

        check(response)

    async def test_reads_a_body_up_to_the_limit(self, serve: Serve) -> None:
        body = b'{"name": "x"}'.ljust(1000)

        async with serve(create_app(SETTINGS)) as client:
            response = await client.post("/v1/things", content=body, headers=JSON)

        assert response.status_code == 201
