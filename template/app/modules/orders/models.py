"""The tables of the orders module."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.platform.database import Model, Owned, unique_among_living


class Order(Owned, Model):
    __tablename__ = "orders"
    __table_args__ = (
        # Nobody learns which references others have used.
        unique_among_living("owner_id", "customer_id", "reference"),
        # A customer's orders, newest first, without sorting.
        Index(None, "customer_id", "id"),
    )

    customer_id: Mapped[UUID]
    email: Mapped[str] = mapped_column(String(254))
    reference: Mapped[str] = mapped_column(String(64))
    # Another module's row: known by its id, without a foreign key, so that either
    # module can move to a database of its own.
    product_id: Mapped[UUID] = mapped_column(index=True)
    quantity: Mapped[int]
    total_minor: Mapped[int]
    currency: Mapped[str] = mapped_column(String(3))

    confirmation: Mapped["Confirmation | None"] = relationship(
        lazy="raise", init=False, viewonly=True
    )

    @property
    def confirmed_at(self) -> datetime | None:
        return self.confirmation.created_at if self.confirmation else None


class Confirmation(Model):
    """The customer has been told."""

    __tablename__ = "confirmations"
    __table_args__ = (unique_among_living("order_id"),)

    order_id: Mapped[UUID] = mapped_column(ForeignKey(Order.id))
