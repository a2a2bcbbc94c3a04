"""The containers of a rendering: their files are sound, and they do what they say."""

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen
from uuid import uuid4

import pytest
import yaml

from tests.conftest import copy, passes
from tests.containers.engine import Project, docker, inspect, require_engine, try_docker
from tests.containers.images import provide
from tests.promises.deployment import processes
from tests.promises.processes import free_port, wait_for
from tests.suites import pythons
from variants import Answers

PYTHON = "3.13"
LARGEST_BYTES = 140_000_000
DRAIN_SECONDS = 5
RENDERINGS: dict[str, Answers] = {
    "default": {},
    "minimal": {"cache": "none", "tasks": "inline", "telemetry": "none"},
    "rabbitmq": {"broker": "rabbitmq", "monitoring": "false"},
}
# Nothing that builds or installs, and nothing that can be written.
PROBE = """
import os, pathlib, shutil
tools = ("pip", "pip3", "uv", "gcc", "cc", "make")
print(os.getuid(), *filter(shutil.which, tools))
try:
    pathlib.Path("/service/x").touch()
except OSError as error:
    print(error.strerror)
"""


@pytest.fixture(scope="module", params=RENDERINGS)
def rendering(
    request: pytest.FixtureRequest,
    folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    into = tmp_path_factory.mktemp("containers") / request.param
    return copy(folder, into, **RENDERINGS[request.param])


class TestFiles:
    def test_hadolint_finds_nothing(self, rendering: Path) -> None:
        passes("hadolint", rendering / "Dockerfile")

    def test_compose_files_meet_the_schema(self, rendering: Path) -> None:
        schema = ("--builtin-schema", "vendor.compose-spec")
        files = [rendering / "compose.yaml", *rendering.glob("ops/*/compose.yaml")]

        passes("check-jsonschema", *schema, *files)

    def test_every_part_is_included(self, rendering: Path) -> None:
        included = yaml.safe_load((rendering / "compose.yaml").read_text())

        parts = rendering.glob("ops/*/compose.yaml")

        assert included.get("include", []) == [
            part.relative_to(rendering).as_posix() for part in parts
        ]

    def test_compose_reads_them(self, rendering: Path) -> None:
        if try_docker("compose", "version").returncode != 0:
            pytest.skip("NOT TESTED: docker compose is not installed")

        docker("compose", "config", "--quiet", cwd=rendering)


@pytest.fixture(scope="module")
def service(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A rendering after `make setup`; the images of monitoring are not its point."""
    require_engine()
    answers = {"monitoring": False, "identity": "none"}
    service = copy(folder, tmp_path_factory.mktemp("shop") / "shop", **answers)
    passes("uv", "lock", "--quiet", "--python", interpreter(), cwd=service)
    return service


@pytest.fixture(scope="module")
def project(
    service: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Project]:
    name = f"strata-{uuid4().hex[:8]}"
    project = Project(service, name, IMAGE=f"{name}:test", API_PORT=str(free_port()))
    bases = [f"python:{PYTHON}-slim", _uv_image(service)]
    scratch = tmp_path_factory.mktemp("images")
    provide(bases + project.images(), python=interpreter(), scratch=scratch)
    project.compose("build", "--quiet", timeout=600)
    yield project
    try_docker("image", "rm", f"{name}:test")


@pytest.fixture(scope="module")
def image(project: Project) -> str:
    return project.image


@pytest.mark.timeout(1200)
class TestImage:
    def test_is_little_larger_than_its_base(self, image: str) -> None:
        added = inspect(image)["Size"] - inspect(f"python:{PYTHON}-slim")["Size"]

        print(f"{added / 1e6:.0f} MB above the base image")
        assert added <= LARGEST_BYTES

    def test_runs_as_nobody_with_nothing_to_build_with(self, image: str) -> None:
        rights = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges")

        said = docker("run", "--rm", *rights, image, "python", "-c", PROBE)

        assert said.splitlines() == ["10001", "Read-only file system"]

    def test_has_no_file_but_the_service_s(self, image: str) -> None:
        listed = docker("run", "--rm", image, "ls", "-A", "/service")

        assert listed.split() == [".venv", "app", "migrations", "pyproject.toml"]

    def test_needs_the_lock_that_make_setup_shortens(
        self, project: Project, service: Path, folder: Path, tmp_path: Path
    ) -> None:
        unprepared = shutil.copytree(service, tmp_path / "unprepared")
        shutil.copy(folder / "template/uv.lock", unprepared)

        run = try_docker("build", "--progress=plain", unprepared)

        assert run.returncode != 0
        assert "uv.lock does not fit pyproject.toml: run 'make setup'" in run.stderr


@pytest.mark.timeout(1200)
class TestCompose:
    def test_serves_an_order_and_ends_in_peace(self, project: Project) -> None:
        with project.running():
            address = f"http://{project.compose('port', 'api', '8000')}"
            order = place_order(address)
            wait_for("a confirmation", lambda: get(f"{address}{order}")["confirmed_at"])
            began = time.monotonic()
            project.compose("stop", *processes())
            seconds = time.monotonic() - began

            ended = {name: exit_code(project, name) for name in processes()}

        print(f"stopped in {seconds:.1f} s: {ended}")
        assert ended == dict.fromkeys(processes(), 0)
        assert DRAIN_SECONDS <= seconds < DRAIN_SECONDS + 20


def place_order(address: str) -> str:
    """Give the order's path."""
    products = f"{address}/v1/catalog"
    category = post(f"{products}/categories", {"slug": "lamps", "name": "Lamps"})
    lamp = {"sku": "LAMP-1", "name": "Lamp", "price_minor": 4990, "currency": "EUR"}
    product = post(f"{products}/products", lamp | {"category_id": category["id"]})
    draft = {
        "customer_id": str(uuid4()),
        "email": "ada@example.com",
        "reference": "PO-1842",
        "product_id": product["id"],
        "quantity": 2,
    }
    order = post(f"{address}/v1/orders", draft)
    return f"/v1/orders/{order['id']}"


def post(url: str, body: dict[str, object]) -> dict[str, str]:
    headers = {
        "Content-Type": "application/json",
        "Idempotency-Key": str(uuid4()),
    }
    with urlopen(Request(url, json.dumps(body).encode(), headers), timeout=10) as said:
        return json.load(said)


def get(url: str) -> dict[str, str]:
    with urlopen(url, timeout=10) as said:
        return json.load(said)


def exit_code(project: Project, service: str) -> int:
    return inspect(project.container(service))["State"]["ExitCode"]


def interpreter() -> Path:
    python = pythons.find(PYTHON)
    if python is None:
        pytest.skip(f"NOT TESTED: no Python {PYTHON} was found")
    return python


def _uv_image(service: Path) -> str:
    [line] = [
        line
        for line in (service / "Dockerfile").read_text().splitlines()
        if line.startswith("ARG UV_IMAGE=")
    ]
    return line.partition("=")[2]
