"""What of orders leaves, and in which shape: receivers rely on it."""

from uuid import uuid4

from app.modules.orders import OrderPlaced
from app.modules.webhooks.published import PUBLISHED


def test_an_order_that_is_placed_is_named_with_its_customer() -> None:
    [published] = [each for each in PUBLISHED if each.event is OrderPlaced]
    order, customer = uuid4(), uuid4()

    data = published.data(OrderPlaced(order_id=order, customer_id=customer))

    assert published.name == "order.placed.v1"
    assert data == {"order_id": str(order), "customer_id": str(customer)}
