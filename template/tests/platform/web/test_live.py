"""Uploads, streams, events and WebSockets, on the server that is deployed."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import httpx
import pytest
import websockets
from httpx import AsyncClient
from structlog.testing import capture_logs
from structlog.typing import EventDict
from websockets.asyncio.client import ClientConnection, connect

from app.platform.database import Database
from app.platform.observability import context
from app.settings import Settings
from dev.process import HOST
from tests.platform.web.live import MEGABYTE, ROWS, Api

UPLOAD = """POST /v1/live/uploads HTTP/1.1
Host: test
Content-Type: multipart/form-data; boundary=x
Content-Length: {length}

"""
PART = b'--x\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n'
SNAPSHOTS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND state LIKE 'idle in transaction%'
"""


@pytest.fixture
async def api(settings: Settings) -> AsyncIterator[Api]:
    async with Api(settings).running() as api:
        yield api


@pytest.fixture
async def client(api: Api) -> AsyncIterator[AsyncClient]:
    async with api.client() as client:
        yield client


def check(response: httpx.Response, status: int) -> None:
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"


class TestUploads:
    async def test_longer_than_their_limit_are_refused_before_they_are_read(
        self, api: Api
    ) -> None:
        reader, writer = await asyncio.open_connection(HOST, api.port)
        head = UPLOAD.format(length=5 * MEGABYTE).replace("\n", "\r\n")

        writer.write(head.encode())
        answer = await reader.readuntil(b"\r\n\r\n")

        writer.close()
        assert answer.startswith(b"HTTP/1.1 413 ")
        assert b"application/problem+json" in answer

    async def test_that_do_not_say_how_long_they_are_are_cut_off(
        self, client: AsyncClient
    ) -> None:
        async def chunks() -> AsyncIterator[bytes]:
            yield PART
            for _ in range(5):
                yield b"x" * MEGABYTE

        response = await client.post(
            "/v1/live/uploads",
            content=chunks(),
            headers={"content-type": "multipart/form-data; boundary=x"},
        )

        check(response, 413)

    @pytest.mark.parametrize(
        "media_type", ["application/json", "application/x-www-form-urlencoded", ""]
    )
    async def test_of_another_type_are_refused(
        self, client: AsyncClient, media_type: str
    ) -> None:
        response = await client.post(
            "/v1/live/uploads", content=b"{}", headers={"content-type": media_type}
        )

        check(response, 415)

    async def test_that_are_malformed_are_the_callers_fault(
        self, client: AsyncClient
    ) -> None:
        response = await client.post(
            "/v1/live/uploads",
            content=b"--x\r\nnonsense",
            headers={"content-type": "multipart/form-data"},
        )

        check(response, 400)

    async def test_may_be_longer_than_other_bodies_and_do_not_stay_in_memory(
        self, client: AsyncClient
    ) -> None:
        response = await client.post(
            "/v1/live/uploads", files={"file": b"x" * 3 * MEGABYTE}
        )

        assert response.json() == {"bytes": 3 * MEGABYTE, "is_on_disk": True}


class TestExports:
    async def test_send_row_by_row(self, client: AsyncClient) -> None:
        response = await client.get("/v1/live/exports")

        assert response.text.count("\n") == ROWS
        assert response.headers["content-type"].startswith("text/csv")

    async def test_are_few_at_a_time_and_end_with_their_client(
        self, client: AsyncClient, database: Database
    ) -> None:
        async with client.stream("GET", "/v1/live/exports/endless") as first:
            lines = first.aiter_lines()
            await anext(lines)
            refused = await client.get("/v1/live/exports")
            held = await snapshots(database)
        again = await once_free(client)

        check(refused, 503)
        assert int(refused.headers["retry-after"]) > 0
        assert held == 1
        assert again.status_code == 200
        await all_released(database)

    @pytest.mark.parametrize("path", ["late", "short"])
    async def test_that_take_a_read_session_or_too_long_break_off(
        self, client: AsyncClient, path: str
    ) -> None:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(f"/v1/live/exports/{path}")


async def once_free(client: AsyncClient) -> httpx.Response:
    """Ask until it is seen that the client before is gone."""
    for _ in range(200):
        found = await client.get("/v1/live/exports")
        if found.status_code == 200:
            break
        await asyncio.sleep(0.05)
    return found


