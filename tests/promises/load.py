"""A client of a running service, and how long it waits."""

import json
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from statistics import median
from urllib.parse import urlencode
from urllib.request import Request, urlopen
from uuid import uuid4

REQUEST_SECONDS = 20

type Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: Json
    milliseconds: float


class Client:
    """Keeps one connection for each thread."""

    def __init__(self, address: str, **headers: str) -> None:
        self._address = address
        self._headers = headers
        self._own = threading.local()

    def get(self, path: str) -> Answer:
        return self._ask("GET", path, None)

    def get_anew(self, path: str) -> Answer:
        """On a connection of its own."""
        with closing(self._connect()) as connection:
            return _exchange(connection, "GET", path, None, self._headers)

    def post(self, path: str, body: Json) -> Answer:
        return self._ask("POST", path, body)

    def _ask(self, method: str, path: str, body: Json | None) -> Answer:
        if not hasattr(self._own, "connection"):
            self._own.connection = self._connect()
        try:
            return _exchange(self._own.connection, method, path, body, self._headers)
        except (OSError, HTTPException):
            del self._own.connection
            raise

    def _connect(self) -> HTTPConnection:
        return HTTPConnection(self._address, timeout=REQUEST_SECONDS)


def bearing(address: str, **form: str) -> dict[str, str]:
    """Log in by the form of OAuth2; give the header that proves it."""
    url, body = f"http://{address}/v1/accounts/token", urlencode(form).encode()
    with urlopen(Request(url, body)) as said:
        return {"Authorization": f"Bearer {json.load(said)['access_token']}"}


def ordered(product: str) -> Json:
    """Write an order that is new."""
    return {
        "customer_id": str(uuid4()),
        "email": "ada@example.com",
        "reference": uuid4().hex,
        "product_id": product,
        "quantity": 1,
    }


class Shop:
    """A client that has something to order."""

    def __init__(self, address: str, **headers: str) -> None:
        self.placed: list[Answer] = []
        self._client = Client(address, **headers)
        word = uuid4().hex[:12]
        category = self._made("categories", {"slug": word, "name": word})
        product = {"category_id": category["id"], "sku": word, "name": word}
        made = self._made("products", product | {"price_minor": 100, "currency": "EUR"})
        self.product = str(made["id"])

    def order(self) -> Answer:
        answer = self._client.post("/v1/orders", ordered(self.product))
        self.placed.append(answer)
        return answer

    def find(self, order: Answer) -> list[Answer]:
        """On the connection that is kept, and on one that is made for it."""
        path = f"/v1/orders/{order.body['id']}"
        return [self._client.get(path), self._client.get_anew(path)]

    def orders(self, number: int, *, concurrency: int) -> list[Answer]:
        with ThreadPoolExecutor(concurrency) as threads:
            return list(threads.map(lambda _: self.order(), range(number)))

    def _made(self, what: str, body: Json) -> Json:
        answer = self._client.post(f"/v1/catalog/{what}", body)
        assert answer.status == 201, answer
        return answer.body


def statuses(answers: Iterable[Answer]) -> set[int]:
    return {answer.status for answer in answers}


def milliseconds(answers: Iterable[Answer]) -> list[float]:
    return [answer.milliseconds for answer in answers]


def spread(waits: Iterable[float]) -> str:
    """Format a median and the worst."""
    ordered = sorted(waits)
    late = ordered[int(len(ordered) * 0.99)]
    return f"median {median(ordered):.1f}, p99 {late:.1f}, max {ordered[-1]:.1f} ms"


def until(seconds: float) -> Iterator[None]:
    """Go on for so long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield


def _exchange(
    connection: HTTPConnection,
    method: str,
    path: str,
    body: Json | None,
    own: Mapping[str, str],
) -> Answer:
    headers = {"Content-Type": "application/json", "Idempotency-Key": uuid4().hex}
    headers |= own
    begin = time.perf_counter()
    connection.request(method, path, json.dumps(body) if body else None, headers)
    response = connection.getresponse()
    text = response.read()
    waited = (time.perf_counter() - begin) * 1000
    return Answer(response.status, json.loads(text) if text else {}, waited)
