"""A closed loop of clients over kept connections: as many requests as are answered.

    python load.py ADDRESS SECONDS CLIENTS < requests.json > result.json

It has a process of its own, so that its work is not that of what it measures. The
requests are a list of objects with method, path, headers and body; each client takes
the next one. `<new>` in a path, a header or a body becomes an identifier that is new.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from itertools import cycle
from uuid import uuid4

import httptools

NEW, PLACE = "<new>", "#" * len(uuid4().hex)

type Request = dict[str, str | dict[str, str]]


class Client(asyncio.Protocol):
    """Sends a request when the answer to the last one is there."""

    def __init__(self, load: "Load") -> None:
        self._load = load
        self.ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        self._load.note(time.perf_counter() - self._began, status)
        if time.perf_counter() < self._load.end:
            # A parser's own callback must not start it anew.
            asyncio.get_running_loop().call_soon(self._ask)
        else:
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None)

    def _ask(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._began = time.perf_counter()
        self._transport.write(next(self._load.requests))


class Load:
    def __init__(self, address: str, seconds: float, requests: list[Request]) -> None:
        self.host, _, port = address.partition(":")
        self.port = int(port)
        self.end = time.perf_counter() + seconds
        self.waits: list[float] = []
        self.statuses: dict[int, int] = {}
        self.requests = self._endless([template(self.host, each) for each in requests])

    def note(self, seconds: float, status: int) -> None:
        self.waits.append(seconds)
        self.statuses[status] = self.statuses.get(status, 0) + 1

    async def run(self, clients: int) -> float:
        """Say how many seconds it took until the last answer was there."""
        loop = asyncio.get_running_loop()
        began = time.perf_counter()
        made = [
            await loop.create_connection(lambda: Client(self), self.host, self.port)
            for _ in range(clients)
        ]
        await asyncio.gather(*(client.ended for _, client in made))
        return time.perf_counter() - began

    @staticmethod
    def _endless(requests: list[bytes]) -> Iterator[bytes]:
        for request in cycle(requests):
            yield request.replace(PLACE.encode(), uuid4().hex.encode())


def template(host: str, request: Request) -> bytes:
    """Write it as it will be sent; what is new each time has its final length."""
    body = str(request.get("body", "")).replace(NEW, PLACE)
    headers = {"host": host, **dict(request.get("headers", {}))}
    if body:
        headers |= {"content-type": "application/json", "content-length": len(body)}
    lines = [f"{request['method']} {request['path']} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    head = "\r\n".join(lines).replace(NEW, PLACE)
    return f"{head}\r\n\r\n{body}".encode()


def main(address: str, seconds: str, clients: str) -> None:
    load = Load(address, float(seconds), json.load(sys.stdin))
    took = asyncio.run(load.run(int(clients)))
    waits = sorted(load.waits)
    quantiles = {
        name: waits[min(len(waits) - 1, int(len(waits) * share))] * 1000
        for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
    }
    result = {"requests": len(waits), "seconds": took, "statuses": load.statuses}
    json.dump(result | quantiles, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
