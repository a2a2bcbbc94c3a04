"""Products and categories, as they cross the boundary."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.platform.fields import Currency, Minor, line

type Code = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]*$", max_length=64)
]
type Name = Annotated[str, line(120), Field(examples=["Walnut desk"])]


class CategoryDraft(BaseModel):
    """What a client sends to add a category."""

    slug: Annotated[Code, Field(examples=["desks"])]
    name: Annotated[Name, Field(examples=["Desks"])]


class CategoryRead(CategoryDraft):
    """What a client gets back."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID


class ProductDraft(BaseModel):
    """What a client sends to add a product."""

    category_id: UUID
    sku: Annotated[Code, Field(examples=["DESK-1"])]
    name: Name
    price_minor: Minor
    currency: Currency


class ProductChange(BaseModel):
    """What a client may change of a product; what it leaves out stays."""

    name: Name | None = None
    price_minor: Minor | None = None


class ProductRead(BaseModel):
    """What a client gets back."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    category: CategoryRead
    sku: str
    name: str
    price_minor: int
    currency: str
    version: int
    created_at: datetime
    updated_at: datetime


class Price(BaseModel):
    """What one piece of a product costs now."""

    price_minor: int
    currency: str
