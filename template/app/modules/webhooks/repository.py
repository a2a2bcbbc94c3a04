"""Where subscriptions and deliveries are kept. The only file that speaks SQL here."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select, update

from app.modules.webhooks.errors import DeliveryNotFound, SubscriptionNotFound
from app.modules.webhooks.models import (
    DELIVERED,
    FAILED,
    PENDING,
    Delivery,
    Subscription,
)
from app.platform.database import Page, Position, Repository
from app.platform.database.postgresql import from_now, take_and_update


class SubscriptionRepository(Repository[Subscription]):
    model = Subscription
    not_found = SubscriptionNotFound

    async def list_of(
        self, *, after: Position | None, limit: int
    ) -> Page[Subscription]:
        return await self.page(select(Subscription), after=after, limit=limit)

    async def count_of(self, owner_id: str) -> int:
        query = select(func.count(Subscription.id))
        mine = query.where(Subscription.owner_id == owner_id)
        return await self.session.scalar(mine) or 0

    async def interested(self, owner_id: str, event: str) -> Sequence[Subscription]:
        query = select(Subscription).where(
            Subscription.owner_id == owner_id,
            Subscription.disabled_because.is_(None),
            Subscription.events.contains([event]),
        )
        return await self.all(query)

    async def rotate(self, row: Subscription, *, overlap: timedelta) -> None:
        row.secret_number += 1
        row.previous_until = from_now(overlap)
        await self.save(row)

    async def hold(self, row: Subscription, delay: timedelta) -> None:
        row.held_until = from_now(delay)
        await self.save(row)

    async def note_success(self, row: Subscription) -> None:
        row.failing_since = row.held_until = None
        await self.save(row)

    async def disable(self, row: Subscription, reason: str) -> None:
        row.disabled_because = reason
        await self.save(row)
        await self._end_deliveries(row)

    async def retire(self, row: Subscription) -> None:
        """Hide it; what became of its deliveries stays for a while."""
        row.deleted_at = func.now()
        await self.save(row)
        await self._end_deliveries(row)

    async def _end_deliveries(self, row: Subscription) -> None:
        ended = update(Delivery).where(
            Delivery.subscription_id == row.id, Delivery.status == PENDING
        )
        await self.session.execute(ended.values(status=FAILED, due_at=None))


class DeliveryRepository(Repository[Delivery]):
    model = Delivery
    not_found = DeliveryNotFound

    async def list_of(
        self,
        subscription_id: UUID,
        status: str | None,
        *,
        after: Position | None,
        limit: int,
    ) -> Page[Delivery]:
        query = select(Delivery).where(Delivery.subscription_id == subscription_id)
        if status is not None:
            query = query.where(Delivery.status == status)
        return await self.page(query, after=after, limit=limit)

    async def take_due(self, *, limit: int) -> Sequence[tuple[UUID, UUID, int]]:
        """Give those whose time has come, once; none of a receiver that is held."""
        held = select(Subscription.id).where(Subscription.held_until > func.now())
        due = (
            select(Delivery)
            .where(Delivery.due_at <= func.now(), Delivery.subscription_id.not_in(held))
            .order_by(Delivery.due_at)
            .limit(limit)
        )
        columns = Delivery.id, Delivery.subscription_id, Delivery.made
        taken = await take_and_update(self.session, due, {"due_at": None}, *columns)
        return [(row.id, row.subscription_id, row.made) for row in taken]

    async def postpone(self, row: Delivery, delay: timedelta) -> None:
        row.due_at = from_now(delay)
        await self.save(row)

    async def wait_for(self, row: Delivery, until: datetime) -> None:
        row.due_at = until
        await self.save(row)

    async def begin_anew(self, row: Delivery) -> None:
        row.status, row.made, row.due_at = PENDING, 0, None
        await self.save(row)

    async def begin_failed_anew(self, subscription_id: UUID, since: datetime) -> int:
        failed = update(Delivery).where(
            Delivery.subscription_id == subscription_id,
            Delivery.status == FAILED,
            Delivery.created_at >= since,
        )
        again = failed.values(status=PENDING, made=0, due_at=func.now())
        return len((await self.session.scalars(again.returning(Delivery.id))).all())

    async def end(self, row: Delivery, *, delivered: bool) -> None:
        row.status, row.due_at = DELIVERED if delivered else FAILED, None
        await self.save(row)
