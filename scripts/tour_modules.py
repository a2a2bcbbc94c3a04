"""A client's way through modules that were declared, of which no line was written."""

from functools import partial
from pathlib import Path

from client import Answer, Failed, Headers, Json, await_readiness, exchange, pretty
from visitor import arrive

DECLARED: dict[str, dict[str, str]] = {
    "customers": {"name": "str(200) searchable", "email": "email unique"},
    "invoices": {
        "number": "str(32) unique",
        "amount": "money",
        "due": "date indexed",
        "status": "enum(draft, sent, paid) indexed",
        "customer": "ref(customers)",
        "note": "text optional",
    },
}


def take_tour(url: str, *, mails: Path) -> None:
    """Add, find, replace and remove an invoice; raise when an answer is another one."""
    await_readiness(url)
    ask = partial(_asked, arrive(url, "ada@example.com", mails=mails))
    other = partial(_asked, arrive(url, "eve@example.com", mails=mails))
    ada = {"name": "Ada Lovelace", "email": "ada@example.com"}
    customer = ask(url, 201, "POST /v1/customers", ada)
    draft: Json = {
        "number": "2030-0001",
        "amount_minor": 49900,
        "amount_currency": "EUR",
        "due": "2030-01-31",
        "status": "draft",
        "customer_id": customer.body["id"],
    }
    added = ask(url, 201, "POST /v1/invoices", draft)
    path = f"/v1/invoices/{added.body['id']}"
    print(pretty(added.body))
    ask(url, 409, "POST /v1/invoices", draft)
    ask(url, 422, "POST /v1/invoices", draft | {"status": "lost"})
    ask(url, 200, "GET /v1/customers?words=love")
    ask(url, 200, "GET /v1/invoices?status=draft&sort=-due&limit=20")
    print("As another:", flush=True)
    other(url, 404, f"GET {path}")
    other(url, 404, f"DELETE {path}", if_match="*")
    print("As before:", flush=True)
    current = ask(url, 200, f"GET {path}").headers["ETag"]
    sent = draft | {"status": "sent"}
    ask(url, 200, f"PUT {path}", sent, if_match=current)
    ask(url, 412, f"PUT {path}", draft, if_match=current)
    ask(url, 204, f"DELETE {path}", if_match="*")
    ask(url, 404, f"GET {path}")


def _asked(
    headers: Headers,
    url: str,
    expected: int,
    what: str,
    body: Json | None = None,
    *,
    if_match: str = "",
) -> Answer:
    method, _, path = what.partition(" ")
    condition = {"If-Match": if_match} if if_match else {}
    answer = exchange(url, method, path, body, {**headers, **condition})
    noted = "".join(f"  {name}: {value}" for name, value in condition.items())
    print(f"{answer.status}  {method:<7}{path}{noted}", flush=True)
    if answer.status != expected:
        raise Failed(f"{path} answered {answer.status}: {answer.text}")
    return answer
