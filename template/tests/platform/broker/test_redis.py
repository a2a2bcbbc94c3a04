from asyncio import to_thread
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from kombu.exceptions import OperationalError
from pydantic import SecretStr, ValidationError
from redis.asyncio import Redis

from app.platform.broker import redis
from app.platform.outbox.models import OutboxMessage
from app.platform.tasks.celery import (
    BrokerProbe,
    CeleryBroker,
    CeleryTasksSettings,
    create_celery,
)
from tests.fixtures.redis import Victim
from tests.fixtures.tls import HOST, TlsServer
from tests.platform.rotation import Rotated


async def send(url: str | SecretStr) -> None:
    secret = SecretStr(url) if isinstance(url, str) else url
    broker = redis.RedisBrokerSettings(url=secret)
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
            ("http://foo", "must begin with redis:// or rediss://"),
            ("memory://", "must begin with"),
            ("broker:6379", "must begin with"),
            ("redis://:hush@:6379/0", "names no host"),
            ("redis://:hush@broker:many/0", "a host or a port that is none"),
            ("redis://:hush@broker/first", "not the number of a database"),
            ("rediss://broker/0?ssl_cert_reqs=none", "cannot end in [?]ssl_cert_reqs="),
            ("redis://:hu;sh@broker/0", "in a password, write %3B"),
            ("redis://:hu#sh@broker/0", "in a password, write %23"),
        ],
    )
    def test_that_cannot_work_is_refused(self, url: str, reason: str) -> None:
        with pytest.raises(ValidationError, match=reason) as refused:
            redis.RedisBrokerSettings(url=SecretStr(url))

        assert "hu" not in str(refused.value)

    def test_is_safe_with_a_public_host_over_tls_alone(self) -> None:
        for scheme, refused in (("redis", 1), ("rediss", 0)):
            url = SecretStr(f"{scheme}://:own-long-word@broker.example/0")
            settings = redis.RedisBrokerSettings(url=url)

            assert len(list(settings.unsafe())) == refused


class TestProof:
    async def test_an_impostor_is_told_nothing(self, impostor: TlsServer) -> None:
        async with impostor.serve() as port:
            with pytest.raises(Exception, match=r"(?i)certificate"):
                await send(f"rediss://:hush@{HOST}:{port}/0")

        assert not impostor.heard

    async def test_a_server_that_proves_itself_gets_the_message(
        self, proven: TlsServer, redis_url: str
    ) -> None:
        server = urlsplit(redis_url)
        behind = (str(server.hostname), server.port or 6379)

        async with proven.serve(behind=behind) as port:
            await send(f"rediss://{HOST}:{port}/0")

        assert b"LPUSH" in proven.heard


async def told(victim: Victim) -> None:
    """Tell the server of another password, as an operator would."""
    server: Any = Redis.from_url(victim.url)
    async with server:
        rules = ("on", "resetpass", ">new!")
        await server.execute_command("ACL", "SETUSER", "default", *rules)


class TestPassword:
    async def test_that_has_changed_is_looked_up_again(self, victim: Victim) -> None:
        place = victim.url.partition("//")[2]
        url = Rotated(f"redis://:old@{place}", f"redis://:new%21@{place}")
        await told(victim)

        with pytest.raises(OperationalError):
            await send(url)
        await send(url)

        assert url.looked == 1

    async def test_that_has_changed_is_looked_up_by_who_asks(
        self, victim: Victim
    ) -> None:
        place = victim.url.partition("//")[2]
        url = Rotated(f"redis://:old@{place}", f"redis://:new%21@{place}")
        await told(victim)

        broker = redis.RedisBrokerSettings(url=url)
        celery = create_celery(CeleryTasksSettings(), broker)
        await BrokerProbe(celery, broker)()

        assert url.looked == 1
