"""What the orders module needs to know of its surroundings."""

from pydantic import BaseModel, HttpUrl


class OrdersSettings(BaseModel, frozen=True):
    """`ORDERS__*` in the environment."""

    # The third party that carries parcels. Without one, delivery cannot be estimated.
    carrier_url: HttpUrl | None = None
    carrier_deadline_seconds: float = 1.0
