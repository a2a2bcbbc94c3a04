"""A hostile receiver, on real sockets, and what it gets out of it."""

import asyncio
import time

import pytest

from app.platform.webhooks import Answer, WebhookSender, WebhooksSettings
from tests.fixtures.third_party import (
    Behaviour,
    Stub,
    answer,
    drip,
    dripping,
    drop,
    flood,
    hang,
)
from tests.fixtures.tls import HOST, TlsServer
from tests.platform.webhooks.conftest import HEADERS, Names, elsewhere

BODY = b'{"type": "note.written.v1"}'


# A header that never ends (slow loris).
say_slowly = dripping(b"HTTP/1.1 200 OK\r\nX-Long: ")


async def say_much(writer: asyncio.StreamWriter) -> None:
    """Send headers without end, as fast as they are taken."""
    writer.write(b"HTTP/1.1 200 OK\r\n")
    for number in range(10_000):
        writer.write(f"X-{number}: {'.' * 1000}\r\n".encode())
        await writer.drain()


async def leave(writer: asyncio.StreamWriter) -> None:
    """Close in the middle of the body."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n...")
    await writer.drain()
    writer.transport.abort()


async def babble(writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 mail.example ESMTP\r\n\r\n")
    await writer.drain()


async def send(sender: WebhookSender, url: str) -> Answer:
    async with asyncio.timeout(30):
        return await sender.send(url, HEADERS, BODY)


class TestSend:
    async def test_posts_what_it_is_given(
        self, sender: WebhookSender, stub: Stub
    ) -> None:
        answered = await send(sender, f"{stub.url}/hooks?key=1")

        assert answered.accepts
        [received] = stub.received
        assert (received.method, received.target) == ("POST", "/hooks?key=1")
        assert received.body == BODY
        assert received.headers["webhook-id"] == "msg_1"
        assert received.headers["content-type"] == "application/json"
        assert received.headers["host"] == stub.host
        assert {"x-request-id", "traceparent", "cookie"}.isdisjoint(received.headers)

    @pytest.mark.parametrize(
        ("behaviour", "error"),
        [
            (hang, "timed out"),
            (say_slowly, "timed out"),
            (say_much, "no answer"),
            (drop, "no answer"),
            (babble, "no answer"),
        ],
    )
    async def test_gives_up_on_who_does_not_answer(
        self, sender: WebhookSender, stub: Stub, behaviour: Behaviour, error: str
    ) -> None:
        stub.behaviour = behaviour

        answered = await send(sender, stub.url)

        assert (answered.status, answered.error) == (None, error)
        assert answered.is_busy

    @pytest.mark.parametrize("behaviour", [leave, drip, flood])
    async def test_believes_the_status_whatever_follows_it(
        self, sender: WebhookSender, stub: Stub, behaviour: Behaviour
    ) -> None:
        stub.behaviour = behaviour
        patient = WebhookSender(
            WebhooksSettings(allowed_networks="127.0.0.1/32", deadline_seconds=20)
        )
        start = time.monotonic()

        answered = await send(patient, stub.url)

        assert answered.accepts
        assert time.monotonic() - start < 15

    async def test_follows_no_redirect(self, sender: WebhookSender, stub: Stub) -> None:
        async with Stub.open() as inner:
            stub.behaviour = answer(307, Location=f"{inner.url}/latest/meta-data")

            answered = await send(sender, stub.url)

            assert inner.received == []
        assert answered.status == 307
        assert not answered.accepts

    @pytest.mark.parametrize("status", [429, 503])
    async def test_tells_how_long_it_is_asked_to_wait(
        self, sender: WebhookSender, stub: Stub, status: int
    ) -> None:
        stub.behaviour = answer(status, Retry_After="99999999")

        answered = await send(sender, stub.url)

        assert answered.is_busy
        assert answered.retry_after_seconds == 3600

    async def test_tells_that_nobody_listens(self, sender: WebhookSender) -> None:
        async with Stub.open() as gone:
            url = gone.url

        assert (await send(sender, url)).error == "unreachable"


class TestRebinding:
    async def test_finds_another_address_and_does_not_go_there(
        self, strict: WebhookSender, names: Names, stub: Stub
    ) -> None:
        """The name was public when it was registered, and is this machine's now."""
        url = elsewhere(stub.url.replace("http", "https"), "rebound.example")
        url = url.replace(stub.host.rpartition(":")[2], "443")
        names.answers = [["93.184.216.34"], ["127.0.0.1"]]

        await strict.judge(url)
        answered = await send(strict, url)

        assert answered.error == "refused"
        assert stub.received == []

    async def test_asks_once_and_connects_to_what_was_judged(
        self, sender: WebhookSender, names: Names, stub: Stub
    ) -> None:
        sender.receivers.resolve = names
        names.answers = [["127.0.0.1"], ["10.0.0.1"]]
        url = elsewhere(stub.url, "rebound.example")

        answered = await send(sender, url)

        assert answered.accepts
        assert names.asked == ["rebound.example"]
        assert stub.received[0].headers["host"].startswith("rebound.example:")

    async def test_goes_on_to_the_next_address_of_a_receiver(
        self, names: Names, stub: Stub
    ) -> None:
        sender = WebhookSender(WebhooksSettings(allowed_networks="127.0.0.0/8"))
        sender.receivers.resolve = names
        names.answers = [["127.0.0.9", "127.0.0.1"]]

        assert (await send(sender, elsewhere(stub.url, "two.example"))).accepts


class TestTls:
    async def test_tells_an_impostor_nothing(
        self, sender: WebhookSender, impostor: TlsServer
    ) -> None:
        async with impostor.serve() as port:
            answered = await send(sender, f"https://{HOST}:{port}")

        assert answered.error == "certificate refused"
        assert not impostor.heard

    async def test_checks_the_name_and_not_the_address(
        self, sender: WebhookSender, names: Names, authority: object
    ) -> None:
        trusted = authority()  # type: ignore[operator]
        server = TlsServer(trusted.issue_cert("named.example"))
        sender.receivers.resolve = names
        names.answers = [["127.0.0.1"], ["127.0.0.1"]]

        greeting = b"HTTP/1.1 204 No Content\r\n\r\n"
        async with server.serve(greeting=greeting) as port:
            named = await send(sender, f"https://named.example:{port}/")
            other = await send(sender, f"https://other.example:{port}/")

        assert named.status == 204
        assert other.error == "certificate refused"
