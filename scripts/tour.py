"""A customer's way through a running service: an account, an order, its mail."""

import time
from email.message import EmailMessage
from http import HTTPStatus
from pathlib import Path
from uuid import uuid4

from client import (
    Failed,
    Headers,
    Json,
    await_readiness,
    exchange,
    pretty,
    request,
    wait_for,
)
from visitor import arrive, letters, text_of

EFFECT_SECONDS = 30
# Long enough for a second mail to show up, were there one.
SILENCE_SECONDS = 1.0
ADA, EVE = "ada@example.com", "eve@example.com"
REFERENCE = "PO-1842"


def take_tour(url: str, *, mails: Path) -> None:
    """Place an order over HTTP and show what it leads to; raise when it does not."""
    await_readiness(url)
    print()
    ada = arrive(url, ADA, mails=mails)
    key = str(uuid4())
    draft: Json = {
        "customer_id": str(uuid4()),
        "email": ADA,
        "reference": REFERENCE,
        "product_id": _product(url),
        "quantity": 2,
    }
    order = _shown(url, "/v1/orders", draft, {**ada, "Idempotency-Key": key})
    path = f"/v1/orders/{order['id']}"
    confirmed = _confirmed(url, path, ada)
    print(f"\nThe worker confirmed it at {confirmed['confirmed_at']}, by this mail:")
    _show(_await_mail(mails))
    again = request(url, "/v1/orders", draft, {**ada, "Idempotency-Key": key})
    if again["id"] != order["id"]:
        raise Failed(f"The same key made another order: {again['id']}.")
    _expect_one_mail(mails)
    print("\nSent again with the same key: the same order, and no second mail.\n")
    _refuse(url, path, arrive(url, EVE, mails=mails))


def _product(url: str) -> object:
    """Find what to order among what `make seed` has added: anybody may look."""
    page = request(url, "/v1/catalog/products")
    products = page["items"]
    if not isinstance(products, list) or not products:
        raise Failed("There is nothing to order.")
    return products[0]["id"]


def _shown(url: str, path: str, body: Json, headers: Headers) -> Json:
    kept = {name: value[:40] for name, value in headers.items()}
    said = "\n".join(f"{name}: {value}" for name, value in kept.items())
    print(f"\nPOST {url}{path}\n{said}\n{pretty(body)}")
    answer = request(url, path, body, headers)
    print(f"\n201 Created\n{pretty(answer)}", flush=True)
    return answer


def _confirmed(url: str, path: str, headers: Headers) -> Json:
    def confirmed() -> Json | None:
        current = request(url, path, headers=headers)
        return current if current["confirmed_at"] else None

    return wait_for("the order's confirmation", confirmed, seconds=EFFECT_SECONDS)


def _refuse(url: str, path: str, headers: Headers) -> None:
    """Another customer is told that there is no such order."""
    answer = exchange(url, "GET", path, headers=headers)
    if answer.status != HTTPStatus.NOT_FOUND:
        raise Failed(f"Another's order was not refused: {answer.text}")
    print(f"{answer.status}  GET {path}\n     {answer.body['detail']}", flush=True)


def _await_mail(mails: Path) -> EmailMessage:
    found = wait_for("a mail", lambda: _confirmations(mails), seconds=EFFECT_SECONDS)
    return found[0]


def _show(mail: EmailMessage) -> None:
    head = [f"{name}: {mail[name]}" for name in ("From", "To", "Subject")]
    lines = (*head, "", *text_of(mail).splitlines())
    print("\n".join(f"  | {line}" for line in lines), flush=True)


def _expect_one_mail(mails: Path) -> None:
    time.sleep(SILENCE_SECONDS)
    if (count := len(_confirmations(mails))) != 1:
        raise Failed(f"One order led to {count} mails.")


def _confirmations(mails: Path) -> list[EmailMessage]:
    return [mail for mail in letters(mails) if REFERENCE in mail["Subject"]]
