"""Attempts are counted by how they end, whoever the receiver is."""

from app.platform.webhooks import WebhookSender
from tests.fixtures.metrics import Seen
from tests.fixtures.third_party import Stub, answer, drop, hang
from tests.platform.webhooks.conftest import HEADERS

COUNT = "webhook_attempt_duration_seconds_count"


class TestAttempts:
    async def test_are_counted_by_outcome(
        self, seen: Seen, sender: WebhookSender, stub: Stub
    ) -> None:
        seen.watch(sender)
        stub.script = [answer(), answer(204), answer(500), drop, hang]

        for _ in range(5):
            await sender.send(stub.url, HEADERS, b"{}")
        await sender.send("http://169.254.169.254/", HEADERS, b"{}")

        outcomes = "accepted", "rejected", "no_answer", "timed_out", "refused"
        counted = {each: seen.value(COUNT, outcome=each) for each in outcomes}
        assert counted == dict(zip(outcomes, [2, 1, 1, 1, 1], strict=True))
