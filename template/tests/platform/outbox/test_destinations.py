import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import Connection, delete, event, text

from app.platform.database import DatabaseSettings
from app.platform.outbox.models import TASKS, OutboxMessage, QuarantinedMessage
from app.platform.outbox.outbox import Outbox
from app.platform.outbox.quarantine import Quarantine, Selection
from app.platform.outbox.relay import Publisher, Relay
from tests.platform.outbox.publishers import HASTY, Band, Stream, relaying
from tests.platform.outbox.station import Played, Posted, Station
from tests.platform.outbox.test_relay import Carrier

FILL = """
INSERT INTO outbox (id, destination, name, key, payload, headers, due_at)
SELECT gen_random_uuid(), :destination, 'x',
       CAST(:key AS text) || number % CAST(:keys AS int), '{}', '{}',
       now() + CAST(CAST(:due AS text) AS interval)
FROM generate_series(1, 100000) AS number
"""


class TestDestination:
    @pytest.mark.parametrize("stuck", ["down", "hangs"])
    async def test_that_is_stuck_holds_up_no_other(
        self,
        station: Station,
        stream: Stream,
        database_settings: DatabaseSettings,
        stuck: str,
    ) -> None:
        other, carrier = Stream(), Carrier()
        setattr(stream, stuck, True)
        await station.leave("stuck", *"123456789")
        publishers: dict[str, Publisher] = {
            "stuck": stream,
            "other": other,
            TASKS: carrier,
        }

        async with relaying(station, database_settings, publishers):
            await stream.until(lambda: stream.attempts > 1)
            await station.leave("other", *"123456789")
            message_id = await station.post(Posted())
            await other.until(lambda: len(other.published[None]) == 9)
            async with asyncio.timeout(30):
                await carrier.used.wait()
            held = dict(stream.published)
            setattr(stream, stuck, False)
            await stream.until(lambda: len(stream.published[None]) == 9)

        assert held == {}
        assert carrier.sent == [message_id]
        assert sorted(stream.published[None]) == list("123456789")

    async def test_that_nobody_serves_keeps_its_messages(
        self, station: Station, stream: Stream
    ) -> None:
        [message_id] = await station.leave("nowhere", "1")

        relayed = await Relay(station.database, {"s": stream}, HASTY).relay_due("s")

        message = await station.get(OutboxMessage, message_id)
        assert (relayed, message.sent) == (0, False)

    async def test_that_took_a_message_ends_it(
        self, station: Station, stream: Stream
    ) -> None:
        await station.leave("s", "1", "2")

        await Relay(station.database, {"s": stream}, HASTY).relay_due("s")

        assert sorted(stream.published[None]) == ["1", "2"]
        assert await station.count(OutboxMessage) == 0


class TestPoison:
    """A message that a destination can never take."""

    @pytest.mark.parametrize("final", [True, False])
    async def test_goes_into_quarantine_and_the_others_on(
        self, station: Station, stream: Stream, final: bool
    ) -> None:
        stream.refused, stream.final = {"2"}, final
        _, poison, *_ = [
            (await station.leave("s", name, key=key))[0]
            for name, key in [("1", "a"), ("2", "a"), ("3", "a"), ("4", None)]
        ]
        relay = Relay(station.database, {"s": stream}, HASTY)

        for _ in range(4):
            await relay.relay_due("s")
            if not final:
                await end_sent(station)

        [confined] = await confined_in(station)
        assert stream.published == {"a": ["1", "3"], None: ["4"]}
        assert (confined.id, confined.error) == (poison, "It is too long.")
        assert (confined.destination, confined.key) == ("s", "a")
        assert await station.count(OutboxMessage) == 0

    async def test_is_published_once_it_is_released(
        self, station: Station, stream: Stream
    ) -> None:
        stream.refused = {"1"}
        await station.leave("s", "1", key="a")
        relay = Relay(station.database, {"s": stream}, HASTY)
        await relay.relay_due("s")

        stream.refused.clear()
        async with station.database.unit_of_work() as unit:
            await Quarantine(unit.session).release(Selection(), limit=10)
        await relay.relay_due("s")

        assert stream.published == {"a": ["1"]}
        assert await confined_in(station) == []


async def end_sent(station: Station) -> None:
    """Do what those do who receive messages that are not over when they are sent."""
    async with station.database.unit_of_work() as unit:
        await unit.session.execute(delete(OutboxMessage).where(OutboxMessage.sent))


async def confined_in(station: Station) -> Sequence[QuarantinedMessage]:
    async with station.database.unit_of_work() as unit:
        return await Quarantine(unit.session).list_of(Selection(), limit=10)


