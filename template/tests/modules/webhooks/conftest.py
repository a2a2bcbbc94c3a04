"""Receivers on loopback sockets, subscriptions to notes, and hours that go by."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from httpx import AsyncClient
from pydantic import BaseModel
from sqlalchemy import text

from app import background
from app.composition import Platform
from app.modules.webhooks import dependencies
from app.modules.webhooks.events import Published
from app.modules.webhooks.tasks import publish, send_again
from app.platform.events import Event
from app.platform.observability import context
from app.platform.observability.context import Principal
from app.platform.tasks import TaskRouter, Tick
from app.platform.webhooks import WebhooksSettings
from app.settings import Settings
from tests.fixtures.service import Introduce, Service, Show
from tests.fixtures.third_party import Stub

type Json = dict[str, Any]
type Finish = Callable[[], Awaitable[None]]
type Subscribe = Callable[..., Awaitable[Json]]

ADA = str(uuid4())
NOBODY = Principal(str(uuid4()), kind="user")


class NoteWritten(Event):
    note_id: UUID
    owner_id: str = ""
    hidden: str = "nobody's concern"


class NoteWrittenV1(BaseModel):
    """Somebody has written a note."""

    note_id: UUID


NOTE = Published("note.written.v1", NoteWritten, NoteWrittenV1)
# Of what is Ada's, whoever does it.
LENT = Published(
    "note.lent.v1", NoteWritten, NoteWrittenV1, owner=lambda note: note.owner_id
)


@pytest.fixture
async def receiver() -> AsyncIterator[Stub]:
    async with Stub.open() as stub:
        yield stub


@pytest.fixture
def allowed() -> str:
    """Where receivers may be besides public addresses."""
    return "127.0.0.1/32"


@pytest.fixture
def settings(
    settings: Settings, allowed: str, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    """Publish notes, besides what the service does, and let receivers be here."""
    every, notes = TaskRouter(), TaskRouter("notes")
    publish(notes, NOTE, LENT)
    every.include(background.tasks)
    every.include(notes)
    monkeypatch.setattr(background, "tasks", every)
    monkeypatch.setattr(dependencies, "PUBLISHED", (NOTE, LENT))
    webhooks = WebhooksSettings(allowed_networks=allowed, deadline_seconds=1)
    return settings.model_copy(update={"webhooks": webhooks})


@pytest.fixture
def introduce(show: Show) -> Introduce:
    async def introduce(platform: Platform) -> dict[str, str]:
        return await show(platform, id_=ADA)

    return introduce


@pytest.fixture
def subscribe(client: AsyncClient, receiver: Stub) -> Subscribe:
    async def subscribe(**fields: object) -> Json:
        draft = {"url": f"{receiver.url}/hooks?key=1", "events": [NOTE.name]}
        made = await client.post("/v1/webhooks/subscriptions", json=draft | fields)
        assert made.status_code == 201, made.text
        shown: Json = made.json()
        return shown

    return subscribe


@dataclass
class Days:
    """What happens, and the time that goes by until a delivery is sent again."""

    service: Service
    finish: Finish

    async def write(self, *, by: Principal | None = None, times: int = 1) -> None:
        """Have notes of Ada's written, and do what follows at once."""
        ada = await self.subscriber()
        with context.restore({"x-request-id": uuid4().hex, **(by or ada).carried()}):
            async with self.service.platform.database.unit_of_work() as unit:
                for _ in range(times):
                    unit.record(NoteWritten(note_id=uuid4(), owner_id=ada.id))
        await self.finish()

    async def subscriber(self) -> Principal:
        """Tell who has subscribed, as the service calls whoever logs in as Ada."""
        async with self.service.platform.database.read_session() as session:
            owner = "SELECT owner_id FROM webhook_subscriptions ORDER BY id LIMIT 1"
            id_ = await session.scalar(
                text(owner), execution_options={"include_deleted": True}
            )
        return Principal(id_, kind="user") if id_ else NOBODY

    async def pass_by(self, days: int = 0) -> None:
        """Let the time of all that waits come."""
        await self.execute(
            "UPDATE webhook_deliveries SET due_at = now() WHERE due_at > now()",
            "UPDATE webhook_subscriptions SET held_until = NULL, "
            f"failing_since = failing_since - interval '{days} days'",
        )
        await self.tick()

    async def tick(self) -> None:
        platform = self.service.platform
        async with platform.database.unit_of_work() as unit:
            await send_again(Tick(due_at=datetime.now(UTC)), unit, platform)
        await self.finish()

    async def execute(self, *statements: str) -> None:
        async with self.service.platform.database.unit_of_work() as unit:
            for statement in statements:
                await unit.session.execute(text(statement))


@pytest.fixture
def days(service: Service, finish_tasks: Finish) -> Days:
    return Days(service, finish_tasks)


def waits(delivery: Json) -> timedelta:
    """Tell how long after its event it is sent again."""
    due, at = (datetime.fromisoformat(delivery[it]) for it in ("due_at", "created_at"))
    return due - at
