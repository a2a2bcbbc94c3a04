"""Keys that Ada makes, and what becomes of who shows one."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select, update

from app.modules.apikeys.models import ApiKey
from tests.fixtures.service import Service, Show, acting

PATH = "/v1/api-keys"

type Json = dict[str, Any]
type Make = Callable[..., Awaitable[Json]]


def bearing(key: Json | str) -> dict[str, str]:
    shown = key if isinstance(key, str) else key["key"]
    return {"Authorization": f"Bearer {shown}"}


@pytest.fixture
def ada() -> str:
    return str(uuid4())


@pytest.fixture
def make(service: Service, show: Show, ada: str) -> Make:
    """Make a key as Ada, who has been granted a and b."""

    async def make(**draft: Any) -> Json:
        async with acting(service, await show(service.platform, "a", "b", id_=ada)):
            made = await service.client.post(PATH, json={"name": "nightly"} | draft)
        assert made.status_code == 201, made.text
        return dict(made.json())

    return make


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at a key each time that it is shown."""
    monkeypatch.setattr("app.modules.apikeys.guard.PROOF_SECONDS", 0.0)


async def status_of(service: Service, headers: dict[str, str]) -> int:
    """Ask what is refused to every key, but only once it is known to be one."""
    async with acting(service, headers):
        answer = await service.client.get(PATH)
    if answer.status_code == 401:
        assert answer.json()["type"] == "/problems/credentials-refused"
        assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
        assert len(answer.content) <= 8192
    return answer.status_code


# What is told to a key that is believed: it manages none.
BELIEVED = 403


async def changed(service: Service, key: Json, **values: Any) -> None:
    async with service.platform.database.unit_of_work() as unit:
        query = update(ApiKey).where(ApiKey.prefix == key["prefix"])
        await unit.session.execute(query.values(**values))


async def row_of(service: Service, key: Json) -> ApiKey:
    async with service.platform.database.read_session() as session:
        query = select(ApiKey).where(ApiKey.prefix == key["prefix"])
        row: ApiKey = (await session.scalars(query)).one()
        return row
