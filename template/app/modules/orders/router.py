"""Orders over HTTP: parse, delegate, render."""

from uuid import UUID

from fastapi import status

from app.modules.orders.dependencies import CarrierDep, OrderReaderDep, OrderServiceDep
from app.modules.orders.errors import (
    CarrierUnavailable,
    OrderAlreadyPlaced,
    OrderNotFound,
    ProductUnknown,
)
from app.modules.orders.schemas import (
    DeliveryEstimate,
    OrderDraft,
    OrderRead,
    Spending,
)
from app.platform.idempotency import KEY_REFUSALS, idempotent
from app.platform.web.paging import InvalidCursor, PageDep, PageRead
from app.platform.web.problems import problems
from app.platform.web.routing import OWNER, Policy, Router

router = Router(prefix="/orders", tags=["orders"], policy=Policy(access=OWNER))


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    responses=problems(OrderAlreadyPlaced, ProductUnknown, *KEY_REFUSALS),
    policy=Policy(idempotency=idempotent),
)
async def place_order(draft: OrderDraft, orders: OrderServiceDep) -> OrderRead:
    """Place an order. Its confirmation follows by mail."""
    return OrderRead.model_validate(await orders.place(draft))


@router.get("", responses=problems(InvalidCursor))
async def list_orders(
    customer_id: UUID, page: PageDep, orders: OrderReaderDep
) -> PageRead[OrderRead]:
    """List a customer's orders, newest first."""
    found = await orders.list_of(customer_id, after=page.after, limit=page.limit)
    return PageRead[OrderRead].of(found.map(OrderRead.model_validate))


@router.get("/spending")
async def get_spending(customer_id: UUID, orders: OrderReaderDep) -> list[Spending]:
    """Tell what a customer has spent so far, by currency."""
    return await orders.spending_of(customer_id)


@router.get("/{order_id}", responses=problems(OrderNotFound))
async def get_order(order_id: UUID, orders: OrderReaderDep) -> OrderRead:
    """Get an order."""
    return OrderRead.model_validate(await orders.get(order_id))


@router.get(
    "/{order_id}/delivery", responses=problems(OrderNotFound, CarrierUnavailable)
)
async def estimate_delivery(
    order_id: UUID, orders: OrderReaderDep, carrier: CarrierDep
) -> DeliveryEstimate:
    """Ask the carrier when an order will arrive."""
    return await orders.delivery_of(order_id, carrier)
