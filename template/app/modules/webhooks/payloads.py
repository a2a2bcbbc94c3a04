"""What receivers of events get, as it is promised to them."""

from uuid import UUID

from pydantic import BaseModel


class OrderPlacedV1(BaseModel):
    """An order was placed."""

    order_id: UUID
    customer_id: UUID
