"""What can be done with subscriptions; when a delivery is sent, again or no more."""

import json
import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from app.modules.webhooks.errors import (
    EventUnknown,
    SubscriptionOff,
    TooManySubscriptions,
)
from app.modules.webhooks.events import DeliveryDue, Published, SubscriptionDisabled
from app.modules.webhooks.models import PENDING, Delivery, Subscription
from app.modules.webhooks.repository import DeliveryRepository, SubscriptionRepository
from app.modules.webhooks.schemas import SubscriptionDraft
from app.platform.database import Page, Position, UnitOfWork
from app.platform.events import Event
from app.platform.observability import context
from app.platform.webhooks import Answer, WebhookSender, WebhooksSettings

# The pauses between attempts: some 32 hours, as Standard Webhooks suggests.
PAUSES = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 300, 1800, 7200, 18_000, 36_000, 50_400)
)
# Whoever lets a worker wait for nothing is asked so often, however much there is.
LONGEST_HOLD = timedelta(minutes=5)
KEPT_ATTEMPTS = 20
GONE = 410
PING = "webhook.ping"


class WebhookReader:
    """Finds subscriptions, and what became of deliveries."""

    def __init__(
        self, subscriptions: SubscriptionRepository, deliveries: DeliveryRepository
    ) -> None:
        self._subscriptions = subscriptions
        self._deliveries = deliveries

    async def list_of(
        self, *, after: Position | None, limit: int
    ) -> Page[Subscription]:
        return await self._subscriptions.list_of(after=after, limit=limit)

    async def get(self, subscription_id: UUID) -> Subscription:
        return await self._subscriptions.get(subscription_id)

    async def deliveries_of(
        self,
        subscription_id: UUID,
        status: str | None,
        *,
        after: Position | None,
        limit: int,
    ) -> Page[Delivery]:
        await self._subscriptions.get(subscription_id)
        return await self._deliveries.list_of(
            subscription_id, status, after=after, limit=limit
        )

    async def delivery(self, delivery_id: UUID) -> Delivery:
        return await self._deliveries.get(delivery_id)


class _Webhooks:
    """What those who change something share. None commits: who opened the unit does."""

    def __init__(
        self, unit: UnitOfWork, sender: WebhookSender, settings: WebhooksSettings
    ) -> None:
        self._unit = unit
        self._subscriptions = SubscriptionRepository(unit.session)
        self._deliveries = DeliveryRepository(unit.session)
        self._sender = sender
        self._settings = settings
        self._failing_for = timedelta(days=settings.failing_days)

    async def _post(
        self, subscription: Subscription, name: str, data: Mapping[str, Any]
    ) -> Delivery:
        now = datetime.now(UTC).isoformat()
        body = json.dumps({"type": name, "timestamp": now, "data": data})
        delivery = Delivery(subscription_id=subscription.id, event=name, body=body)
        delivery.owner_id = subscription.owner_id
        await self._deliveries.add(delivery)
        self._unit.record(due(delivery))
        return delivery


class WebhookService(_Webhooks):
    """Keeps subscriptions for their owners."""

    async def subscribe(
        self, draft: SubscriptionDraft, published: Sequence[Published]
    ) -> tuple[Subscription, str]:
        """Give the secret along: nobody is shown it again."""
        await self._judge(draft, published)
        most = self._settings.subscriptions_per_owner
        if await self._subscriptions.count_of(context.caller().id) >= most:
            raise TooManySubscriptions(most)
        made = await self._subscriptions.add(
            Subscription(
                **draft.model_dump(exclude={"enabled"}),
                disabled_because=None if draft.enabled else "owner",
            )
        )
        return made, self._secret_of(made)

    async def replace(
        self,
        subscription_id: UUID,
        draft: SubscriptionDraft,
        published: Sequence[Published],
    ) -> Subscription:
        await self._judge(draft, published)
        found = await self._subscriptions.get(subscription_id)
        for name, value in draft.model_dump(exclude={"enabled"}).items():
            setattr(found, name, value)
        if not draft.enabled:
            await self._subscriptions.disable(found, "owner")
        elif not found.enabled:
            found.disabled_because = None
            await self._subscriptions.note_success(found)
        await self._subscriptions.save(found)
        return found

    async def rotate(self, subscription_id: UUID, overlap: timedelta) -> str:
        found = await self._subscriptions.get(subscription_id)
        await self._subscriptions.rotate(found, overlap=overlap)
        return self._secret_of(found)

    async def remove(self, subscription_id: UUID) -> None:
        found = await self._subscriptions.get(subscription_id)
        await self._subscriptions.retire(found)

    async def ping(self, subscription_id: UUID) -> Delivery:
        return await self._post(await self._enabled(subscription_id), PING, {})

    async def replay(self, delivery_id: UUID) -> Delivery:
        """Send it again, under the same id, unless it is on its way."""
        found = await self._deliveries.get(delivery_id)
        await self._enabled(found.subscription_id)
        if found.status != PENDING or found.due_at is not None:
            await self._deliveries.begin_anew(found)
            self._unit.record(due(found))
        return found

    async def replay_failed(self, subscription_id: UUID, since: datetime) -> int:
        await self._enabled(subscription_id)
        return await self._deliveries.begin_failed_anew(subscription_id, since)

    async def _judge(
        self, draft: SubscriptionDraft, published: Sequence[Published]
    ) -> None:
        """Before the first statement: no transaction is open while a host is sought."""
        names = {each.name for each in published}
        for name in draft.events:
            if name not in names:
                raise EventUnknown(name)
        await self._sender.judge(draft.url)

    async def _enabled(self, subscription_id: UUID) -> Subscription:
        found = await self._subscriptions.get(subscription_id)
        if found.disabled_because is not None:
            raise SubscriptionOff(found.disabled_because)
        return found

    def _secret_of(self, subscription: Subscription) -> str:
        number = subscription.secret_number
        return self._sender.secrets.of(subscription.id, number)


