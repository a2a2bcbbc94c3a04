"""A customer's way through a running service: an order, its confirmation, its mail."""

import json
import time
from collections.abc import Callable
from contextlib import closing
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as policy
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

READY_SECONDS = 60
EFFECT_SECONDS = 30
REQUEST_SECONDS = 10
# Long enough for a second mail to show up, were there one.
SILENCE_SECONDS = 1.0

type Json = dict[str, object]
type Headers = dict[str, str]


class Failed(Exception):
    """What was promised did not happen; the message says what."""


def take_tour(url: str, *, mails: Path) -> None:
    """Place an order over HTTP and show what it leads to; raise when it does not."""
    _wait_for("a ready service", lambda: _ready(url), seconds=READY_SECONDS)
    product = _offer(url)
    key = str(uuid4())
    draft: Json = {
        "customer_id": str(uuid4()),
        "email": "ada@example.com",
        "reference": "PO-1842",
        "product_id": product["id"],
        "quantity": 2,
    }
    order = _shown(url, "/v1/orders", draft, key)
    confirmed = _confirmed(url, order)
    print(f"\nThe worker confirmed it at {confirmed['confirmed_at']}, by this mail:")
    _show(_await_mail(mails))
    again = _request(url, "/v1/orders", draft, {"Idempotency-Key": key})
    if again["id"] != order["id"]:
        raise Failed(f"The same key made another order: {again['id']}.")
    _expect_one_mail(mails)
    print("\nSent again with the same key: the same order, and no second mail.")


def _await_mail(mails: Path) -> EmailMessage:
    files = _wait_for("a mail", lambda: _letters(mails), seconds=EFFECT_SECONDS)
    return files[0]


def _offer(url: str) -> Json:
    """Something to order."""
    desks: Json = {"slug": "desks", "name": "Desks"}
    category = _request(url, "/v1/catalog/categories", desks)
    desk: Json = {
        "category_id": category["id"],
        "sku": "DESK-1",
        "name": "Walnut desk",
        "price_minor": 49900,
        "currency": "EUR",
    }
    return _request(url, "/v1/catalog/products", desk)


def _shown(url: str, path: str, body: Json, key: str) -> Json:
    print(f"\nPOST {url}{path}\nIdempotency-Key: {key}\n{_pretty(body)}")
    answer = _request(url, path, body, {"Idempotency-Key": key})
    print(f"\n201 Created\n{_pretty(answer)}", flush=True)
    return answer


def _confirmed(url: str, order: Json) -> Json:
    def confirmed() -> Json | None:
        current = _request(url, f"/v1/orders/{order['id']}")
        return current if current["confirmed_at"] else None

    return _wait_for("the order's confirmation", confirmed, seconds=EFFECT_SECONDS)


def _show(mail: EmailMessage) -> None:
    body = mail.get_body(("plain",))
    lines = str(body.get_content() if body else "").strip().splitlines()
    head = [f"{name}: {mail[name]}" for name in ("From", "To", "Subject")]
    print("\n".join(f"  | {line}" for line in (*head, "", *lines)), flush=True)


def _expect_one_mail(mails: Path) -> None:
    time.sleep(SILENCE_SECONDS)
    if (count := len(_letters(mails))) != 1:
        raise Failed(f"One order led to {count} mails.")


def _letters(mails: Path) -> list[EmailMessage]:
    files = sorted(mails.glob("*.eml"))
    return [message_from_bytes(file.read_bytes(), policy=policy) for file in files]


def _ready(url: str) -> bool:
    try:
        status, _ = _exchange(url, "GET", "/readyz")
    except OSError:
        return False
    return status == HTTPStatus.OK


def _request(
    url: str, path: str, body: Json | None = None, headers: Headers | None = None
) -> Json:
    """Get, or post a body; the answer must be a success."""
    method = "GET" if body is None else "POST"
    try:
        status, text = _exchange(url, method, path, body, headers)
    except OSError as error:
        raise Failed(f"{path} did not answer: {error}") from None
    if not HTTPStatus(status).is_success:
        raise Failed(f"{path} answered {status}: {text}")
    result: Json = json.loads(text)
    return result


def _exchange(
    url: str,
    method: str,
    path: str,
    body: Json | None = None,
    headers: Headers | None = None,
) -> tuple[int, str]:
    connection = HTTPConnection(urlsplit(url).netloc, timeout=REQUEST_SECONDS)
    with closing(connection):
        data = None if body is None else json.dumps(body)
        all_headers = {"Content-Type": "application/json"} | (headers or {})
        connection.request(method, path, data, all_headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")


def _wait_for[T](what: str, look: Callable[[], T | None], *, seconds: float) -> T:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.05)
    raise Failed(f"{what} did not come within {seconds:.0f} s.")


def _pretty(value: Json) -> str:
    return json.dumps(value, indent=2)
