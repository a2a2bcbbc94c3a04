"""What is asked of the service, and of what it is measured against."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from random import Random
from typing import Any

NEW = "<new>"
ZIPF_REQUESTS = 2000

type Request = dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Workload:
    """The same work, asked of several; the service is judged by the reference."""

    name: str
    asked: Mapping[str, list[Request]]
    floor: float | None = None
    goal: float | None = None
    statuses: frozenset[int] = field(default=frozenset({200}))
    clients: int = 32


@dataclass(frozen=True, slots=True)
class Shop:
    """What the database holds: identifiers to ask for."""

    products: list[str]
    customer: str
    etag: str


def get(path: str, **headers: str) -> Request:
    return {"method": "GET", "path": path, "headers": headers}


def order(path: str, product: str) -> Request:
    body = {
        "customer_id": NEW,
        "email": "ada@example.com",
        "reference": NEW,
        "product_id": product,
        "quantity": 2,
    }
    headers = {"Idempotency-Key": NEW}
    return {
        "method": "POST",
        "path": path,
        "headers": headers,
        "body": json.dumps(body),
    }


def workloads(shop: Shop) -> list[Workload]:
    catalog = "/v1/catalog/products"
    some = shop.products[:200]
    return [
        Workload(
            "get",
            {
                "service": [get(f"{catalog}/{id_}") for id_ in some],
                "reference": [get(f"/products/{id_}") for id_ in some],
                "naive": [get(f"/products/{id_}") for id_ in some],
            },
            floor=0.40,
            goal=0.60,
        ),
        Workload(
            "list of 20, uncached",
            {
                # The first page of 20 is remembered; the one after it is not.
                "service": [get(f"{catalog}?limit=19")],
                "reference": [get("/products?limit=20")],
                "naive": [get("/products?limit=20")],
            },
            floor=0.40,
            goal=0.75,
        ),
        Workload(
            "first page of 20, cached",
            {
                "service": [get(catalog)],
                "reference": [get("/cached")],
                "naive": [get("/products?limit=20")],
            },
            floor=0.40,
            goal=0.55,
        ),
        Workload(
            "304",
            {
                "service": [
                    get(f"{catalog}/{some[0]}", **{"If-None-Match": shop.etag})
                ],
                "reference": [get(f"/products/{some[0]}")],
            },
            statuses=frozenset({200, 304}),
        ),
        Workload(
            "from the process",
            {"service": [get("/livez")], "reference": [get("/bytes")]},
            floor=0.32,
            goal=0.50,
        ),
        Workload(
            "404 without SQL",
            {"service": [get("/nowhere")], "reference": [get("/nowhere")]},
            statuses=frozenset({404}),
        ),
        Workload(
            "aggregate, cached",
            {
                "service": [get(f"/v1/orders/spending?customer_id={shop.customer}")],
                "reference": [get(f"/spending?customer_id={shop.customer}")],
                "naive": [get(f"/spending?customer_id={shop.customer}")],
            },
        ),
        Workload(
            "create an order",
            {
                "service": [order("/v1/orders", some[0])],
                "reference": [order("/orders", some[0])],
                "naive": [order("/orders", some[0])],
            },
            floor=0.40,
            goal=0.60,
            statuses=frozenset({201}),
        ),
        Workload(
            "Zipf, 90 % reads",
            {
                "service": zipf(f"{catalog}/", "/v1/orders", shop),
                "reference": zipf("/products/", "/orders", shop),
                "naive": zipf("/products/", "/orders", shop),
            },
            statuses=frozenset({200, 201}),
        ),
        Workload(
            "500 clients",
            {
                "service": [get(f"{catalog}/{id_}") for id_ in some],
                "reference": [get(f"/products/{id_}") for id_ in some],
            },
            clients=500,
        ),
    ]


def zipf(product: str, orders: str, shop: Shop) -> list[Request]:
    """Nine reads for each write; the n-th product is asked for 1/n as often."""
    random = Random(7)
    weights = list(accumulate(1 / n for n in range(1, len(shop.products) + 1)))
    chosen = random.choices(shop.products, cum_weights=weights, k=ZIPF_REQUESTS)
    return [
        order(orders, id_) if number % 10 == 0 else get(f"{product}{id_}")
        for number, id_ in enumerate(chosen)
    ]
