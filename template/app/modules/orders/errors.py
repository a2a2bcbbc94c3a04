"""What can go wrong with an order."""

from uuid import UUID

from app.platform.errors import Conflict, Invalid, NotFound, Unavailable


class OrderNotFound(NotFound):
    """No such order."""

    def __init__(self, order_id: UUID) -> None:
        super().__init__(f"There is no order {order_id}.", order_id=str(order_id))


class OrderAlreadyPlaced(Conflict):
    """The customer has used this reference before."""

    def __init__(self, reference: str) -> None:
        super().__init__(f"Order {reference} is already placed.", reference=reference)


class ProductUnknown(Invalid):
    """The order names a product that is not in the catalog."""

    def __init__(self, product_id: UUID) -> None:
        super().__init__(
            f"There is no product {product_id} to order.", product_id=str(product_id)
        )


class CarrierUnavailable(Unavailable):
    """The carrier cannot say now when the order will arrive."""
