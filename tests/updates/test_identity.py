"""A service that has lived learns who asks, forgets it, and learns it anew."""

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from urllib.request import Request, urlopen
from uuid import uuid4

import copier
import pytest

from tests.promises.load import Client, Shop, bearing, ordered
from tests.promises.processes import Program, free_port
from tests.suites.rendering import developer
from tests.updates.projects import committed, conflicts, project, update
from tests.updates.test_owner import shared_environment, typed

PASSWORD = "correct horse battery"
# Both come with `make seed`.
USER, ADMIN = "user@example.com", "admin@example.com"
MODULES = {"customers": {"name": "str(200)", "email": "email unique"}}
CUSTOMERS = "/v1/customers"
FORMS = [{"username": who, "password": PASSWORD} for who in (USER, ADMIN)]
CSRF = {"X-CSRF-Protection": "1"}


@dataclass(frozen=True, slots=True)
class Lived:
    """The service on the kept data of `make dev`."""

    service: Path
    log: Path

    def make(self, *targets: str) -> None:
        environment = {"UV_PROJECT_ENVIRONMENT": str(shared_environment())}
        typed(self.service, "make", *targets, UV_NO_SYNC="1", **environment)

    def switch(self, identity: str) -> None:
        update(self.service, to=copier.VcsRef.CURRENT, identity=identity)
        assert conflicts(self.service) == set()
        committed(self.service)
        self.make("migrate", "seed")

    @contextmanager
    def served(self) -> Iterator[str]:
        """`make dev`; yield where it answers."""
        port = str(free_port())
        program = Program(
            *(shared_environment() / "bin/python", "-m", "dev"),
            log=self.log,
            cwd=self.service,
            environment=developer(Path(sys.executable)) | {"UVICORN_PORT": port},
            ready=lambda said: "Ctrl-C ends all." in said,
        )
        try:
            program.start()
            yield f"127.0.0.1:{port}"
            program.send(signal.SIGINT)
            program.wait(60)
        finally:
            program.kill()


@dataclass(frozen=True, slots=True)
class Made:
    """What one caller has added: an order and a customer."""

    order: str
    customer: str
    email: str


def made(
    address: str, email: str = "", *, shop: dict[str, str] | None = None, **who: str
) -> Made:
    """Add both; who may fill the shop may be somebody else."""
    email = email or f"{uuid4().hex}@example.com"
    client, product = Client(address, **who), Shop(address, **(shop or who)).product
    order = client.post("/v1/orders", ordered(product))
    customer = client.post(CUSTOMERS, {"name": "Ada", "email": email})
    assert order.status == customer.status == HTTPStatus.CREATED, (order, customer)
    return Made(str(order.body["id"]), str(customer.body["id"]), email)


def seen(address: str, made: Made, **who: str) -> bool:
    """Tell whether both are there for who asks, by their ids and in a list."""
    client = Client(address, **who)
    paths = (f"/v1/orders/{made.order}", f"{CUSTOMERS}/{made.customer}")
    alone = {client.get(path).status for path in paths}
    page = client.get(CUSTOMERS)
    assert page.status == HTTPStatus.OK, page
    listed = made.customer in {each["id"] for each in page.body["items"]}
    assert alone == ({HTTPStatus.OK} if listed else {HTTPStatus.NOT_FOUND})
    return listed


def cookie(address: str, email: str) -> dict[str, str]:
    """Log in as a browser does, and give what it shows from then on."""
    asked = Request(
        f"http://{address}/v1/accounts/sessions",
        json.dumps({"email": email, "password": PASSWORD}).encode(),
        {"Content-Type": "application/json", **CSRF},
    )
    with urlopen(asked) as said:
        return {"Cookie": said.headers["Set-Cookie"].partition(";")[0], **CSRF}


@pytest.mark.thorough
@pytest.mark.timeout(900)
def test_rows_keep_their_owner_whoever_is_known(checkout: Path, tmp_path: Path) -> None:
    """You let a service that has rows know who asks, no more, and in another way.

    Happens: Rows from before belong to `anonymous`: admins see them, nobody else does.
        Without an identity all see all. Accounts stay, and who has rows finds them
        again, however it logs in.
    Do: `make migrate`. Set `owner_id` of the rows that belong to somebody.
    """
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    answers = {"tasks": "inline", "python_version": python, "modules": MODULES}
    service = project(checkout, tmp_path / "service", **answers, identity="none")
    lived = Lived(service, tmp_path / "dev.log")
    lived.make("migrations", "migrate", "seed")
    committed(service)

    with lived.served() as address:
        before = made(address)
        assert seen(address, before)

    lived.switch("jwt")
    with lived.served() as address:
        user, admin = (bearing(address, **form) for form in FORMS)
        assert not seen(address, before, **user)
        assert seen(address, before, **admin)
        # What is unique is so among one's own.
        own = made(address, before.email, shop=admin, **user)
        assert seen(address, own, **user)
        assert Client(address).get(CUSTOMERS).status == HTTPStatus.UNAUTHORIZED

    lived.switch("none")
    with lived.served() as address:
        between = made(address)
        assert all(seen(address, each) for each in (before, own, between))

    lived.switch("jwt")
    with lived.served() as address:
        user, admin = (bearing(address, **form) for form in FORMS)
        assert [seen(address, each, **user) for each in (before, own, between)] == [
            *(False, True, False)
        ]
        assert seen(address, between, **admin)

    lived.switch("session")
    with lived.served() as address:
        user = cookie(address, USER)
        assert not seen(address, before, **user)
        assert seen(address, own, **user)
        assert seen(address, before, **cookie(address, ADMIN))
        assert seen(address, made(address, shop=cookie(address, ADMIN), **user), **user)