async def all_released(database: Database) -> None:
    """Wait: a client is told that it has all before its transaction has ended."""
    for _ in range(400):
        if not await snapshots(database):
            return
        await asyncio.sleep(0.05)
    pytest.fail("Its transaction goes on.")


async def snapshots(database: Database) -> int:
    async with database.watching() as connection:
        return int((await connection.exec_driver_sql(SNAPSHOTS)).scalar_one())


class TestEvents:
    async def test_go_on_until_the_process_stops(self, api: Api) -> None:
        async with (
            api.client() as client,
            client.stream("GET", "/v1/live/events") as it,
        ):
            lines = it.aiter_lines()
            first = [await anext(lines) for _ in range(2)]
            api.terminate()
            rest = [line async for line in lines]

        assert it.headers["content-type"].startswith("text/event-stream")
        assert first == ["data: 0", "id: 0"]
        assert [line for line in rest if line][-1].startswith("retry: ")
        await api.wait()


@pytest.fixture
async def socket(api: Api) -> AsyncIterator[ClientConnection]:
    async with connect(api.url("/v1/live/chats/1")) as socket:
        yield socket


async def refusal(api: Api, path: str, **options: str) -> websockets.Response:
    with pytest.raises(websockets.InvalidStatus) as refused:
        await connect(api.url(path), **options)  # type: ignore[arg-type]
    return refused.value.response


async def close_code(socket: ClientConnection) -> int | None:
    async with asyncio.timeout(20):
        await socket.wait_closed()
    return socket.close_code


def named(_: Any, __: str, event: EventDict) -> EventDict:
    return {**event, "request_id": context.request_id()}


async def the_line(logs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    async with asyncio.timeout(20):
        while True:
            for line in logs:
                if line["event"] == "http.websocket":
                    return dict(line)
            await asyncio.sleep(0.01)


class TestWebSockets:
    async def test_from_a_page_of_elsewhere_are_refused(self, api: Api) -> None:
        response = await refusal(api, "/v1/live/chats/1", origin="https://evil.example")

        assert response.status_code == 403

    @pytest.mark.parametrize(("room", "status"), [("0", 409), ("first", 422)])
    async def test_are_refused_with_a_problem(
        self, api: Api, room: str, status: int
    ) -> None:
        response = await refusal(api, f"/v1/live/chats/{room}")

        assert response.status_code == status
        problem = json.loads(response.body or b"")
        assert problem["request_id"] == response.headers["x-request-id"]
        assert problem["instance"] == f"/v1/live/chats/{room}"

    async def test_echo_and_name_the_request(self, api: Api) -> None:
        async with connect(
            api.url("/v1/live/chats/1"),
            origin="https://shop.example",  # type: ignore[arg-type]
            additional_headers={"X-Request-ID": "request-0001"},
        ) as socket:
            await socket.send("hello")

            assert await socket.recv() == "hello"
            assert socket.response is not None
            assert socket.response.headers["x-request-id"] == "request-0001"

    async def test_leave_one_line_when_they_are_closed(self, api: Api) -> None:
        url, known = api.url("/v1/live/chats/1"), {"X-Request-ID": "request-0001"}
        with capture_logs([named]) as logs:
            async with connect(url, additional_headers=known) as socket:
                await socket.send("hello")
                await socket.recv()
                await socket.send("hello again")
                await socket.recv()
                await socket.close(1000)
            line = await the_line(logs)

        assert line.pop("duration_ms") > 0
        assert line == {
            "event": "http.websocket",
            "log_level": "info",
            "method": "GET",
            "route": "/v1/live/chats/{room_id}",
            "status": 101,
            "code": 1000,
            "received": 2,
            "sent": 2,
            "request_id": "request-0001",
        }

    @pytest.mark.parametrize(
        ("message", "code"), [("refuse", 1008), ("fail", 1011), ("x" * 17, 1009)]
    )
    async def test_are_closed_with_a_reason(
        self, socket: ClientConnection, message: str, code: int
    ) -> None:
        await socket.send(message)

        assert await close_code(socket) == code
        assert "hunter2" not in (socket.close_reason or "")

    async def test_are_closed_when_nothing_is_said(
        self, socket: ClientConnection
    ) -> None:
        assert await close_code(socket) == 1008

    async def test_are_told_that_the_process_stops(
        self, api: Api, socket: ClientConnection
    ) -> None:
        api.terminate()

        assert await close_code(socket) == 1001
        await api.wait()
