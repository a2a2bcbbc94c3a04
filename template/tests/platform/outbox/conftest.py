"""A station on a database of the test's own."""

from collections.abc import AsyncIterator, Sequence

import pytest

from app.platform.database import Database, DatabaseSettings, UnitOfWork
from app.platform.events import Event
from app.platform.outbox.outbox import stage
from tests.platform.outbox.publishers import Stream
from tests.platform.outbox.station import Station, tasks


@pytest.fixture
async def station(database_settings: DatabaseSettings) -> AsyncIterator[Station]:
    async with Database.open(database_settings, stage=_stage) as database:
        yield Station(database)


async def _stage(unit: UnitOfWork, events: Sequence[Event]) -> None:
    await stage(unit, events, tasks)


@pytest.fixture
def stream() -> Stream:
    return Stream()
