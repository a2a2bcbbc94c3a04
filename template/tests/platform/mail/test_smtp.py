"""Mail against a real SMTP server, and against servers that fail."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from pydantic import SecretStr, ValidationError

from app.platform.errors import Unavailable
from app.platform.mail import Mail
from app.platform.mail.smtp import SmtpMail, SmtpMailSettings
from dev.process import free_port
from dev.smtp import MailSink
from tests.fixtures.tls import HOST, Begin, TlsServer, at_once

LETTER = Mail(to="ada@example.com", subject="Grüße", text="Hello, Ada ✓", key="o-1")


@asynccontextmanager
async def mailer(url: str) -> AsyncIterator[SmtpMail]:
    settings = SmtpMailSettings(
        url=SecretStr(url), sender="Shop <shop@example.org>", timeout_seconds=0.2
    )
    async with SmtpMail.open(settings) as smtp:
        yield smtp


@asynccontextmanager
async def listening(handler: object, **options: Any) -> AsyncIterator[str]:
    """Run aiosmtpd with a handler of the test's own; yield host and port."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(handler, loop=loop, **options), "127.0.0.1", 0
    )
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def received() -> EmailMessage:
    async with MailSink.open() as sink, mailer(sink.url) as smtp:
        await smtp.send(LETTER)
        return sink.mails[0]


class TestSettings:
    @pytest.mark.parametrize(
        ("url", "reason"),
        [
            ("", "must begin with smtp://"),
            ("localhost:25", "must begin with smtp://"),
            ("http://localhost", "must begin with smtp://"),
            ("smtp://[hush", "a host or a port that is none"),
            ("smtp://shop:hush@:25", "names no host"),
            ("smtp://shop:hush@mail:many", "a host or a port that is none"),
            ("smtps://mail?verify=no", "cannot end in [?]verify="),
            ("smtps://mail/inbox", "ends in a path"),
        ],
    )
    def test_refuse_a_url_that_cannot_work(self, url: str, reason: str) -> None:
        with pytest.raises(ValidationError, match=reason) as refused:
            SmtpMailSettings(url=SecretStr(url))

        assert "hush" not in str(refused.value)

    def test_hide_the_password(self) -> None:
        settings = SmtpMailSettings(url=SecretStr("smtps://shop:s3cret@mail"))

        assert "s3cret" not in repr(settings)


async def agree_to_tls(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    for answer in (b"220 hello", b"250-hello\r\n250 STARTTLS", b"220 go ahead"):
        writer.write(answer + b"\r\n")
        await writer.drain()
        if not answer.endswith(b"ahead"):
            await reader.readline()


class TestTls:
    @pytest.mark.parametrize("begin", [at_once, agree_to_tls])
    async def test_tells_an_impostor_nothing(
        self, impostor: TlsServer, begin: Begin
    ) -> None:
        async with impostor.serve(begin, greeting=b"220 hello\r\n") as port:
            scheme = "smtps" if begin is at_once else "smtp+starttls"
            async with mailer(f"{scheme}://shop:hush@{HOST}:{port}") as smtp:
                with pytest.raises(Unavailable, match=r"SMTP|SSL"):
                    await smtp.send(LETTER)

        assert not impostor.heard

    @pytest.mark.parametrize("begin", [at_once, agree_to_tls])
    async def test_greets_a_server_that_proves_itself(
        self, proven: TlsServer, begin: Begin
    ) -> None:
        async with proven.serve(begin, greeting=b"220 hello\r\n") as port:
            scheme = "smtps" if begin is at_once else "smtp+starttls"
            async with mailer(f"{scheme}://shop:hush@{HOST}:{port}") as smtp:
                with pytest.raises(Unavailable):
                    await smtp.send(LETTER)

        assert proven.heard.startswith(b"EHLO")


class TestSend:
    async def test_to_a_server_that_is_down_ends_at_once(self) -> None:
        async with mailer(f"smtp://127.0.0.1:{free_port()}") as smtp:
            with pytest.raises(Unavailable, match="No mail can be sent"):
                await smtp.send(LETTER)

    @pytest.mark.parametrize("banner", [b"", b"220 hello\r\n"])
    async def test_to_a_server_that_hangs_ends_in_time(self, banner: bytes) -> None:
        async def hang(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            writer.write(banner)
            await reader.read()
            writer.close()

        server = await asyncio.start_server(hang, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        start = time.monotonic()

        async with server, mailer(f"smtp://127.0.0.1:{port}") as smtp:
            with pytest.raises(Unavailable):
                await smtp.send(LETTER)

        assert 0.2 <= time.monotonic() - start < 40

    async def test_never_falls_back_to_plain_text(self) -> None:
        async with MailSink.open() as sink:
            url = sink.url.replace("smtp://", "smtp+starttls://")

            async with mailer(url) as smtp:
                with pytest.raises(Unavailable):
                    await smtp.send(LETTER)

            assert sink.mails == []

    async def test_that_is_refused_does_not_name_the_recipient(self) -> None:
        class Refusal:
            async def handle_RCPT(self, *_: object) -> str:  # noqa: N802
                return "550 no such user"

        async with listening(Refusal()) as address, mailer(f"smtp://{address}") as smtp:
            with pytest.raises(Unavailable) as error:
                await smtp.send(LETTER)

        assert "ada" not in str(error.value)

    async def test_delivers_the_letter_as_written(self) -> None:
        mail = await received()

        assert mail["From"] == "Shop <shop@example.org>"
        assert mail["To"] == "ada@example.com"
        assert mail["Subject"] == "Grüße"
        assert mail.get_content().strip() == "Hello, Ada ✓"

    async def test_again_carries_the_same_message_id(self) -> None:
        async with MailSink.open() as sink, mailer(sink.url) as smtp:
            for key in ("o-1", "o-1", "o-2"):
                await smtp.send(LETTER.model_copy(update={"key": key}))

            first, again, other = (mail["Message-ID"] for mail in sink.mails)

        assert first == again != other
        assert first.endswith("@example.org>")

    async def test_signs_in_with_the_login_of_the_url(self) -> None:
        logins = []

        class Accept:
            async def handle_DATA(self, *_: object) -> str:  # noqa: N802
                return "250 OK"

        def authenticate(
            _server: SMTP,
            _session: Session,
            _envelope: Envelope,
            _how: str,
            data: object,
        ) -> AuthResult:
            assert isinstance(data, LoginPassword)
            logins.append((data.login, data.password))
            return AuthResult(success=True)

        options = {"authenticator": authenticate, "auth_require_tls": False}
        async with (
            listening(Accept(), **options) as address,
            mailer(f"smtp://shop:p%40ss@{address}") as smtp,
        ):
            await smtp.send(LETTER)

        assert logins == [(b"shop", b"p@ss")]
