"""Webhooks over HTTP: parse, delegate, render."""

from datetime import timedelta
from uuid import UUID

from fastapi import status

from app.modules.webhooks.dependencies import (
    PublishedDep,
    WebhookReaderDep,
    WebhookServiceDep,
)
from app.modules.webhooks.errors import (
    DeliveryNotFound,
    EventUnknown,
    SubscriptionNotFound,
    SubscriptionOff,
    TooManySubscriptions,
)
from app.modules.webhooks.schemas import (
    DeliveryRead,
    PublishedRead,
    Replayed,
    ReplayRequest,
    Rotation,
    Secret,
    Status,
    SubscriptionDraft,
    SubscriptionMade,
    SubscriptionRead,
)
from app.platform.web.paging import InvalidCursor, PageDep, PageRead
from app.platform.web.problems import problems
from app.platform.web.routing import OWNER, Policy, Rate, Router
from app.platform.webhooks import ReceiverRefused

router = Router(prefix="/webhooks", tags=["webhooks"], policy=Policy(access=OWNER))

# Each asks others something: where a host is, or to take a delivery.
ASKING = Policy(rate=Rate("webhooks", limit=60))
ONE = "/subscriptions/{subscription_id}"


@router.get("/events")
async def list_events(published: PublishedDep) -> list[PublishedRead]:
    """List the events that can be subscribed to."""
    return [
        PublishedRead(
            name=each.name,
            description=each.payload.__doc__ or "",
            payload=each.payload.model_json_schema(),
        )
        for each in published
    ]


@router.post(
    "/subscriptions",
    status_code=status.HTTP_201_CREATED,
    responses=problems(EventUnknown, ReceiverRefused, TooManySubscriptions),
    policy=ASKING,
)
async def subscribe(
    draft: SubscriptionDraft, webhooks: WebhookServiceDep, published: PublishedDep
) -> SubscriptionMade:
    """Have events sent to a URL. The secret that verifies them is shown this once."""
    made, secret = await webhooks.subscribe(draft, published)
    shown = SubscriptionRead.model_validate(made)
    return SubscriptionMade(**shown.model_dump(), secret=secret)


@router.get("/subscriptions", responses=problems(InvalidCursor))
async def list_subscriptions(
    page: PageDep, webhooks: WebhookReaderDep
) -> PageRead[SubscriptionRead]:
    """List one's subscriptions, newest first."""
    found = await webhooks.list_of(after=page.after, limit=page.limit)
    return PageRead[SubscriptionRead].of(found.map(SubscriptionRead.model_validate))


@router.get(ONE, responses=problems(SubscriptionNotFound))
async def get_subscription(
    subscription_id: UUID, webhooks: WebhookReaderDep
) -> SubscriptionRead:
    """Get a subscription."""
    return SubscriptionRead.model_validate(await webhooks.get(subscription_id))


@router.put(
    ONE,
    responses=problems(SubscriptionNotFound, EventUnknown, ReceiverRefused),
    policy=ASKING,
)
async def replace_subscription(
    subscription_id: UUID,
    draft: SubscriptionDraft,
    webhooks: WebhookServiceDep,
    published: PublishedDep,
) -> SubscriptionRead:
    """Replace a subscription, enable or disable it. Its secret stays."""
    replaced = await webhooks.replace(subscription_id, draft, published)
    return SubscriptionRead.model_validate(replaced)


@router.delete(
    ONE,
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problems(SubscriptionNotFound),
)
async def remove_subscription(
    subscription_id: UUID, webhooks: WebhookServiceDep
) -> None:
    """Remove a subscription: nothing more is sent."""
    await webhooks.remove(subscription_id)


@router.post(f"{ONE}/secret", responses=problems(SubscriptionNotFound))
async def rotate_secret(
    subscription_id: UUID, rotation: Rotation, webhooks: WebhookServiceDep
) -> Secret:
    """Make a new secret, shown this once. The one before signs, too, for a while."""
    overlap = timedelta(hours=rotation.overlap_hours)
    return Secret(secret=await webhooks.rotate(subscription_id, overlap))


@router.post(
    f"{ONE}/ping",
    status_code=status.HTTP_202_ACCEPTED,
    responses=problems(SubscriptionNotFound, SubscriptionOff),
    policy=ASKING,
)
async def ping(subscription_id: UUID, webhooks: WebhookServiceDep) -> DeliveryRead:
    """Have a `webhook.ping` sent, as a test."""
    return DeliveryRead.model_validate(await webhooks.ping(subscription_id))


@router.get(
    f"{ONE}/deliveries", responses=problems(SubscriptionNotFound, InvalidCursor)
)
async def list_deliveries(
    subscription_id: UUID,
    page: PageDep,
    webhooks: WebhookReaderDep,
    status: Status | None = None,
) -> PageRead[DeliveryRead]:
    """List the deliveries of a subscription, newest first: all, or of one status."""
    found = await webhooks.deliveries_of(
        subscription_id, status, after=page.after, limit=page.limit
    )
    return PageRead[DeliveryRead].of(found.map(DeliveryRead.model_validate))


@router.post(
    f"{ONE}/replays",
    status_code=status.HTTP_202_ACCEPTED,
    responses=problems(SubscriptionNotFound, SubscriptionOff),
    policy=ASKING,
)
async def replay_failed_deliveries(
    subscription_id: UUID, request: ReplayRequest, webhooks: WebhookServiceDep
) -> Replayed:
    """Send again what has failed since a time."""
    again = await webhooks.replay_failed(subscription_id, request.since)
    return Replayed(deliveries=again)


@router.get("/deliveries/{delivery_id}", responses=problems(DeliveryNotFound))
async def get_delivery(delivery_id: UUID, webhooks: WebhookReaderDep) -> DeliveryRead:
    """Get a delivery, with what was sent."""
    return DeliveryRead.model_validate(await webhooks.delivery(delivery_id))


@router.post(
    "/deliveries/{delivery_id}/replays",
    status_code=status.HTTP_202_ACCEPTED,
    responses=problems(DeliveryNotFound, SubscriptionNotFound, SubscriptionOff),
    policy=ASKING,
)
async def replay_delivery(
    delivery_id: UUID, webhooks: WebhookServiceDep
) -> DeliveryRead:
    """Send a delivery again, with the same `webhook-id`."""
    return DeliveryRead.model_validate(await webhooks.replay(delivery_id))
