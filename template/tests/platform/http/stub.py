"""A third party on a loopback socket, which behaves as badly as a test asks."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Self

type Behaviour = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass(slots=True)
class Received:
    method: str
    target: str
    headers: dict[str, str]


def answer(
    status: int = 200, body: bytes = b"{}", *, delay_seconds: float = 0, **headers: str
) -> Behaviour:
    async def behave(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(delay_seconds)
        fields = headers | {"Content_Length": str(len(body))}
        lines = [f"{name.replace('_', '-')}: {fields[name]}" for name in fields]
        writer.write("\r\n".join([f"HTTP/1.1 {status} X", *lines, "", ""]).encode())
        writer.write(body)
        await writer.drain()

    return behave


async def hang(_: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


async def drop(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def drip(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(1000):
        writer.write(b".")
        await writer.drain()
        await asyncio.sleep(0.02)


async def flood(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(100):
        writer.write(b"100000\r\n" + bytes(0x100000) + b"\r\n")
        await writer.drain()


@dataclass(slots=True)
class Stub:
    """Answers each request with the next of `script`, and then with `behaviour`."""

    url: str = ""
    behaviour: Behaviour = field(default_factory=answer)
    script: list[Behaviour] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def host(self) -> str:
        return self.url.removeprefix("http://")

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator[Self]:
        stub = cls()
        server = await asyncio.start_server(stub._serve, "127.0.0.1", 0)
        stub.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield stub
        finally:
            server.close()
            for writer in stub._open:
                writer.transport.abort()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._open.add(writer)
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                self.received.append(await _request(reader))
                await (self.script.pop(0) if self.script else self.behaviour)(writer)


async def _request(reader: asyncio.StreamReader) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
    method, target, _ = head[0].split()
    fields = (line.split(": ", 1) for line in head[1:] if line)
    headers = {name.lower(): value for name, value in fields}
    await reader.readexactly(int(headers.get("content-length", 0)))
    return Received(method, target, headers)
