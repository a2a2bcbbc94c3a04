"""A client of what is measured: a burst for each line that it reads, as JSON.

It has a process of its own, so that its work is not that of what it measures. A burst
names an address, how many clients there are, the requests, and when it ends: after so
many `seconds`, or when a `number` of requests is answered. Each client waits for its
answer; with a `rate`, requests are sent when they are due instead, answered or not.

A request has a method, a path, headers and a body. `<new>` becomes an identifier that
is new. `<tag>` becomes the entity tag that this client saw last: such a request belongs
to one client, which begins by reading what it will change.
"""

import asyncio
import json
import sys
import time
from collections import deque
from itertools import cycle
from typing import Any
from uuid import uuid4

import httptools

NEW, PLACE, TAG = "<new>", "#" * len(uuid4().hex), b"<tag>"
TICK_SECONDS = 0.001
REFUSED, NONE = 503, 0

type Request = dict[str, Any]


class Client(asyncio.Protocol):
    """One connection, which carries a request at a time."""

    def __init__(self, load: "Load", number: int) -> None:
        self._load = load
        own = load.requests[number % len(load.requests)]
        self._requests = cycle([own]) if TAG in own else load.turns
        self._tag = b""
        self._began: float | None = None
        self._waits = False
        self.ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def begin(self) -> None:
        own = next(self._requests)
        if TAG in own:
            host = f"GET {own.split()[1].decode()} HTTP/1.1\r\nhost: strata\r\n\r\n"
            self._send(host.encode(), began=None)
        else:
            self.ask(time.perf_counter(), own)

    def ask(self, began: float, request: bytes | None = None) -> None:
        request = request or next(self._requests)
        request = request.replace(PLACE.encode(), uuid4().hex.encode())
        self._send(request.replace(TAG, self._tag), began=began)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"etag":
            self._tag = value

    def on_message_complete(self) -> None:
        self._waits = False
        if self._began is not None:
            waited = time.perf_counter() - self._began
            self._load.note(waited, self._parser.get_status_code())
        # A parser's own callback must not start it anew.
        asyncio.get_running_loop().call_soon(self._load.go_on, self)

    def end(self) -> None:
        self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if self._waits:
            self._load.note(0.0, NONE)
        if not self.ended.done():
            self.ended.set_result(None)

    def _send(self, request: bytes, *, began: float | None) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._began = began
        self._waits = True
        self._transport.write(request)


class Load:
    """Clients that wait: each asks anew when it has its answer."""

    def __init__(self, burst: dict[str, Any]) -> None:
        # Several addresses share the clients, as behind a balancer.
        self.places = [each.split(":") for each in burst["address"].split(",")]
        self.host = self.places[0][0]
        self.clients: int = burst["clients"]
        self.seconds: float = burst.get("seconds") or 3600
        self.waits: list[float] = []
        self.statuses: dict[int, int] = {}
        self.requests = [template(self.host, each) for each in burst["requests"]]
        self.turns = cycle(self.requests)
        self._unsent = (burst.get("number") or sys.maxsize) - self.clients

    def note(self, seconds: float, status: int) -> None:
        self.statuses[status] = self.statuses.get(status, 0) + 1
        if status != REFUSED:
            self.waits.append(seconds)

    async def run(self) -> float:
        """Say how many seconds it took until the last answer was there."""
        loop, began = asyncio.get_running_loop(), time.perf_counter()
        made = [
            (await loop.create_connection(self._client(number), host, int(port)))[1]
            for number, (host, port) in zip(
                range(self.clients), cycle(self.places), strict=False
            )
        ]
        self.end = began + self.seconds
        await self.send(made)
        await asyncio.gather(*(client.ended for client in made))
        return time.perf_counter() - began

    async def send(self, clients: list[Client]) -> None:
        for client in clients:
            client.begin()

    def go_on(self, client: Client) -> None:
        if self._unsent > 0 and time.perf_counter() < self.end:
            self._unsent -= 1
            client.ask(time.perf_counter())
        else:
            client.end()

    def _client(self, number: int) -> Any:
        return lambda: Client(self, number)


class Flood(Load):
    """Requests that come at their own pace, and take a connection that is free."""

    def __init__(self, burst: dict[str, Any]) -> None:
        super().__init__(burst)
        self._gap = 1 / burst["rate"]
        self._free: deque[Client] = deque()
        self._waiting: deque[float] = deque()

    async def send(self, clients: list[Client]) -> None:
        self._free.extend(clients)
        due = time.perf_counter()
        while (now := time.perf_counter()) < self.end:
            while due <= now:
                self._waiting.append(due)
                due += self._gap
            while self._waiting and self._free:
                self._free.popleft().ask(self._waiting.popleft())
            await asyncio.sleep(TICK_SECONDS)
        for client in self._free:
            client.end()

    def go_on(self, client: Client) -> None:
        if time.perf_counter() >= self.end:
            client.end()
        elif self._waiting:
            client.ask(self._waiting.popleft())
        else:
            self._free.append(client)


def template(host: str, request: Request) -> bytes:
    """Write it as it will be sent; what is new each time has its final length."""
    body = str(request.get("body", "")).replace(NEW, PLACE)
    headers = {"host": host, **dict(request.get("headers", {}))}
    if body:
        headers |= {"content-type": "application/json"}
        headers |= {"content-length": str(len(body.encode()))}
    lines = [f"{request['method']} {request['path']} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    head = "\r\n".join(lines).replace(NEW, PLACE)
    return f"{head}\r\n\r\n{body}".encode()


def measured(burst: dict[str, Any]) -> dict[str, Any]:
    load = Flood(burst) if burst.get("rate") else Load(burst)
    took = asyncio.run(load.run())
    waits = sorted(load.waits) or [0.0]
    quantiles = {
        name: waits[min(len(waits) - 1, int(len(waits) * share))] * 1000
        for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
    }
    found = {"requests": sum(load.statuses.values()), "seconds": took}
    return found | quantiles | {"statuses": load.statuses}


def main() -> None:
    for line in sys.stdin:
        print(json.dumps(measured(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
