import asyncio
from math import isnan

import pytest
from sqlalchemy import text

from app.platform.outbox.relay import Relay
from app.platform.outbox.telemetry import Backlog
from tests.fixtures.metrics import Seen
from tests.platform.outbox.station import Posted, Station
from tests.platform.outbox.test_relay import Carrier

GAUGES = (
    "outbox_pending_messages",
    "outbox_lag_seconds",
    "task_queue_age_seconds",
    "task_quarantined_messages",
)


@pytest.fixture
def relay(station: Station) -> Relay:
    return Relay(station.database, Carrier(), station.settings)


@pytest.fixture
def backlog(station: Station, seen: Seen) -> Backlog:
    telemetry = seen.telemetry
    return Backlog(station.database, telemetry.settings, telemetry.metrics)


class TestBacklog:
    async def test_is_unknown_while_the_database_cannot_tell(
        self, seen: Seen, station: Station, backlog: Backlog
    ) -> None:
        async with station.database.unit_of_work() as unit:
            await unit.session.execute(text("ALTER TABLE outbox RENAME TO elsewhere"))

        await backlog.read()

        assert all(isnan(seen.value(name) or 0) for name in GAUGES)

    async def test_is_nothing_when_all_is_done(
        self, seen: Seen, backlog: Backlog
    ) -> None:
        await backlog.read()

        assert [seen.value(name) for name in GAUGES] == [0, 0, 0, 0]

    async def test_is_what_waits_for_the_broker_and_then_for_a_worker(
        self, seen: Seen, station: Station, relay: Relay, backlog: Backlog
    ) -> None:
        await station.post(Posted())
        await asyncio.sleep(0.01)

        await backlog.read()
        pending = [seen.value(name) or 0 for name in GAUGES]
        await relay.relay_due()
        await backlog.read()
        relayed = [seen.value(name) or 0 for name in GAUGES]

        assert pending[0] == 1
        assert pending[1] > 0.005
        assert pending[2:] == relayed[:2] == [0, 0]
        assert relayed[2] > pending[1]

    async def test_counts_what_waits_for_a_person(
        self, seen: Seen, station: Station, backlog: Backlog
    ) -> None:
        await station.confine()

        await backlog.read()

        assert seen.value("task_quarantined_messages") == 1


class TestRelay:
    async def test_counts_what_the_broker_took(
        self, seen: Seen, station: Station, relay: Relay
    ) -> None:
        seen.watch(relay)
        await station.post(Posted())

        await relay.relay_due()

        assert seen.value("outbox_relayed_total") == 1
