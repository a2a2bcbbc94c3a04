from collections.abc import Mapping

from opentelemetry.sdk.trace import ReadableSpan

from app.platform.observability import context
from tests.fixtures.metrics import PARENT, Seen
from tests.platform.outbox.station import Posted, Station
from tests.platform.outbox.test_relay import Carrier

MINE = {"create outbox", "send post.deliver", "process post.deliver"}


async def relay_and_handle(seen: Seen, station: Station) -> None:
    """Do it as two other processes would: they know nothing of the request."""
    carrier = Carrier()
    relay = station.relay(carrier)
    worker = station.worker()
    seen.watch(relay)
    seen.watch(worker)
    await relay.relay_due()
    for message_id in carrier.sent:
        await worker.handle(message_id)


class TestMessage:
    async def test_stays_in_the_trace_of_whoever_caused_it(
        self, seen: Seen, station: Station
    ) -> None:
        seen.watch(station.database)

        with context.resume({"traceparent": PARENT}):
            await station.post(Posted())
        await relay_and_handle(seen, station)

        spans = {span.name: span for span in seen.spans() if span.name in MINE}
        assert spans.keys() == MINE
        assert {_trace(span) for span in seen.spans()} == {PARENT.split("-")[1]}
        assert _parents(spans) == {
            "create outbox": None,
            "send post.deliver": "create outbox",
            "process post.deliver": "create outbox",
        }
        assert {"INSERT outbox", "DELETE outbox"} <= set(seen.names())

    async def test_leaves_no_trace_if_nobody_looks(
        self, seen: Seen, station: Station
    ) -> None:
        seen.watch(station.database)

        with context.resume({"traceparent": PARENT.removesuffix("01") + "00"}):
            await station.post(Posted())
        await relay_and_handle(seen, station)

        assert seen.spans() == []

    async def test_that_fails_leaves_no_words(
        self, seen: Seen, station: Station
    ) -> None:
        seen.watch(station.database)

        with context.resume({"traceparent": PARENT}):
            await station.post(Posted(fails=1))
        await relay_and_handle(seen, station)

        assert seen.attributes("process post.deliver")["task.outcome"] == "retried"
        assert "barked" not in seen.text()


def _trace(span: ReadableSpan) -> str:
    assert span.context is not None
    return f"{span.context.trace_id:032x}"


def _parents(spans: Mapping[str, ReadableSpan]) -> dict[str, str | None]:
    names = {span.context.span_id: name for name, span in spans.items() if span.context}
    return {
        name: names.get(span.parent.span_id) if span.parent else None
        for name, span in spans.items()
    }