def due(delivery: Delivery) -> DeliveryDue:
    return DeliveryDue(
        delivery_id=delivery.id,
        subscription_id=delivery.subscription_id,
        made=delivery.made,
    )


class Parcel(NamedTuple):
    """What is to be sent, and where."""

    url: str
    headers: Mapping[str, str]
    body: bytes


class Courier(_Webhooks):
    """Makes deliveries of events, and decides what follows from each attempt."""

    async def publish(self, published: Published, event: Event) -> None:
        """Make one for each subscription of whose event it is, and of nobody else."""
        owner, data = published.owner(event), published.data(event)
        # Whoever caused it need not be its owner: from here on the service acts.
        context.identify(context.SERVICE)
        for each in await self._subscriptions.interested(owner, published.name):
            await self._post(each, published.name, data)

    async def prepare(self, event: DeliveryDue) -> Parcel | None:
        """Sign it anew; None if no attempt is to be made now."""
        delivery, subscription = await self._find(event)
        if delivery is None or subscription is None:
            return None
        now = datetime.now(UTC)
        if subscription.held_until is not None and subscription.held_until > now:
            await self._deliveries.wait_for(delivery, subscription.held_until)
            return None
        number, until = subscription.secret_number, subscription.previous_until
        body = delivery.body.encode()
        headers = self._sender.secrets.headers(
            delivery.message_id,
            int(now.timestamp()),
            body,
            subscription_id=subscription.id,
            numbers=(number, number - 1) if until and until > now else (number,),
        )
        return Parcel(subscription.url, headers, body)

    async def conclude(self, event: DeliveryDue, answer: Answer) -> None:
        """Note an attempt, and decide what follows from it."""
        delivery, subscription = await self._find(event)
        if delivery is None or subscription is None:
            return
        _note(delivery, answer)
        if answer.accepts:
            await self._deliveries.end(delivery, delivered=True)
            await self._subscriptions.note_success(subscription)
            return
        now = datetime.now(UTC)
        since = subscription.failing_since = subscription.failing_since or now
        await self._plan(delivery, answer)
        if answer.is_busy:
            # Each hold is as long as it has failed: they double.
            hold = min(max(now - since, PAUSES[0]), LONGEST_HOLD)
            await self._subscriptions.hold(subscription, max(hold, _asked(answer)))
        if answer.status == GONE:
            await self._disable(subscription, "gone")
        elif since < now - self._failing_for:
            await self._disable(subscription, "failing")

    async def _plan(self, delivery: Delivery, answer: Answer) -> None:
        if delivery.made > len(PAUSES):
            await self._deliveries.end(delivery, delivered=False)
            return
        pause = max(PAUSES[delivery.made - 1], _asked(answer))
        # Never in step with others.
        spread = random.uniform(1, 1.1)  # noqa: S311
        await self._deliveries.postpone(delivery, pause * spread)

    async def _disable(self, subscription: Subscription, reason: str) -> None:
        await self._subscriptions.disable(subscription, reason)
        self._unit.record(
            SubscriptionDisabled(
                subscription_id=subscription.id,
                owner_id=subscription.owner_id,
                reason=reason,
            )
        )

    async def _find(
        self, event: DeliveryDue
    ) -> tuple[Delivery | None, Subscription | None]:
        """Find both, unless the delivery is over or another attempt was made since."""
        delivery = await self._deliveries.find(event.delivery_id)
        waits = delivery is not None and delivery.status == PENDING
        if delivery is None or not waits or delivery.made != event.made:
            return None, None
        return delivery, await self._subscriptions.find(event.subscription_id)


def _asked(answer: Answer) -> timedelta:
    return timedelta(seconds=answer.retry_after_seconds if answer.is_busy else 0)


def _note(delivery: Delivery, answer: Answer) -> None:
    noted = {
        "at": datetime.now(UTC).isoformat(),
        "status": answer.status,
        "error": answer.error,
        "milliseconds": answer.milliseconds,
    }
    delivery.attempts = [*delivery.attempts, noted][-KEPT_ATTEMPTS:]
    delivery.made += 1
