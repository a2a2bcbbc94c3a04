"""What is asked of the service, and of what it is measured against."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import accumulate
from random import Random
from typing import Any

NEW, TAG = "<new>", "<tag>"
CATALOG = "/v1/catalog/products"
TWICE = "twice the capacity"
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
    forgets: str = ""
    """The keys that the cache must not know when a burst begins."""


@dataclass(frozen=True, slots=True)
class Shop:
    """What the database holds: identifiers to ask for."""

    products: list[str]
    customer: str
    buyers: list[str]
    etag: str
    cursor: str
    proof: Mapping[str, str]
    """The headers that tell the service who asks."""


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


def change(path: str, tag: str) -> Request:
    body = json.dumps({"price_minor": 1234})
    return {"method": "PATCH", "path": path, "headers": {"If-Match": tag}, "body": body}


def workloads(shop: Shop) -> list[Workload]:
    every = [*reads(shop), *aggregates(shop), *writes(shop), *crowds(shop)]
    return [proven(work, shop.proof) for work in every]


def proven(work: Workload, proof: Mapping[str, str]) -> Workload:
    """The others do not ask who it is."""
    ours = [
        each | {"headers": {**each["headers"], **proof}}
        for each in work.asked["service"]
    ]
    return replace(work, asked={**work.asked, "service": ours})


def reads(shop: Shop) -> list[Workload]:
    some = shop.products[:200]
    # The first page of 20 is remembered; the one after it is not.
    second = f"{CATALOG}?cursor={shop.cursor}"
    unchanged = {"If-None-Match": shop.etag}
    return [
        Workload("get", gets(some), floor=0.40, goal=0.60),
        Workload(
            "list of 20, uncached",
            beside([get(second)], [get("/products?limit=20")]),
            floor=0.40,
            goal=0.75,
        ),
        Workload(
            "first page of 20, cached",
            beside([get(CATALOG)], [get("/cached")])
            | {"naive": [get("/products?limit=20")]},
            floor=0.40,
            goal=0.55,
        ),
        Workload(
            "304",
            {
                "service": [get(f"{CATALOG}/{some[0]}", **unchanged)],
                "reference": [get("/bytes")],
            },
            floor=0.32,
            goal=0.50,
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
    ]


def aggregates(shop: Shop) -> list[Workload]:
    def spending(path: str, *customers: str) -> list[Request]:
        return [get(f"{path}?customer_id={customer}") for customer in customers]

    return [
        Workload(
            "aggregate, cached",
            beside(
                spending("/v1/orders/spending", shop.customer),
                spending("/spending", shop.customer),
            ),
        ),
        Workload(
            "aggregate, uncached",
            beside(
                spending("/v1/orders/spending", *shop.buyers),
                spending("/spending", *shop.buyers),
            ),
            forgets="*spending*",
        ),
    ]


def writes(shop: Shop) -> list[Workload]:
    # Those that others read stay as they are: their ETag is asked for.
    mutable = shop.products[-32:]
    return [
        Workload(
            "create an order",
            beside(
                [order("/v1/orders", shop.products[0])],
                [order("/orders", shop.products[0])],
            ),
            floor=0.40,
            goal=0.60,
            statuses=frozenset({201}),
        ),
        Workload(
            "PATCH with If-Match",
            beside(
                [change(f"{CATALOG}/{id_}", TAG) for id_ in mutable],
                [change(f"/products/{id_}", TAG) for id_ in mutable],
            ),
            # Each begins by reading, which is to be a small part of what is counted.
            clients=8,
        ),
        Workload(
            "Zipf, 90 % reads",
            beside(
                zipf(f"{CATALOG}/", "/v1/orders", shop),
                zipf("/products/", "/orders", shop),
            ),
            statuses=frozenset({200, 201}),
        ),
    ]


def crowds(shop: Shop) -> list[Workload]:
    some = shop.products[:200]
    both = {name: asked for name, asked in gets(some).items() if name != "naive"}
    return [
        Workload("500 clients", both, clients=500),
        Workload(
            TWICE,
            gets(some),
            clients=1000,
            statuses=frozenset({200, 503}),
        ),
    ]


def gets(products: list[str]) -> dict[str, list[Request]]:
    return beside(
        [get(f"{CATALOG}/{id_}") for id_ in products],
        [get(f"/products/{id_}") for id_ in products],
    )


def beside(ours: list[Request], theirs: list[Request]) -> dict[str, list[Request]]:
    """What the service is asked, and what both others are."""
    return {"service": ours, "reference": theirs, "naive": theirs}


def zipf(product: str, orders: str, shop: Shop) -> list[Request]:
    """Nine reads for each write; the n-th product is asked for 1/n as often."""
    random = Random(7)
    weights = list(accumulate(1 / n for n in range(1, len(shop.products) + 1)))
    chosen = random.choices(shop.products, cum_weights=weights, k=ZIPF_REQUESTS)
    return [
        order(orders, id_) if number % 10 == 0 else get(f"{product}{id_}")
        for number, id_ in enumerate(chosen)
    ]
