"""A mail server for development: it shows each mail, and forwards none."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as policy
from pathlib import Path
from typing import Self

from aiosmtpd.smtp import SMTP, Envelope, Session

HOST = "127.0.0.1"
LINES_SHOWN = 8


@dataclass(slots=True)
class MailSink:
    """Keeps what it receives in `mails` and, given a directory, as files there."""

    directory: Path | None = None
    mails: list[EmailMessage] = field(default_factory=list)
    url: str = ""

    @classmethod
    @asynccontextmanager
    async def open(
        cls, *, port: int = 0, directory: Path | None = None
    ) -> AsyncIterator[Self]:
        """Listen on loopback only; port 0 takes a free one, which `url` then names."""
        sink = cls(directory)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: SMTP(sink, loop=loop, enable_SMTPUTF8=True), HOST, port
        )
        sink.url = f"smtp://{HOST}:{server.sockets[0].getsockname()[1]}"
        try:
            yield sink
        finally:
            # Without a wait: a client that never leaves would hold up the end.
            server.close()

    async def handle_DATA(  # noqa: N802 - aiosmtpd finds it by this name
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        content = envelope.original_content or b""
        mail = message_from_bytes(content, policy=policy)
        self.mails.append(mail)
        if self.directory is not None:
            _store(content, self.directory / _file_name(len(self.mails)))
        print(shown(mail), flush=True)
        return "250 Shown, not forwarded"


def shown(mail: EmailMessage) -> str:
    """Format the lines a person looks for."""
    body = mail.get_body(("plain", "html"))
    lines = str(body.get_content() if body else "").strip().splitlines()
    block = [
        f"mail from {mail['From']} to {mail['To']}",
        f"  {mail['Subject']}",
        *(f"  | {line}" for line in lines[:LINES_SHOWN]),
    ]
    return "\n".join(block)


def _file_name(number: int) -> str:
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{number:04}.eml"


def _store(content: bytes, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


async def _serve(port: int, directory: Path | None) -> None:
    async with MailSink.open(port=port, directory=directory) as sink:
        print(f"mail is shown here: {sink.url}", flush=True)
        await asyncio.Event().wait()


def main(port: str, directory: str | None = None) -> None:
    try:
        asyncio.run(_serve(int(port), Path(directory) if directory else None))
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    main(*sys.argv[1:])
