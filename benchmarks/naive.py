"""The same features as tutorials write them: the ORM for all, and nothing remembered.

It runs in the environment of the rendered service, on the same tables.
"""

import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID, uuid4

from fastapi import Depends, FastAPI, Header, HTTPException, Response
from pydantic import BaseModel, ConfigDict
from sqlalchemy import DateTime, ForeignKey, func, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

engine = create_async_engine(os.environ["DATABASE__URL"])
sessions = async_sessionmaker(engine)
app = FastAPI()

INSTANT = DateTime(timezone=True)


def now() -> datetime:
    return datetime.now(UTC)


class Base(DeclarativeBase): ...


class Category(Base):
    __tablename__ = "categories"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    slug: Mapped[str]
    name: Mapped[str]


class Product(Base):
    __tablename__ = "products"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    category_id: Mapped[UUID] = mapped_column(ForeignKey("categories.id"))
    sku: Mapped[str]
    name: Mapped[str]
    price_minor: Mapped[int]
    currency: Mapped[str]
    version: Mapped[int]
    category: Mapped[Category] = relationship(lazy="selectin")


class Order(Base):
    __tablename__ = "orders"
    __table_args__ = {"schema": "reference"}

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    customer_id: Mapped[UUID]
    email: Mapped[str]
    reference: Mapped[str]
    product_id: Mapped[UUID]
    quantity: Mapped[int]
    total_minor: Mapped[int]
    currency: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(INSTANT, default=now)
    updated_at: Mapped[datetime] = mapped_column(INSTANT, default=now)


class Key(Base):
    __tablename__ = "keys"
    __table_args__ = {"schema": "reference"}

    key: Mapped[str] = mapped_column(primary_key=True)
    status: Mapped[int]
    body: Mapped[bytes]


class CategoryRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    slug: str
    name: str


class ProductRead(CategoryRead):
    slug: str = ""
    category: CategoryRead
    sku: str
    price_minor: int
    currency: str
    version: int


class Change(BaseModel):
    price_minor: int


class Draft(BaseModel):
    customer_id: UUID
    email: str
    reference: str
    product_id: UUID
    quantity: int


class OrderRead(Draft):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    total_minor: int
    currency: str
    created_at: datetime


class Spending(BaseModel):
    currency: str
    total_minor: int
    orders: int


async def get_db() -> AsyncIterator[AsyncSession]:
    async with sessions() as session:
        yield session


@app.get("/products/{product_id}", response_model=ProductRead)
async def get_product(
    product_id: UUID, response: Response, db: AsyncSession = Depends(get_db)
) -> Product:
    query = select(Product).where(Product.id == product_id)
    product = (await db.execute(query)).scalar_one_or_none()
    if product is None:
        raise HTTPException(404)
    response.headers["ETag"] = f'"{product.version}"'
    return product


@app.patch("/products/{product_id}", response_model=ProductRead)
async def change_product(
    product_id: UUID,
    change: Change,
    response: Response,
    if_match: str = Header(),
    db: AsyncSession = Depends(get_db),
) -> Product:
    product = await db.get(Product, product_id)
    if product is None:
        raise HTTPException(404)
    if if_match != f'"{product.version}"':
        raise HTTPException(412)
    product.price_minor = change.price_minor
    product.version += 1
    await db.commit()
    await db.refresh(product)
    response.headers["ETag"] = f'"{product.version}"'
    return product


@app.get("/products", response_model=list[ProductRead])
async def list_products(
    limit: int = 20, db: AsyncSession = Depends(get_db)
) -> list[Product]:
    query = select(Product).order_by(Product.id.desc()).limit(limit)
    return list((await db.execute(query)).scalars())


@app.get("/spending", response_model=list[Spending])
async def spending(
    customer_id: UUID, db: AsyncSession = Depends(get_db)
) -> list[Spending]:
    query = (
        select(Order.currency, func.sum(Order.total_minor), func.count())
        .where(Order.customer_id == customer_id)
        .group_by(Order.currency)
    )
    return [
        Spending(currency=currency, total_minor=total, orders=orders)
        for currency, total, orders in await db.execute(query)
    ]


@app.post("/orders", response_model=OrderRead, status_code=201)
async def place(
    draft: Draft, idempotency_key: str = Header(), db: AsyncSession = Depends(get_db)
) -> Order:
    if await db.get(Key, idempotency_key):
        raise HTTPException(409)
    product = await db.get(Product, draft.product_id)
    if product is None:
        raise HTTPException(404)
    order = Order(
        **draft.model_dump(),
        total_minor=product.price_minor * draft.quantity,
        currency=product.currency,
    )
    db.add(order)
    await db.commit()
    await db.refresh(order)
    body = OrderRead.model_validate(order).model_dump_json()
    db.add(Key(key=idempotency_key, status=201, body=body.encode()))
    await db.commit()
    await db.refresh(order)
    return order
