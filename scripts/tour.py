"""A customer's way through a running service: an order, its confirmation, its mail."""

import time
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as policy
from pathlib import Path
from uuid import uuid4

from client import Failed, Json, await_readiness, pretty, request, wait_for

EFFECT_SECONDS = 30
# Long enough for a second mail to show up, were there one.
SILENCE_SECONDS = 1.0


def take_tour(url: str, *, mails: Path) -> None:
    """Place an order over HTTP and show what it leads to; raise when it does not."""
    await_readiness(url)
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
    again = request(url, "/v1/orders", draft, {"Idempotency-Key": key})
    if again["id"] != order["id"]:
        raise Failed(f"The same key made another order: {again['id']}.")
    _expect_one_mail(mails)
    print("\nSent again with the same key: the same order, and no second mail.")


def _await_mail(mails: Path) -> EmailMessage:
    files = wait_for("a mail", lambda: _letters(mails), seconds=EFFECT_SECONDS)
    return files[0]


def _offer(url: str) -> Json:
    """Something to order."""
    desks: Json = {"slug": "desks", "name": "Desks"}
    category = request(url, "/v1/catalog/categories", desks)
    desk: Json = {
        "category_id": category["id"],
        "sku": "DESK-1",
        "name": "Walnut desk",
        "price_minor": 49900,
        "currency": "EUR",
    }
    return request(url, "/v1/catalog/products", desk)


def _shown(url: str, path: str, body: Json, key: str) -> Json:
    print(f"\nPOST {url}{path}\nIdempotency-Key: {key}\n{pretty(body)}")
    answer = request(url, path, body, {"Idempotency-Key": key})
    print(f"\n201 Created\n{pretty(answer)}", flush=True)
    return answer


def _confirmed(url: str, order: Json) -> Json:
    def confirmed() -> Json | None:
        current = request(url, f"/v1/orders/{order['id']}")
        return current if current["confirmed_at"] else None

    return wait_for("the order's confirmation", confirmed, seconds=EFFECT_SECONDS)


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
