from asyncio import to_thread

import pytest
from pydantic import SecretStr, ValidationError

from app.platform.broker import rabbitmq
from app.platform.outbox.models import OutboxMessage
from app.platform.tasks.celery import CeleryBroker, CeleryTasksSettings, create_celery
from tests.fixtures.tls import HOST, TlsServer


async def send(port: int) -> None:
    url = SecretStr(f"amqps://service:hush@{HOST}:{port}//")
    broker = rabbitmq.RabbitmqBrokerSettings(url=url)
    celery = create_celery(CeleryTasksSettings(), broker)
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
                await send(port)

        assert not impostor.heard

    async def test_a_server_that_proves_itself_is_spoken_to(
        self, proven: TlsServer
    ) -> None:
        # It never answers, and the client gives up.
        async with proven.serve() as port:
            with pytest.raises(Exception, match=r".*"):
                await send(port)

        assert proven.heard.startswith(b"AMQP")
