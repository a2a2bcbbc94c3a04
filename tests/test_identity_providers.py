"""A service with identity=oidc beside the processes of two real providers."""

import base64
import json
import os
import shutil
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from subprocess import TimeoutExpired
from urllib.parse import urlencode

import pytest

from tests.conftest import copy, passes
from tests.promises.processes import Program, free_port, wait_for
from tests.suites.rendering import developer
from variants import ROOT

SCRIPTS = ROOT / "tests/providers"
AUDIENCE = "https://shop.example"
# What an unknown key has to wait for when another was asked for just before.
PATIENCE_SECONDS = 30
SMALL = {"cache": "none", "tasks": "inline", "telemetry": "none", "ci": "none"}
NUMBERS = count()
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(600)]


@dataclass(frozen=True, slots=True)
class Providers:
    """What a provider of each kind is started with."""

    folder: Path

    def command(self, kind: str) -> list[str | Path]:
        if kind == "oidc-provider":
            return [shutil.which("node") or "node", self.folder / "oidc_provider.mjs"]
        return [self.folder / ".venv/bin/python", SCRIPTS / "canaille_provider.py"]


@pytest.fixture(scope="module")
def providers(tmp_path_factory: pytest.TempPathFactory) -> Providers:
    folder = tmp_path_factory.mktemp("providers")
    if shutil.which("npm") is None:
        pytest.fail("npm brings one of the providers: install Node.js.")
    shutil.copy(SCRIPTS / "oidc_provider.mjs", folder)
    passes("npm", "install", "--silent", "oidc-provider@9.13.3", cwd=folder)
    uv = os.environ.get("UV", "uv")
    passes(uv, "venv", "--quiet", "--python", sys.executable, ".venv", cwd=folder)
    brings = ("--python", ".venv/bin/python", "pytest-iam==0.3.0")
    passes(uv, "pip", "install", "--quiet", *brings, cwd=folder)
    return Providers(folder)


@pytest.fixture(scope="module")
def service(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    version = "{}.{}".format(*sys.version_info)
    into = tmp_path_factory.mktemp("oidc") / "service"
    service = copy(folder, into, identity="oidc", python_version=version, **SMALL)
    passes("make", "setup", cwd=service)
    return service


@dataclass(frozen=True, slots=True)
class Provider:
    program: Program
    issuer: str

    def token(self, scope: str) -> str:
        """Get one for a client that acts for itself."""
        about = _json(f"{self.issuer}/.well-known/openid-configuration")
        client = base64.b64encode(b"robot:for-this-test-only").decode()
        form = urlencode({"grant_type": "client_credentials", "scope": scope})
        request = urllib.request.Request(
            about["token_endpoint"],
            data=form.encode(),
            headers={"Authorization": f"Basic {client}"},
        )
        with DIRECT.open(request, timeout=10) as response:
            return json.load(response)["access_token"]


@pytest.fixture(params=["oidc-provider", "canaille"])
def start(
    request: pytest.FixtureRequest, providers: Providers, tmp_path: Path
) -> Iterator[Callable[[str], Provider]]:
    """Start the provider with a key of this name, always at the same place."""
    port, started = str(free_port()), []

    def start(kid: str) -> Provider:
        words = (*providers.command(request.param), port, AUDIENCE, kid)
        program = Program(
            *words,
            log=tmp_path / "provider.log",
            cwd=providers.folder,
            environment=dict(os.environ),
            ready=lambda said: "ready" in said,
        )
        started.append(program)
        program.start()
        return Provider(program, f"http://localhost:{port}")

    yield start
    for program in started:
        program.kill()


@pytest.fixture
def api(
    service: Path, start: Callable[[str], Provider], tmp_path: Path
) -> Iterator[tuple[Provider, str]]:
    """`make dev`, told of a provider that runs already."""
    provider, port = start("first"), str(free_port())
    program = Program(
        ".venv/bin/python",
        "-m",
        "dev",
        log=tmp_path / "service.log",
        cwd=service,
        environment=developer(Path(sys.executable))
        | {
            "IDENTITY__ISSUER": provider.issuer,
            "IDENTITY__AUDIENCE": AUDIENCE,
            "UVICORN_PORT": port,
        },
        ready=lambda said: "Ctrl-C ends all." in said,
    )
    try:
        program.start()
        yield provider, f"http://127.0.0.1:{port}/v1/catalog/categories"
    finally:
        with suppress(OSError, TimeoutExpired):
            program.send(signal.SIGINT)
            program.wait(60)
        program.kill()


def test_its_tokens_are_believed_and_its_keys_followed(
    api: tuple[Provider, str], start: Callable[[str], Provider]
) -> None:
    provider, url = api
    token = provider.token("catalog")

    assert asked(url) == 401
    assert asked(url, provider.token("reports")) == 403
    assert asked(url, token) == 201

    # Another key, without a restart of the service.
    provider.program.kill()
    provider = start("second")
    newer = provider.token("catalog")
    wait_for("The new key", lambda: asked(url, newer) == 201, seconds=PATIENCE_SECONDS)
    assert asked(url, token) == 401

    # The provider is gone: what is known goes on, and the rest may be good.
    provider.program.kill()
    assert asked(url, newer) == 201
    strange = _of_key("third", newer)
    wait_for("503", lambda: asked(url, strange) == 503, seconds=PATIENCE_SECONDS)
    assert asked(url, newer) == 201


def asked(url: str, token: str = "") -> int:
    """Make something that needs a scope; tell the status."""
    number = next(NUMBERS)
    request = urllib.request.Request(
        url,
        data=json.dumps({"slug": f"c{number}", "name": "Desks"}).encode(),
        headers={"Content-Type": "application/json"}
        | ({"Authorization": f"Bearer {token}"} if token else {}),
    )
    try:
        with DIRECT.open(request, timeout=10) as response:
            return response.status
    except urllib.error.HTTPError as error:
        return error.code


def _of_key(kid: str, token: str) -> str:
    header = json.dumps({"alg": "RS256", "typ": "at+jwt", "kid": kid}).encode()
    encoded = base64.urlsafe_b64encode(header).rstrip(b"=").decode()
    return f"{encoded}.{token.partition('.')[2]}"


def _json(url: str) -> dict[str, str]:
    with DIRECT.open(url, timeout=10) as response:
        return json.load(response)
