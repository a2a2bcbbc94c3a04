"""Somebody who has registered, and what she gets by mail."""

from collections.abc import Awaitable, Callable

import pytest
from httpx import AsyncClient, Response

from dev.smtp import MailSink

EMAIL, PASSWORD = "ada@example.com", "correct horse battery"

type Finish = Callable[[], Awaitable[None]]
type Letter = Callable[[], Awaitable[str]]
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
def log_in(client: AsyncClient) -> LogIn:
    async def log_in(password: str = PASSWORD, username: str = EMAIL) -> Response:
        form = {"grant_type": "password", "username": username, "password": password}
        return await client.post("/v1/accounts/token", data=form)

    return log_in


@pytest.fixture
async def ada(client: AsyncClient, letter: Letter) -> str:
    """Register, and verify the address."""
    draft = {"email": EMAIL, "password": PASSWORD}
    await client.post("/v1/accounts", json=draft)
    token = await letter()
    await client.post("/v1/accounts/verifications", json={"token": token})
    return EMAIL
