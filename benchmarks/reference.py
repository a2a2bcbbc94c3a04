"""What a service is measured against: the same answers from FastAPI and drivers.

It runs in the environment of the rendered service, with the packages of that service.
Nothing here is careful: no telemetry, no limits, no problem details, no cache flights.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from fastapi import FastAPI, Header, HTTPException, Response
from pydantic import BaseModel
from redis.asyncio import Redis

DSN = os.environ["DATABASE__URL"].replace("+asyncpg", "")
COLUMNS = """
    p.id, p.sku, p.name, p.price_minor, p.currency, p.version, p.created_at,
    p.updated_at, c.id AS category_id, c.slug, c.name AS category_name
"""
LIVING = """
    FROM products p JOIN categories c ON c.id = p.category_id AND c.deleted_at IS NULL
    WHERE p.deleted_at IS NULL
"""
ONE = f"SELECT {COLUMNS} {LIVING} AND p.id = $1"
PAGE = f"SELECT {COLUMNS} {LIVING} ORDER BY p.id DESC LIMIT $1"
PRICE = "SELECT price_minor, currency FROM products WHERE id = $1"
SPENDING = """
    SELECT currency, sum(total_minor) AS total_minor, count(*) AS orders FROM orders
    WHERE customer_id = $1 AND deleted_at IS NULL GROUP BY currency ORDER BY currency
"""
TABLES = """
    CREATE SCHEMA IF NOT EXISTS reference;
    CREATE TABLE IF NOT EXISTS reference.orders (LIKE orders INCLUDING ALL);
    ALTER TABLE reference.orders ALTER owner_id SET DEFAULT 'anonymous';
    CREATE TABLE IF NOT EXISTS reference.keys (
        key text PRIMARY KEY, status int NOT NULL, body bytea NOT NULL,
        expires_at timestamptz NOT NULL DEFAULT now() + interval '1 day'
    );
    CREATE TABLE IF NOT EXISTS reference.outbox (
        id uuid PRIMARY KEY, task text NOT NULL, payload jsonb NOT NULL,
        due_at timestamptz NOT NULL DEFAULT now()
    );
"""
CHANGE = f"""
    WITH p AS (
        UPDATE products SET price_minor = $3, version = version + 1, updated_at = now()
        WHERE id = $1 AND version = $2 AND deleted_at IS NULL RETURNING *
    )
    SELECT {COLUMNS} FROM p JOIN categories c ON c.id = p.category_id
"""
INSERT_ORDER = """
    INSERT INTO reference.orders (id, customer_id, email, reference, product_id,
        quantity, total_minor, currency, created_at, updated_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, now(), now()) RETURNING created_at
"""
INSERT_KEY = "INSERT INTO reference.keys (key, status, body) VALUES ($1, 201, $2)"
INSERT_MESSAGE = (
    "INSERT INTO reference.outbox (id, task, payload) VALUES ($1, 'confirm', $2)"
)
CACHED = "reference.first_page"


class Category(BaseModel):
    id: UUID
    slug: str
    name: str


class Product(BaseModel):
    id: UUID
    category: Category
    sku: str
    name: str
    price_minor: int
    currency: str
    version: int
    created_at: datetime
    updated_at: datetime


class Change(BaseModel):
    price_minor: int


class Products(BaseModel):
    items: list[Product]


class Spending(BaseModel):
    currency: str
    total_minor: int
    orders: int


class Draft(BaseModel):
    customer_id: UUID
    email: str
    reference: str
    product_id: UUID
    quantity: int


class Order(Draft):
    id: UUID
    total_minor: int
    currency: str
    created_at: datetime


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with asyncpg.create_pool(DSN, min_size=5, max_size=10) as pool:
        await pool.execute(TABLES)
        app.state.pool = pool
        app.state.redis = Redis.from_url(os.environ.get("CACHE__URL", ""))
        rows = await pool.fetch(PAGE, 20)
        page = Products(items=[_product(row) for row in rows])
        await app.state.redis.set(CACHED, page.model_dump_json())
        yield
        await app.state.redis.aclose()


app = FastAPI(lifespan=lifespan)


@app.get("/products/{product_id}")
async def get_product(product_id: UUID, response: Response) -> Product:
    row = await app.state.pool.fetchrow(ONE, product_id)
    if row is None:
        raise HTTPException(404)
    response.headers["ETag"] = f'"{row["version"]}"'
    return _product(row)


@app.patch("/products/{product_id}")
async def change_product(
    product_id: UUID, change: Change, response: Response, if_match: str = Header()
) -> Product:
    version = int(if_match.strip('"'))
    row = await app.state.pool.fetchrow(CHANGE, product_id, version, change.price_minor)
    if row is None:
        raise HTTPException(412)
    response.headers["ETag"] = f'"{row["version"]}"'
    return _product(row)


@app.get("/products")
async def list_products(limit: int = 20) -> Products:
    rows = await app.state.pool.fetch(PAGE, limit)
    return Products(items=[_product(row) for row in rows])


@app.get("/cached")
async def cached() -> Response:
    body = await app.state.redis.get(CACHED)
    return Response(body, media_type="application/json")


@app.get("/spending")
async def spending(customer_id: UUID) -> list[Spending]:
    rows = await app.state.pool.fetch(SPENDING, customer_id)
    return [Spending(**row) for row in rows]


@app.get("/bytes")
async def from_the_process() -> Response:
    return Response(b'{"status":"ok"}', media_type="application/json")


@app.post("/orders", status_code=201)
async def place(draft: Draft, idempotency_key: str = Header()) -> Order:
    """Look the price up, and store three rows in one transaction."""
    async with app.state.pool.acquire() as connection, connection.transaction():
        price = await connection.fetchrow(PRICE, draft.product_id)
        total, currency = price["price_minor"] * draft.quantity, price["currency"]
        id_ = uuid4()
        values = (*draft.model_dump().values(), total, currency)
        created = await connection.fetchval(INSERT_ORDER, id_, *values)
        order = Order(
            **draft.model_dump(),
            id=id_,
            total_minor=total,
            currency=currency,
            created_at=created,
        )
        body = order.model_dump_json()
        await connection.execute(INSERT_KEY, idempotency_key, body.encode())
        await connection.execute(INSERT_MESSAGE, uuid4(), body)
    return order


def _product(row: Any) -> Product:
    category = Category(
        id=row["category_id"], slug=row["slug"], name=row["category_name"]
    )
    return Product(
        id=row["id"],
        category=category,
        sku=row["sku"],
        name=row["name"],
        price_minor=row["price_minor"],
        currency=row["currency"],
        version=row["version"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )
