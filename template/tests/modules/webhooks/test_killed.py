"""A worker that is killed after it has sent, and before it could say so."""

import asyncio
import os
import signal
import sys

import pytest
from httpx import AsyncClient
from sqlalchemy import select

from app.platform.outbox.models import OutboxMessage
from app.settings import Settings
from tests.fixtures.service import Service
from tests.fixtures.third_party import Stub
from tests.modules.webhooks.conftest import Finish, Subscribe

WORKER = """
import asyncio, sys
from uuid import UUID
from app import background
from app.composition import open_platform
from app.platform.outbox.delivery import Delivery
from app.settings import Settings

async def main():
    settings = Settings.load()
    async with open_platform(settings) as platform:
        delivery = Delivery(
            background.tasks,
            settings.tasks,
            database=platform.database,
            ports=platform,
        )
        await delivery.handle(UUID(sys.argv[1]))

asyncio.run(main())
"""


@pytest.fixture
def settings(settings: Settings) -> Settings:
    tasks = settings.tasks.model_copy(update={"attempt_seconds": 1})
    return settings.model_copy(update={"tasks": tasks})


async def test_what_a_killed_worker_has_sent_is_sent_again_with_the_same_id(
    client: AsyncClient,
    service: Service,
    subscribe: Subscribe,
    receiver: Stub,
    finish_tasks: Finish,
) -> None:
    made = await subscribe()
    one = f"/v1/webhooks/subscriptions/{made['id']}"
    await client.post(f"{one}/ping")
    async with service.platform.database.read_session() as session:
        message_id = await session.scalar(select(OutboxMessage.id))
    worker = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", WORKER, str(message_id)),
        env=os.environ
        | {
            "DATABASE__URL": service.platform.settings.database.url.get_secret_value(),
            "TASKS__ATTEMPT_SECONDS": "1",
            "WEBHOOKS__ALLOWED_NETWORKS": "127.0.0.1/32",
        },
    )

    async def kill(_: asyncio.StreamWriter) -> None:
        worker.send_signal(signal.SIGKILL)

    receiver.script = [kill]

    assert await worker.wait() == -signal.SIGKILL
    await finish_tasks()

    first, second = receiver.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    [delivery] = (await client.get(f"{one}/deliveries")).json()["items"]
    assert delivery["status"] == "delivered"
    assert len(delivery["attempts"]) == 1
