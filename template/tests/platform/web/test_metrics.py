from types import SimpleNamespace

import pytest
from starlette.types import Message, Receive, Scope, Send
from websockets import InvalidStatus
from websockets.asyncio.client import ClientConnection, connect

from app.platform.database import Database
from app.platform.readiness import Check, Readiness, ReadinessSettings
from app.platform.telemetry.metrics import OTHER
from app.platform.web.edge import Edge
from app.platform.web.policy import Policy, Terms
from app.platform.web.telemetry import OBSERVERS
from tests.fixtures.metrics import Seen
from tests.platform.web.live import Served
from tests.platform.web.metrics_client import Telling, until

COUNT = "http_server_request_duration_seconds_count"
OPEN = "websocket_server_active_connections"


def counted(seen: Seen, method: str, route: str, status: int) -> float | None:
    return seen.value(
        COUNT,
        http_request_method=method,
        http_route=route,
        http_response_status_code=str(status),
    )


async def _nothing(_: Scope, __: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 404, "headers": []})


async def _receive() -> Message:
    raise AssertionError("There is no body.")


async def _send(_: Message) -> None:
    return None


class TestRequests:
    async def test_leave_few_series_however_many_paths_there_are(
        self, telling: Telling
    ) -> None:
        seen, client = telling
        platform = SimpleNamespace(telemetry=seen.telemetry)
        scope = {"type": "http", "headers": [], "state": {"platform": platform}}
        edge = Edge(_nothing, terms=Terms(Policy()), observers=OBSERVERS)
        for number in range(10_000):
            path = {"path": f"/{number}", "query_string": b"%d" % number}
            await edge(scope | path | {"method": f"M{number}"}, _receive, _send)
        for number in range(50):
            await client.request(f"M{number}", f"/v1/things/{number}")
            await client.get(f"/v1/nowhere/{number}")
            await client.get(f"/v1/things/{number}")

        series = [line for line in seen.page().splitlines() if line.startswith(COUNT)]

        assert len(series) < 6
        assert counted(seen, OTHER, "unmatched", 404) == 10_000
        assert counted(seen, "GET", "unmatched", 404) == 50
        assert counted(seen, "GET", "/v1/things/{thing_id}", 200) == 50

    async def test_are_counted_as_they_were_answered_in_the_end(
        self, telling: Telling
    ) -> None:
        seen, client = telling

        await client.get("/v1/errors/unexpected")

        assert counted(seen, "GET", "/v1/errors/{name}", 500) == 1
        assert seen.value("http_server_active_requests") == 0


class TestWebSockets:
    @pytest.mark.parametrize(
        ("say", "code"),
        [("refuse", "1008"), ("fail", "1011"), (None, "1001"), (4321, OTHER)],
    )
    async def test_are_counted_while_open_and_by_the_code_they_are_closed_with(
        self, seen: Seen, talking: Served, say: str | int | None, code: str
    ) -> None:
        async with connect(talking.url("/v1/live/chats/1")) as socket:
            open_now = seen.value(OPEN)
            await leave(talking, socket, say)
            await socket.wait_closed()
            await until(lambda: seen.value(OPEN) == 0)

        assert open_now == 1
        assert closed(seen, 101, code) == 1

    async def test_that_are_refused_are_counted_with_the_status(
        self, seen: Seen, talking: Served
    ) -> None:
        with pytest.raises(InvalidStatus):
            await connect(talking.url("/v1/live/chats/0"))
        await until(lambda: seen.value(OPEN) == 0)

        assert closed(seen, 409, "") == 1


async def leave(api: Served, socket: ClientConnection, say: str | int | None) -> None:
    """Say something that closes it, or close it, or stop the process."""
    if say is None:
        api.terminate()
    elif isinstance(say, int):
        await socket.close(say)
    else:
        await socket.send(say)


def closed(seen: Seen, status: int, code: str) -> float | None:
    return seen.value(
        "websocket_server_connection_duration_seconds_count",
        http_route="/v1/live/chats/{room_id}",
        http_response_status_code=str(status),
        websocket_close_code=code,
    )


class TestReadiness:
    async def test_shows_each_check(self, seen: Seen, database: Database) -> None:
        async def fail() -> None:
            raise ConnectionError

        settings = ReadinessSettings(interval_seconds=60)
        checks = [Check("database", database.check), Check("schema", fail)]
        async with Readiness.open(settings, checks) as readiness:
            await readiness.probe()
            seen.watch(readiness)

            assert seen.value("readiness_check_up", check="database") == 1
            assert seen.value("readiness_check_up", check="schema") == 0
            assert seen.value("readiness_ready") == 0
