"""What a client is told by OpenAPI is how each route answers, whoever asks."""

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.conftest import copy
from tests.promises import servers
from tests.promises.load import bearing
from tests.promises.service import Service
from tests.suites import pythons
from tests.suites.rendering import make

ANSWERS = {
    "identity": "jwt",
    "api_keys": True,
    "webhooks": True,
    "modules": {
        "customers": {"name": "str(200) searchable", "email": "email unique"},
        "invoices": {
            "number": "str(32) unique",
            "amount": "money indexed",
            "due": "date indexed",
            "status": "enum(draft, sent, paid) indexed",
            "extra": "json",
            "customer": "ref(customers)",
            "note": "text optional searchable",
        },
    },
}
# No failure of the server, no status that is not documented, no route that forgets to
# ask who it is. It also reads each body by its schema.
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "ignored_auth",
    "unsupported_method",
    "use_after_free",
)
GENERATED = re.compile(r"(\d+) generated")
FEWEST = 2000
PASSWORD = "correct horse battery"
# One caller asks more here than any other may.
UNLIMITED = {
    "RATELIMITS__READS": "none",
    "RATELIMITS__WRITES": "none",
    "RATELIMITS__CLASSES": "passwords=none",
    "IDENTITY__ACCESS_MINUTES": "60",
}

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def address(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Mapping[str, dict[str, str]]]]:
    """Serve it, and log in those who ask."""
    place = tmp_path_factory.mktemp("described")
    service, log = copy(folder, place / "service", **ANSWERS), place / "setup.log"
    python = pythons.nearest("3.13")
    for target in ("setup", "migrations"):
        assert make(target, service, log, python=python), log.read_text()
    with (
        servers.running(service, place) as urls,
        Service.open(service, urls, place, **UNLIMITED) as running,
    ):
        _, address = running.api()
        yield (
            address,
            {
                "anonymous": {},
                "owner": log_in(running, address, "owner@example.com", "nothing"),
                "admin": log_in(running, address, "admin@example.com", "admin"),
            },
        )


def log_in(service: Service, address: str, email: str, scope: str) -> dict[str, str]:
    service.operate("accounts", "create-admin", email, "--password", PASSWORD)
    service.operate("accounts", "grant", email, scope)
    return bearing(address, username=email, password=PASSWORD)


@pytest.mark.parametrize("who", ["anonymous", "owner", "admin"])
def test_answers_as_described(
    address: tuple[str, Mapping[str, dict[str, str]]], who: str, tmp_path: Path
) -> None:
    host, clients = address
    headers = [f"--header={name}: {said}" for name, said in clients[who].items()]

    run = subprocess.run(
        [
            *(Path(sys.executable).with_name("schemathesis"), "--no-color", "run"),
            *(f"http://{host}/openapi.json", *headers, f"--checks={','.join(CHECKS)}"),
            *("--phases=examples,coverage,fuzzing,stateful", "--max-examples=50"),
            *("--continue-on-failure", "--no-shrink", "--seed=1"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stdout
    assert int(GENERATED.search(run.stdout)[1]) > FEWEST
