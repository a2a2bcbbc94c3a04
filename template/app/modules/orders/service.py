"""What can be done with orders, and the rules that decide whether it may."""

from datetime import timedelta
from uuid import UUID

from app.modules.catalog import PriceList, ProductNotFound
from app.modules.orders.client import Carrier
from app.modules.orders.errors import ProductUnknown
from app.modules.orders.events import OrderPlaced
from app.modules.orders.models import Order
from app.modules.orders.repository import OrderRepository
from app.modules.orders.schemas import DeliveryEstimate, OrderDraft, Spending
from app.platform.cache import Cache, CacheEntry
from app.platform.database import Page, Position, UnitOfWork

SPENDING = CacheEntry(
    "orders.spending", list[Spending], ttl=timedelta(minutes=5), personal=True
)
ESTIMATE = CacheEntry("orders.estimate", DeliveryEstimate, ttl=timedelta(minutes=1))


class OrderReader:
    """Finds orders and what is known about them."""

    def __init__(self, orders: OrderRepository, cache: Cache) -> None:
        self._orders = orders
        self._cache = cache

    async def get(self, order_id: UUID) -> Order:
        return await self._orders.get(order_id)

    async def list_of(
        self, customer_id: UUID, *, after: Position | None, limit: int
    ) -> Page[Order]:
        return await self._orders.list_of(customer_id, after=after, limit=limit)

    async def spending_of(self, customer_id: UUID) -> list[Spending]:
        async def load() -> list[Spending]:
            return list(await self._orders.spending_of(customer_id))

        return await self._cache.read(SPENDING, str(customer_id), load=load)

    async def delivery_of(self, order_id: UUID, carrier: Carrier) -> DeliveryEstimate:
        order = await self._orders.get(order_id)
        # The carrier may take its time: nobody waits for this connection meanwhile.
        await self._orders.session.close()

        async def load() -> DeliveryEstimate:
            return await carrier.estimate(order.id)

        return await self._cache.read(ESTIMATE, str(order.id), load=load)


class OrderService:
    """Takes orders. Never commits: whoever opened the unit does."""

    def __init__(
        self,
        unit: UnitOfWork,
        orders: OrderRepository,
        prices: PriceList,
        cache: Cache,
    ) -> None:
        self._unit = unit
        self._orders = orders
        self._prices = prices
        self._cache = cache

    async def place(self, draft: OrderDraft) -> Order:
        try:
            price = await self._prices.price_of(draft.product_id)
        except ProductNotFound as error:
            raise ProductUnknown(draft.product_id) from error
        order = await self._orders.add(
            Order(
                **draft.model_dump(),
                total_minor=price.price_minor * draft.quantity,
                currency=price.currency,
            )
        )
        self._unit.record(OrderPlaced(order_id=order.id, customer_id=order.customer_id))
        self._unit.after_commit(self._cache.forget, SPENDING, str(order.customer_id))
        return order
