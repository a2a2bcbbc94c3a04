import asyncio
from datetime import timedelta
from math import isnan

import pytest
from sqlalchemy import func, text

from app.platform.outbox.models import TASKS
from app.platform.outbox.relay import Relay
from app.platform.outbox.telemetry import Backlog
from tests.fixtures.metrics import Seen
from tests.platform.outbox.station import Posted, Station
from tests.platform.outbox.test_relay import Carrier

GAUGES: tuple[tuple[str, dict[str, str]], ...] = (
    ("outbox_pending_messages", {"destination": TASKS}),
    ("outbox_lag_seconds", {"destination": TASKS}),
    ("task_queue_age_seconds", {}),
    ("task_backlog_messages", {}),
    ("task_quarantined_messages", {}),
)


def gauges(seen: Seen) -> list[float]:
    return [seen.value(name, **labels) or 0 for name, labels in GAUGES]


@pytest.fixture
def relay(station: Station) -> Relay:
    return station.relay(Carrier())


@pytest.fixture
def backlog(relay: Relay, seen: Seen) -> Backlog:
    telemetry = seen.telemetry
    return Backlog(relay, telemetry.settings, telemetry.metrics)


class TestBacklog:
    async def test_is_unknown_while_the_database_cannot_tell(
        self, seen: Seen, station: Station, backlog: Backlog
    ) -> None:
        async with station.database.unit_of_work() as unit:
            await unit.session.execute(text("ALTER TABLE outbox RENAME TO elsewhere"))

        await backlog.read()

        assert all(map(isnan, gauges(seen)))

    async def test_is_nothing_when_all_is_done(
        self, seen: Seen, backlog: Backlog
    ) -> None:
        await backlog.read()

        assert gauges(seen) == [0, 0, 0, 0, 0]

    async def test_is_what_waits_for_the_broker_and_then_for_a_worker(
        self, seen: Seen, station: Station, relay: Relay, backlog: Backlog
    ) -> None:
        await station.post(Posted())
        await asyncio.sleep(0.01)

        await backlog.read()
        pending = gauges(seen)
        await relay.relay_due()
        await backlog.read()
        relayed = gauges(seen)

        assert pending[0] == 1
        assert pending[1] > 0.005
        assert [*pending[2:], *relayed[:2]] == [0, 1, 0, 0, 0]
        assert relayed[2] > pending[1]
        # It is still to be done, whoever has it.
        assert relayed[3] == 1

    async def test_tells_of_a_destination_to_which_nobody_publishes(
        self, seen: Seen, station: Station, relay: Relay, backlog: Backlog
    ) -> None:
        lag = "outbox_lag_seconds"
        await station.leave("nowhere", "1")
        await station.change(due_at=func.now() - timedelta(minutes=5))

        await relay.relay_due()
        await backlog.read()
        waiting = seen.value(lag, destination="nowhere") or 0
        await station.change(due_at=func.now() + timedelta(minutes=5))
        await backlog.read()

        assert waiting >= 300
        assert gauges(seen)[:2] == [0, 0]
        assert seen.value(lag, destination="nowhere") == 0

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

        assert seen.value("outbox_relayed_total", destination=TASKS) == 1