class TestKey:
    async def test_keeps_its_order_whatever_fails_and_however_many_relays_there_are(
        self, station: Station, stream: Stream, database_settings: DatabaseSettings
    ) -> None:
        keys, numbers = "abcd", [str(number) for number in range(12)]
        stream.flaky = 3
        for number in numbers:
            for key in keys:
                await station.leave("s", number, key=key)

        async with relaying(station, database_settings, {"s": stream}, relays=2):
            last = numbers[-1]
            await stream.until(lambda: all(last in stream.published[k] for k in keys))

        for key in keys:
            # What is published again comes before anything that follows it.
            assert sorted(stream.published[key], key=int) == stream.published[key]
            assert list(dict.fromkeys(stream.published[key])) == numbers

    async def test_of_another_destination_waits_for_nothing(
        self, station: Station, stream: Stream
    ) -> None:
        await station.leave("stuck", "1", key="a")
        await station.leave("s", "2", key="a")

        await Relay(station.database, {"s": stream}, HASTY).relay_due("s")

        assert stream.published == {"a": ["2"]}

    async def test_lets_a_task_wait_until_the_one_before_it_is_done(
        self, station: Station
    ) -> None:
        relay = station.relay(carrier := Carrier())
        first, second = await station.leave("tasks", *["post.deliver"] * 2, key="a")
        await relay.relay_due()
        await relay.relay_due()
        before = list(carrier.sent)

        await station.worker().handle(first)
        await relay.relay_due()

        assert before == [first]
        assert carrier.sent == [first, second]

    async def test_that_a_task_declares_keeps_the_order_of_its_events(
        self, station: Station, database_settings: DatabaseSettings
    ) -> None:
        band = Band(station, workers=3)
        for number in range(4):
            for key in "abc":
                await station.post(Played(key=key, number=number))

        async with relaying(station, database_settings, {TASKS: band}, relays=2):
            async with asyncio.timeout(60):
                while await station.count(OutboxMessage):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        await band.end()

        for key in "abc":
            # The second of each key failed once.
            played = [number for name, number in station.played if name == key]
            assert played == [0, 1, 1, 2, 3]

    async def test_goes_on_when_its_first_message_is_given_up(
        self, station: Station
    ) -> None:
        relay = station.relay(carrier := Carrier())
        first, second = await station.leave("tasks", *["post.deliver"] * 2, key="a")
        await relay.relay_due()
        before = list(carrier.sent)

        async with station.database.unit_of_work() as unit:
            await unit.session.execute(
                text("DELETE FROM outbox WHERE id = :id"), {"id": first}
            )
        await relay.relay_due()

        assert before == [first]
        assert carrier.sent == [first, second]

    async def test_does_not_miss_that_the_one_before_goes_at_this_moment(
        self, station: Station
    ) -> None:
        relay = station.relay(carrier := Carrier())
        async with station.database.unit_of_work() as other:
            [first] = await station.leave("tasks", "post.deliver", key="a")
            await Outbox(other.session).remove(first)
            [second] = await station.leave("tasks", "post.deliver", key="a")
            await relay.relay_due()
            before = list(carrier.sent)

        await relay.relay_due()

        assert before == []
        assert carrier.sent == [second]


class TestClaim:
    """Of many messages; the plan is the one of the statement that is sent."""

    @pytest.mark.parametrize(
        "others",
        [
            {"destination": "s", "key": None, "keys": 1, "due": "1 hour"},
            {"destination": "s", "key": "a", "keys": 100_000, "due": "1 hour"},
            {"destination": "s", "key": "a", "keys": 100_000, "due": "0"},
            {"destination": "stuck", "key": None, "keys": 1, "due": "0"},
            {"destination": "stuck", "key": "a", "keys": 10, "due": "0"},
            {"destination": "s", "key": "a", "keys": 1, "due": "0"},
        ],
    )
    async def test_reads_no_more_than_it_takes(
        self, station: Station, stream: Stream, others: dict[str, Any]
    ) -> None:
        async with station.database.unit_of_work() as unit:
            await unit.session.execute(text(FILL), others)
            await unit.session.execute(text("ANALYZE outbox"))
        for key in "vwxyz":
            await station.leave("s", "1", key=key)

        plans = await _plans_of_claim(station, stream)

        assert plans
        for plan in plans:
            assert "Seq Scan" not in {node["Node Type"] for node in _nodes(plan)}
            assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 1000


async def _plans_of_claim(station: Station, stream: Stream) -> list[dict[str, Any]]:
    claims: list[tuple[str, Any]] = []

    def remember(
        _: Connection, __: object, statement: str, values: Any, *___: Any
    ) -> None:
        if "SKIP LOCKED" in statement:
            claims.append((statement, values))

    pool = station.database.pools[0].sync_engine
    event.listen(pool, "before_cursor_execute", remember)
    try:
        assert await Relay(station.database, {"s": stream}, HASTY).relay_due("s") == 3
    finally:
        event.remove(pool, "before_cursor_execute", remember)
    return [await _plan(station, *claim) for claim in claims]


async def _plan(station: Station, statement: str, values: Any) -> dict[str, Any]:
    async with station.database.unit_of_work() as unit:
        connection = await unit.session.connection()
        explained = await connection.exec_driver_sql(
            f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", values
        )
        plan: dict[str, Any] = explained.scalar_one()[0]["Plan"]
        return plan


def _nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    below = [node for each in plan.get("Plans", ()) for node in _nodes(each)]
    return [plan, *below]
