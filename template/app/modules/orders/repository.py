"""Where orders are kept. The only file of the module that speaks SQL."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm.attributes import set_committed_value

from app.modules.orders.errors import OrderAlreadyPlaced, OrderNotFound
from app.modules.orders.models import Confirmation, Order
from app.modules.orders.schemas import Spending
from app.platform.database import Page, Position, Repository
from app.platform.errors import DomainError


class OrderRepository(Repository[Order]):
    model = Order
    not_found = OrderNotFound
    eager = (Order.confirmation,)

    async def add(self, row: Order) -> Order:
        # Known without asking: nobody can have confirmed a new order.
        set_committed_value(row, "confirmation", None)
        return await super().add(row)

    async def list_of(
        self, customer_id: UUID, *, after: Position | None, limit: int
    ) -> Page[Order]:
        query = select(Order).where(Order.customer_id == customer_id)
        return await self.page(query, after=after, limit=limit)

    async def spending_of(self, customer_id: UUID) -> Sequence[Spending]:
        query = (
            select(
                Order.currency,
                func.count(Order.id).label("orders"),
                func.sum(Order.total_minor).label("total_minor"),
            )
            .where(Order.customer_id == customer_id)
            .group_by(Order.currency)
            .order_by(Order.currency)
        )
        rows = await self.session.execute(query)
        return [Spending.model_validate(row, from_attributes=True) for row in rows]

    async def confirm(self, order: Order) -> None:
        self.session.add(Confirmation(order_id=order.id))
        await self.session.flush()

    def refusal(self, row: Order, constraint: str | None) -> DomainError | None:
        if constraint == "ix_orders_owner_id_customer_id_reference":
            return OrderAlreadyPlaced(row.reference)
        return None
