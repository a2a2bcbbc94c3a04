"""Somebody who has registered, and what she gets by mail."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from httpx import AsyncClient, Response
from sqlalchemy import select
from typer.testing import CliRunner

from app.cli import cli
from app.platform.audit.models import AuditEvent
from dev.smtp import MailSink
from tests.fixtures.service import AskLogIn, Service

EMAIL, PASSWORD = "ada@example.com", "correct horse battery"

type Finish = Callable[[], Awaitable[None]]
type Letter = Callable[[], Awaitable[str]]
type Events = Callable[[], Awaitable[list[str]]]
type Run = Callable[..., Awaitable[str]]
type LogIn = Callable[..., Awaitable[Response]]


@pytest.fixture
def letter(finish_tasks: Finish, mail_sink: MailSink) -> Letter:
    """Wait for the latest letter, and find the token in it."""

    async def letter() -> str:
        await finish_tasks()
        text: str = mail_sink.mails[-1].get_content()
        return text.rsplit(maxsplit=1)[-1]

    return letter


@pytest.fixture
def log_in(client: AsyncClient, ask_log_in: AskLogIn) -> LogIn:
    async def log_in(password: str = PASSWORD, username: str = EMAIL) -> Response:
        return await ask_log_in(client, username, password)

    return log_in


@pytest.fixture
def events(service: Service) -> Events:
    """Name what has been noted, the oldest first."""

    async def events() -> list[str]:
        async with service.platform.database.read_session() as session:
            return list(
                await session.scalars(select(AuditEvent.kind).order_by(AuditEvent.id))
            )

    return events


@pytest.fixture
def run(service: Service, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Do what an operator does at the command line, with this service."""
    settings = service.platform.settings
    monkeypatch.setenv("DATABASE__URL", settings.database.url.get_secret_value())
    monkeypatch.setenv("SERVICE_NAME", settings.service_name)

    async def run(*words: str, said: str | None = None) -> str:
        ended = await asyncio.to_thread(
            CliRunner().invoke, cli, ["accounts", *words], said
        )
        assert ended.exit_code == 0, ended.output
        return ended.output

    return run


@pytest.fixture
async def ada(client: AsyncClient, letter: Letter) -> str:
    """Register, and verify the address."""
    draft = {"email": EMAIL, "password": PASSWORD}
    await client.post("/v1/accounts", json=draft)
    token = await letter()
    await client.post("/v1/accounts/verifications", json={"token": token})
    return EMAIL
