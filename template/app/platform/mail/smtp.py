"""Mail, over SMTP."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import parseaddr
from typing import Annotated, Self
from urllib.parse import urlsplit
from uuid import NAMESPACE_URL, uuid5

import aiosmtplib
from pydantic import Field, SecretStr

from app.platform.configuration import (
    Address,
    Refusal,
    Section,
    authorities,
    readable_by,
    refuse_address,
    split,
    tls_context,
)
from app.platform.errors import Unavailable
from app.platform.mail import Mail

GOODBYE_SECONDS = 1.0


class MailUnavailable(Unavailable):
    """The mail server cannot take a letter now."""


def read_url(url: str) -> Address:
    address, parts = split(url), urlsplit(url)
    if parts.path.strip("/"):
        raise ValueError("ends in a path: a mail server has none")
    return address._replace(encrypted=parts.scheme != "smtp")


class SmtpMailSettings(Section):
    """
    `MAIL__*` in the environment.

    The URL is smtp://, smtp+starttls:// or smtps://, with user and password if needed;
    the latter two check the server's certificate and never fall back to plain text.
    """

    url: Annotated[
        SecretStr, readable_by(read_url, "smtp", "smtp+starttls", "smtps")
    ] = SecretStr("smtp://localhost:1025")
    """smtp://, smtp+starttls:// or smtps://, with user and password if needed."""
    sender: str = "noreply@localhost"
    """Whom letters are from."""
    timeout_seconds: float = Field(5.0, gt=0)
    """For each step of a conversation with the server."""

    def unsafe(self) -> Iterator[Refusal]:
        yield from refuse_address("url", read_url(self.url.get_secret_value()))
        if self.sender.endswith("@localhost"):
            yield Refusal("sender", "is no address that anybody could answer to")


class SmtpMail:
    """A connection for each letter: they leave from tasks, not from requests."""

    def __init__(self, settings: SmtpMailSettings) -> None:
        self._settings = settings

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: SmtpMailSettings) -> AsyncIterator[Self]:
        yield cls(settings)

    async def send(self, mail: Mail) -> None:
        client, message = _client(self._settings), letter(mail, self._settings.sender)
        sender = parseaddr(self._settings.sender)[1]
        try:
            async with asyncio.timeout(self._settings.timeout_seconds):
                await client.connect()
                await client.send_message(message, sender=sender, recipients=[mail.to])
        except (aiosmtplib.SMTPException, OSError) as error:
            # The cause may quote the address; a log of errors is no place for it.
            reason = type(error).__name__
            raise MailUnavailable(f"No mail can be sent now ({reason})") from None
        else:
            # It is taken: a server that now misbehaves must not get it again.
            with suppress(aiosmtplib.SMTPException, OSError):
                await client.quit(timeout=GOODBYE_SECONDS)
        finally:
            client.close()


def letter(mail: Mail, sender: str) -> EmailMessage:
    domain = parseaddr(sender)[1].rpartition("@")[2]
    message = EmailMessage()
    message["From"] = sender
    message["To"] = mail.to
    message["Subject"] = mail.subject
    message["Date"] = datetime.now(UTC)
    message["Message-ID"] = f"<{uuid5(NAMESPACE_URL, mail.key)}@{domain}>"
    # Keeps out-of-office replies away (RFC 3834).
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    return message


def _client(settings: SmtpMailSettings) -> aiosmtplib.SMTP:
    url = settings.url.get_secret_value()
    parts, address = urlsplit(url), read_url(url)
    return aiosmtplib.SMTP(
        hostname=address.hosts[0],
        port=parts.port,
        username=address.user,
        password=address.password,
        use_tls=parts.scheme == "smtps",
        start_tls=parts.scheme == "smtp+starttls",
        tls_context=tls_context(authorities()) if address.encrypted else None,
        timeout=settings.timeout_seconds,
    )
