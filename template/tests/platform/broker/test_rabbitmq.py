import os
from asyncio import to_thread
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from amqp.exceptions import AccessRefused
from pydantic import SecretStr, ValidationError

from app.platform.broker import rabbitmq
from app.platform.outbox.models import OutboxMessage
from app.platform.tasks.celery import (
    BrokerProbe,
    CeleryBroker,
    CeleryTasksSettings,
    create_celery,
)
from tests.fixtures.tls import HOST, TlsServer
from tests.platform.rotation import Rotated


def at(port: int) -> SecretStr:
    return SecretStr(f"amqps://service:hush@{HOST}:{port}//")


async def send(url: SecretStr) -> None:
    broker = rabbitmq.RabbitmqBrokerSettings(url=url)
    celery = create_celery(CeleryTasksSettings(queue=uuid4().hex), broker)
    message = OutboxMessage(name="post.deliver", payload={}, headers={})
    try:
        await CeleryBroker(celery, broker).publish([message])
    finally:
        await to_thread(celery.close)


class TestUrl:
    @pytest.mark.parametrize(
        ("url", "reason"),
        [
            ("http://foo", "must begin with amqp:// or amqps://"),
            ("broker:5672", "must begin with"),
            ("amqp://me:hush@:5672//", "names no host"),
            ("amqp://me:hush@broker:many//", "a host or a port that is none"),
            ("amqps://broker//?ssl=0", "cannot end in [?]ssl="),
        ],
    )
    def test_that_cannot_work_is_refused(self, url: str, reason: str) -> None:
        with pytest.raises(ValidationError, match=reason) as refused:
            rabbitmq.RabbitmqBrokerSettings(url=SecretStr(url))

        assert "hush" not in str(refused.value)


class TestProof:
    async def test_an_impostor_is_told_nothing(self, impostor: TlsServer) -> None:
        async with impostor.serve() as port:
            with pytest.raises(Exception, match=r"(?i)certificate"):
                await send(at(port))

        assert not impostor.heard

    async def test_a_server_that_proves_itself_is_spoken_to(
        self, proven: TlsServer
    ) -> None:
        # It never answers, and the client gives up.
        async with proven.serve() as port:
            with pytest.raises(Exception, match=r".*"):
                await send(at(port))

        assert proven.heard.startswith(b"AMQP")


@pytest.fixture
def url() -> Rotated:
    """The server's, whose password was another one a moment ago."""
    now = os.environ["BROKER__URL"]
    user, host = str(urlsplit(now).username), now.rpartition("@")[2]
    return Rotated(f"amqp://{user}:old@{host}", now)


class TestPassword:
    async def test_that_has_changed_is_looked_up_again(self, url: Rotated) -> None:
        with pytest.raises(AccessRefused):
            await send(url)
        await send(url)

        assert url.looked == 1

    async def test_that_has_changed_is_looked_up_by_who_asks(
        self, url: Rotated
    ) -> None:
        broker = rabbitmq.RabbitmqBrokerSettings(url=url)
        celery = create_celery(CeleryTasksSettings(), broker)
        await BrokerProbe(celery, broker)()

        assert url.looked == 1
