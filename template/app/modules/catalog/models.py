"""The tables of the catalog."""

from uuid import UUID

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.platform.database import Model, Versioned, unique_among_living


class Category(Model):
    __tablename__ = "categories"
    __table_args__ = (unique_among_living("slug"),)

    slug: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(120))


class Product(Versioned, Model):
    __tablename__ = "products"
    __table_args__ = (
        unique_among_living("sku"),
        # A category's products, newest first, without sorting.
        Index(None, "category_id", "id"),
    )

    category_id: Mapped[UUID] = mapped_column(ForeignKey(Category.id))
    sku: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(120))
    price_minor: Mapped[int]
    currency: Mapped[str] = mapped_column(String(3))

    # Loaded with the product or not at all: never one by one.
    category: Mapped[Category] = relationship(lazy="raise", init=False)
