"""A load balancer that asks who is ready, learns late who is not, and never retries."""

import asyncio
import re
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from itertools import count
from typing import Self

from tests.promises.processes import wait_for

type Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]

POLL_SECONDS = 0.1
CHUNK = 65536
CLOSE = re.compile(rb"connection: close\r\n", re.IGNORECASE)
GONE = (OSError, asyncio.IncompleteReadError)


class Balancer:
    """
    Takes turns among the replicas that it believes to be ready.

    What it hands on is a connection, as kube-proxy does, which then belongs to one
    replica; or each request by itself, as an application load balancer does, over
    connections that it keeps.
    """

    def __init__(self, late_seconds: float, *, by_request: bool) -> None:
        self.used: list[str] = []
        self.address = ""
        self._late = late_seconds
        self._take = self._by_request if by_request else self._by_connection
        self._loop = asyncio.new_event_loop()
        self._turns = count()
        self._told: set[str] = set()
        self._watches: list[Future[None]] = []
        self._idle: dict[str, list[Stream]] = {}

    @classmethod
    @contextmanager
    def running(
        cls, late_seconds: float, *, by_request: bool = False
    ) -> Iterator[Self]:
        """In a thread of its own."""
        balancer = cls(late_seconds, by_request=by_request)
        thread = threading.Thread(target=balancer._run, daemon=True)
        thread.start()
        wait_for("a balancer", lambda: balancer.address)
        try:
            yield balancer
        finally:
            balancer._loop.call_soon_threadsafe(balancer._loop.stop)
            thread.join()

    def add(self, replica: str, probe: str) -> None:
        """Return once requests go to it, which they do whenever it is ready."""

        watch = asyncio.run_coroutine_threadsafe(
            self._watch(replica, probe), self._loop
        )
        # A task that nobody remembers may be gone before it has ended.
        self._watches.append(watch)
        wait_for(f"a ready {replica}", lambda: replica in self.used)

    def remove(self, replica: str) -> None:
        """As when a platform tells it that a replica is about to stop."""
        self._told.add(replica)
        self._loop.call_soon_threadsafe(self._leave, replica)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            asyncio.start_server(self._accept, "127.0.0.1", 0)
        )
        host, port = server.sockets[0].getsockname()
        self.address = f"{host}:{port}"
        self._loop.run_forever()
        server.close()
        while tasks := asyncio.all_tasks(self._loop):
            for task in tasks:
                task.cancel()
            self._loop.run_until_complete(asyncio.wait(tasks))
        self._loop.close()

    async def _watch(self, replica: str, probe: str) -> None:
        leaving: asyncio.TimerHandle | None = None
        while replica not in self._told:
            is_ready = await _is_ready(probe)
            if replica in self._told:
                # What it answered before it was told to end counts no longer.
                return
            if is_ready:
                if leaving is not None:
                    leaving.cancel()
                    leaving = None
                if replica not in self.used:
                    self.used.append(replica)
            elif replica in self.used and leaving is None:
                leaving = self._leave(replica)
            await asyncio.sleep(POLL_SECONDS)

    def _leave(self, replica: str) -> asyncio.TimerHandle:
        return self._loop.call_later(self._late, self._forget, replica)

    def _forget(self, replica: str) -> None:
        if replica in self.used:
            self.used.remove(replica)

    async def _accept(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with suppress(*GONE):
            await self._take((reader, writer))
        writer.close()

    def _next(self) -> str:
        if not self.used:
            raise ConnectionError("nobody is ready")
        return self.used[next(self._turns) % len(self.used)]

    async def _by_connection(self, client: Stream) -> None:
        replica = await _open(self._next())
        try:
            await asyncio.gather(
                _pipe(client[0], replica[1]), _pipe(replica[0], client[1])
            )
        finally:
            replica[1].close()

    async def _by_request(self, client: Stream) -> None:
        while True:
            head, body = await _message(client[0])
            replica = self._next()
            idle = self._idle.setdefault(replica, [])
            idle[:] = [stream for stream in idle if not stream[0].at_eof()]
            stream = idle.pop() if idle else await _open(replica)
            stream[1].write(head + body)
            head, body = await _message(stream[0])
            if CLOSE.search(head):
                stream[1].close()
            else:
                idle.append(stream)
            client[1].write(CLOSE.sub(b"", head) + body)
            await client[1].drain()


async def _open(address: str) -> Stream:
    host, _, port = address.partition(":")
    return await asyncio.open_connection(host, int(port))


async def _pipe(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while chunk := await source.read(CHUNK):
        target.write(chunk)
        await target.drain()
    # Whoever has said all may still wait for the rest of the answer.
    if target.can_write_eof():
        target.write_eof()


async def _message(source: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Read a request or an answer that says how long it is."""
    head = await source.readuntil(b"\r\n\r\n")
    fields = dict(line.split(b": ", 1) for line in head.lower().splitlines()[1:-1])
    return head, await source.readexactly(int(fields.get(b"content-length", 0)))


async def _is_ready(probe: str) -> bool:
    try:
        reader, writer = await _open(probe)
        writer.write(b"GET /readyz HTTP/1.0\r\n\r\n")
        # To the end: whoever hangs up before has the replica complain of it.
        answer = await reader.read()
        writer.close()
    except OSError:
        return False
    return b" 200 " in answer.partition(b"\r\n")[0]
