"""Sending what is due, now or hours later, and what is forgotten with time."""

from datetime import timedelta
from typing import Any, Protocol

import structlog

from app.modules.webhooks.events import (
    DeliveryDue,
    Published,
    SubscriptionDisabled,
)
from app.modules.webhooks.models import Delivery
from app.modules.webhooks.published import PUBLISHED
from app.modules.webhooks.repository import DeliveryRepository, SubscriptionRepository
from app.modules.webhooks.service import Courier
from app.platform.database import Database, UnitOfWork
from app.platform.database.database import purge
from app.platform.events import Event
from app.platform.mail import Mail, Mailer
from app.platform.tasks import TaskRouter, Tick
from app.platform.webhooks import WebhookSender

log = structlog.get_logger(__name__)
tasks = TaskRouter("webhooks")

# Of those whose time has come, so many are taken up at a time.
MOST = 500
REASONS = {"gone": "it answered 410", "failing": "all deliveries failed for days"}


class Ports(Protocol):
    """The ports these tasks need."""

    @property
    def settings(self) -> Any: ...

    @property
    def database(self) -> Database: ...

    @property
    def webhooks(self) -> WebhookSender: ...

    @property
    def mail(self) -> Mailer: ...


def publish(router: TaskRouter, *published: Published) -> None:
    """Have each such event delivered to who has subscribed to it."""
    for each in published:
        router.on(each.event)(_publishing(each))


def _publishing(published: Published) -> Any:
    async def publish_event(event: Event, unit: UnitOfWork, ports: Ports) -> None:
        await _courier(unit, ports).publish(published, event)

    publish_event.__name__ = f"publish_{published.name}"
    return publish_event


publish(tasks, *PUBLISHED)


@tasks.on(DeliveryDue, key=lambda event: f"webhooks-{event.subscription_id}")
async def deliver(event: DeliveryDue, unit: UnitOfWork, ports: Ports) -> None:
    """
    Make an attempt, and note what came of it.

    Read, call, write: no transaction is open while the receiver takes its time. Of a
    subscription one attempt is made at a time, so that a slow one takes one worker at
    most. The process may die between the answer and the commit: then it is sent
    again, with the same webhook-id.
    """
    async with ports.database.unit_of_work() as reading:
        parcel = await _courier(reading, ports).prepare(event)
    if parcel is not None:
        answer = await ports.webhooks.send(*parcel)
        log.info(
            "webhook.attempted",
            delivery_id=str(event.delivery_id),
            status=answer.status,
            error=answer.error,
        )
        await _courier(unit, ports).conclude(event, answer)


@tasks.every(timedelta(seconds=15), timeout=timedelta(seconds=10))
async def send_again(_: Tick, unit: UnitOfWork, __: Ports) -> None:
    """Have an attempt made for each delivery whose time has come."""
    for delivery_id, subscription_id, made in await DeliveryRepository(
        unit.session
    ).take_due(limit=MOST):
        unit.record(
            DeliveryDue(
                delivery_id=delivery_id, subscription_id=subscription_id, made=made
            )
        )


@tasks.on(SubscriptionDisabled)
async def tell_owner(
    event: SubscriptionDisabled, unit: UnitOfWork, ports: Ports
) -> None:
    found = await SubscriptionRepository(unit.session).find(event.subscription_id)
    log.warning(
        "webhook.disabled",
        subscription_id=str(event.subscription_id),
        reason=event.reason,
    )
    if found is not None and found.contact is not None:
        why = REASONS.get(event.reason, event.reason)
        await ports.mail.send(
            Mail(
                to=found.contact,
                subject="A webhook subscription is disabled",
                text=f"Nothing is sent to {found.url} any more: {why}.\n"
                f"Enable subscription {found.id} when the receiver is back.\n",
                key=f"webhook-disabled-{found.id}-{event.reason}",
            )
        )


@tasks.every(timedelta(hours=1))
async def purge_deliveries(_: Tick, __: UnitOfWork, ports: Ports) -> None:
    kept = timedelta(days=ports.settings.webhooks.retention_days)
    purged = await purge(ports.database, Delivery.created_at, older_than=kept)
    log.info("webhook.purged", deliveries=purged)


def _courier(unit: UnitOfWork, ports: Ports) -> Courier:
    return Courier(unit, ports.webhooks, ports.settings.webhooks)
