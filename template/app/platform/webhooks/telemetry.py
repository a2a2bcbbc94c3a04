"""How long receivers take, and what they answer."""

from collections.abc import Mapping

from prometheus_client import Histogram

from app.platform.telemetry.metrics import SECONDS, Metrics
from app.platform.telemetry.tracing import Watching
from app.platform.webhooks.sender import Answer, WebhookSender


def watch(part: object, telemetry: Watching) -> None:
    """Measure the part."""
    if isinstance(part, WebhookSender):
        part.send = MeasuredSends(part, telemetry.metrics)


class MeasuredSends:
    """Does what a sender does for one attempt, and takes the time."""

    def __init__(self, sender: WebhookSender, metrics: Metrics) -> None:
        self._send = sender.send
        self._duration = Histogram(
            "webhook_attempt_duration_seconds",
            "One attempt at a delivery: accepted, rejected, or why there is no answer.",
            ["outcome"],
            buckets=SECONDS,
            registry=metrics.registry,
        )

    async def __call__(
        self, url: str, headers: Mapping[str, str], body: bytes
    ) -> Answer:
        answer = await self._send(url, headers, body)
        said = "accepted" if answer.accepts else "rejected"
        outcome = (answer.error or said).replace(" ", "_")
        self._duration.labels(outcome).observe(answer.milliseconds / 1000)
        return answer
