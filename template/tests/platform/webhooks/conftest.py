"""A sender that may reach this machine, and says where a name leads."""

from collections.abc import AsyncIterator, Sequence

import httpx
import pytest

from app.platform.webhooks import WebhookSender, WebhooksSettings
from tests.fixtures.third_party import Stub

HEADERS = {"webhook-id": "msg_1"}


class Names:
    """What a hostile name server answers, one after another."""

    def __init__(self) -> None:
        self.answers: list[Sequence[str]] = []
        self.asked: list[str] = []

    async def __call__(self, host: str, _: int) -> Sequence[str]:
        self.asked.append(host)
        return self.answers.pop(0)


@pytest.fixture
async def stub() -> AsyncIterator[Stub]:
    async with Stub.open() as stub:
        yield stub


@pytest.fixture
def names() -> Names:
    return Names()


@pytest.fixture
def sender() -> WebhookSender:
    """One that may reach this machine."""
    return WebhookSender(
        WebhooksSettings(allowed_networks="127.0.0.1/32", deadline_seconds=1)
    )


@pytest.fixture
def strict(names: Names) -> WebhookSender:
    """One as in production, which believes the name server."""
    sender = WebhookSender(WebhooksSettings(deadline_seconds=1))
    sender.receivers.resolve = names
    return sender


def elsewhere(url: str, host: str) -> str:
    """Give the URL another host."""
    return str(httpx.URL(url).copy_with(host=host))
