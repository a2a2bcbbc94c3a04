"""What happens after an order, out of the customer's way."""

from typing import Protocol

import structlog

from app.modules.orders.events import OrderPlaced
from app.modules.orders.repository import OrderRepository
from app.platform.database import Database, UnitOfWork
from app.platform.mail import Mail, Mailer
from app.platform.tasks import TaskRouter

log = structlog.get_logger(__name__)
tasks = TaskRouter("orders")


class Ports(Protocol):
    """The ports these tasks need."""

    @property
    def database(self) -> Database: ...

    @property
    def mail(self) -> Mailer: ...


@tasks.on(OrderPlaced)
async def send_confirmation(event: OrderPlaced, unit: UnitOfWork, ports: Ports) -> None:
    """
    Tell the customer, and note that they are told.

    Read, call, write: no transaction is open while the mail server takes its time.
    The note is made once. The letter may leave twice, if the process dies between the
    mail server's answer and the commit; both then bear the same Message-ID.
    """
    async with ports.database.unit_of_work() as reading:
        order = await OrderRepository(reading.session).find(event.order_id)
    if order is None:
        # Deleted between the commit and now; there is nothing left to confirm.
        log.info("order.gone", order_id=str(event.order_id))
        return
    await ports.mail.send(
        Mail(
            to=order.email,
            subject=f"Your order {order.reference}",
            text=f"Thank you. {order.quantity} x {order.product_id} is on its way.",
            key=f"order-confirmation-{order.id}",
        )
    )
    await OrderRepository(unit.session).confirm(order)
