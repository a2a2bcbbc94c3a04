"""Orders, as they cross the boundary."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.platform.fields import Email

type Reference = Annotated[
    str,
    StringConstraints(pattern=r"^[\x21-\x7e]+$", max_length=64),
    Field(description="The customer's own word for it.", examples=["PO-1842"]),
]


class OrderDraft(BaseModel):
    """What a client sends to place an order."""

    customer_id: UUID
    email: Email
    reference: Reference
    product_id: UUID
    quantity: Annotated[int, Field(ge=1, le=1000, examples=[2])]


class OrderRead(BaseModel):
    """What a client gets back."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    customer_id: UUID
    reference: Reference
    product_id: UUID
    quantity: int
    total_minor: Annotated[int, Field(examples=[99800])]
    currency: Annotated[str, Field(examples=["EUR"])]
    created_at: datetime
    confirmed_at: datetime | None = Field(
        description="When the customer was told; null until then."
    )


class Spending(BaseModel):
    """What a customer has spent so far in one currency."""

    currency: Annotated[str, Field(examples=["EUR"])]
    orders: Annotated[int, Field(examples=[3])]
    total_minor: Annotated[int, Field(examples=[149700])]


class DeliveryEstimate(BaseModel):
    """When the carrier expects to deliver."""

    days: Annotated[int, Field(ge=0, le=365, examples=[3])]
