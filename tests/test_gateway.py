"""nginx before two replicas of a service, while clients and replicas misbehave."""

import json
import os
import random
import re
import shutil
import signal
import ssl
import struct
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any
from uuid import uuid4

import httpx
import pytest
import yaml

from tests.conftest import Rendered, copy, passes
from tests.promises.gateway import Forgetting, Gateway
from tests.promises.processes import Program, run, wait_for
from tests.promises.service import Service

MEBIBYTE = 1024 * 1024
EDGE = Path(__file__).parent / "promises/edge.py"
READS, SOON_SECONDS = 3, 15
PRODUCTS = "/v1/catalog/products"
# What other tests of the same gateway had it keep is public, too.
PUBLIC = re.compile(rb"KEY: httpslocalhost/v1/(?:edge/public|catalog)/")


@dataclass(frozen=True, slots=True)
class Stage:
    """What a test plays on."""

    service: Service
    gateway: Gateway
    replicas: list[Program]
    addresses: list[str]
    client: httpx.Client


def staged(
    rendered: Rendered,
    folder: Path,
    fresh: Path,
    module: str = "app.main",
    **settings: str,
) -> Iterator[Stage]:
    rendering, urls = rendered("redis")
    edged = copy(folder, fresh / "edged", gateway="nginx", identity="none")
    if module == "edge":
        shutil.copy(EDGE, rendering)
        (edged / "ops/nginx/routes.conf").write_text(routes(rendering, edged))
    with Service.open(rendering, urls, fresh, **settings) as service:
        started = [service.api(f"api-{number}", module) for number in (1, 2)]
        replicas, addresses = zip(*started, strict=True)
        with (
            Gateway.running(edged, addresses, fresh) as gateway,
            gateway.client() as client,
        ):
            yield Stage(service, gateway, [*replicas], [*addresses], client)


def routes(rendering: Path, edged: Path) -> str:
    """Have them printed by the service that has them."""
    shutil.copy(edged / "dev/gateway.py", rendering / "dev/gateway.py")
    words = (
        "import edge; from dev.gateway import printed; print(printed(edge.api.router))"
    )
    return run("env", "-C", rendering, rendering / ".venv/bin/python", "-c", words)


@pytest.fixture(scope="module")
def shop(
    rendered: Rendered, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """Replicas whose routes are of every kind."""
    yield from staged(rendered, folder, tmp_path_factory.mktemp("edge"), "edge")


@pytest.fixture
def stage(rendered: Rendered, folder: Path, tmp_path: Path) -> Iterator[Stage]:
    """Replicas that a test may hurt."""
    yield from staged(rendered, folder, tmp_path)


class TestTls:
    def test_speaks_http_2_and_does_not_say_its_version(self, shop: Stage) -> None:
        answer = shop.client.get(PRODUCTS)

        assert answer.http_version == "HTTP/2"
        assert answer.status_code == 200
        assert answer.headers["server"] == "nginx"
        assert "max-age" in answer.headers["strict-transport-security"]

    def test_sends_who_asks_in_the_clear_to_where_it_is_not(self, shop: Stage) -> None:
        answer = httpx.get(f"http://127.0.0.1:{shop.gateway.plain}{PRODUCTS}?limit=3")

        assert answer.status_code == 308
        assert answer.headers["location"] == f"https://127.0.0.1{PRODUCTS}?limit=3"

    @pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
    def test_refuses_what_is_old(self, shop: Stage) -> None:
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
        old.set_ciphers("ALL:@SECLEVEL=0")

        with pytest.raises(httpx.ConnectError, match="PROTOCOL_VERSION"):
            httpx.get(f"https://localhost:{shop.gateway.port}", verify=old)


class TestLimits:
    def test_a_slow_header_is_cut_off(self, shop: Stage) -> None:
        with shop.gateway.connect() as slow:
            slow.sendall(b"GET /v1/edge/seen HTTP/1.1\r\nHost: localhost\r\n")

            assert ended(slow, b"X-Slow: 1\r\n")

    def test_a_slow_body_is_cut_off_and_never_seen(self, shop: Stage) -> None:
        path = f"/v1/edge/{uuid4().hex}"
        with shop.gateway.connect() as slow:
            head = (
                f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n"
            )
            slow.sendall(head.encode())

            assert ended(slow)

        assert sum(each.count(path) for each in shop.replicas) == 0

    @pytest.mark.parametrize("is_declared", [True, False])
    def test_a_large_body_is_refused_as_a_problem(
        self, shop: Stage, *, is_declared: bool
    ) -> None:
        body = b"x" * (MEBIBYTE + 1)
        content = body if is_declared else iter([body])

        # By HTTP/2, this client reads no answer before it has sent all.
        with shop.gateway.client(http2=False) as client:
            answer = client.post(PRODUCTS, content=content)

        assert_problem(answer, 413)

    def test_a_body_of_the_limit_is_judged_by_the_service(self, shop: Stage) -> None:
        answer = shop.client.post(PRODUCTS, content=b"x" * MEBIBYTE)

        assert answer.status_code in {415, 422}
        assert answer.json()["instance"] == PRODUCTS

    def test_an_upload_is_as_large_as_its_route_says(self, shop: Stage) -> None:
        with shop.gateway.client(http2=False) as client:
            taken = client.post("/v1/edge/uploads", content=b"x" * 3 * MEBIBYTE)
            refused = client.post("/v1/edge/uploads", content=b"x" * 4 * MEBIBYTE)

        assert taken.json() == 3 * MEBIBYTE
        assert_problem(refused, 413)

    def test_a_large_header_is_refused_as_a_problem(self, shop: Stage) -> None:
        with shop.gateway.connect() as loud:
            large = b"X-Large: " + b"x" * 40_000
            loud.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n" + large + b"\r\n\r\n")
            said = loud.recv(65536).decode()

        head, _, body = said.partition("\r\n\r\n")
        assert head.startswith("HTTP/1.1 431")
        assert json.loads(body)["title"] == "Request Header Fields Too Large"

    def test_the_service_s_own_problems_pass(self, shop: Stage) -> None:
        answer = shop.client.get(f"{PRODUCTS}/{uuid4()}")

        assert answer.status_code == 404
        assert answer.json()["type"] == "/problems/product-not-found"


class TestForwarding:
    def test_is_not_what_clients_say(self, shop: Stage) -> None:
        forged = {
            "X-Forwarded-For": "203.0.113.7",
            "X-Forwarded-Proto": "http",
            "X-Forwarded-Host": "evil.example",
            "X-Real-IP": "203.0.113.7",
            "Forwarded": "for=203.0.113.7",
        }

        seen = shop.client.get("/v1/edge/seen", headers=forged).json()

        assert seen == {
            "x-forwarded-for": "127.0.0.1",
            "x-forwarded-host": None,
            "forwarded": None,
            "x-real-ip": None,
            "host": f"localhost:{shop.gateway.port}",
            "client": "127.0.0.1",
            "scheme": "https",
        }

    def test_a_request_keeps_its_id_or_gets_one(self, shop: Stage) -> None:
        known = uuid4().hex

        kept = shop.client.get("/v1/edge/seen", headers={"X-Request-ID": known})
        made = shop.client.get("/v1/edge/seen", headers={"X-Request-ID": "a b\tc"})

        assert kept.headers["x-request-id"] == known
        assert len(made.headers["x-request-id"]) == 32
        line = f'"request_id":"{known}"'
        wait_for("its line", lambda: shop.gateway.logged(line))
        assert sum(each.count(line) for each in shop.replicas) == 1

    def test_callers_are_counted_by_their_true_address(
        self, rendered: Rendered, folder: Path, tmp_path: Path
    ) -> None:
        # Each replica counts alone when they share no cache, so half of it is certain.
        limit = {"RATELIMITS__READS": f"{READS}/hour"}
        for stage in staged(rendered, folder, tmp_path, **limit):
            missing = f"{PRODUCTS}/{uuid4()}"
            statuses = [
                stage.client.get(
                    missing, headers={"X-Forwarded-For": f"203.0.113.{number}"}
                ).status_code
                for number in range(2 * READS + 1)
            ]
            with stage.gateway.client("127.0.0.2") as other:
                elsewhere = other.get(missing)

            assert statuses.count(404) == READS
            assert statuses[-1] == 429
            assert elsewhere.status_code == 404


class TestStreams:
    def test_an_event_comes_before_the_next(self, shop: Stage) -> None:
        with shop.client.stream("GET", "/v1/edge/events") as events:
            assert next(events.iter_lines()) == 'data: "first"'

    def test_a_websocket_is_opened(self, shop: Stage) -> None:
        with shop.gateway.connect() as talk:
            key = b64encode(os.urandom(16)).decode()
            asked = (
                "GET /v1/edge/talk HTTP/1.1\r\nHost: localhost\r\n"
                "Connection: Upgrade\r\nUpgrade: websocket\r\n"
                f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
            )
            talk.sendall(asked.encode())
            assert talk.recv(65536).startswith(b"HTTP/1.1 101")
            talk.sendall(struct.pack("!BB4s5s", 0x81, 0x85, b"\0" * 4, b"hello"))

            assert talk.recv(16) == b"\x81\x05hello"


class TestCompose:
    def test_publishes_the_gateway_alone(self, folder: Path, tmp_path: Path) -> None:
        service = copy(folder, tmp_path / "service", gateway="nginx")
        passes(
            *("check-jsonschema", "--builtin-schema", "vendor.compose-spec"),
            service / "compose.yaml",
        )
        composed = yaml.safe_load((service / "compose.yaml").read_text())
        parts = composed["services"]
        edge = parts["gateway"]

        assert [name for name, part in parts.items() if "ports" in part] == ["gateway"]
        assert [name for name, part in parts.items() if "edge" in networks(part)] == [
            "gateway",
            "api",
        ]
        assert (edge["user"], edge["read_only"]) == ("101:101", True)
        assert edge["cap_drop"] == ["ALL"]
        [subnet] = composed["networks"]["edge"]["ipam"]["config"]
        trusted = parts["api"]["environment"]["SERVER__TRUSTED_PROXIES"]
        assert trusted == subnet["subnet"]


class TestSharedCache:
    @pytest.mark.parametrize(
        "requests", [1_000, pytest.param(10_000, marks=pytest.mark.thorough)]
    )
    def test_nothing_personal_is_kept_or_shown_to_another(
        self, shop: Stage, requests: int
    ) -> None:
        chance, wrong = random.Random(requests), Counter[str]()
        cached: Counter[str] = Counter()

        def ask(number: int) -> None:
            client = clients[number % len(clients)]
            kind = chance.choice(["public"] * 6 + ["personal", "private"])
            own = f"Bearer secret-{number}" if chance.random() < 0.5 else None
            headers = {"Authorization": own} if own else {}
            key = chance.randrange(20)
            path = f"public/{requests}-{key}" if kind == "public" else kind
            answer = client.get(f"/v1/edge/{path}", headers=headers)
            body = answer.json()
            if kind == "public":
                status = answer.headers.get("x-cache", "none")
                cached[status if own is None else "with credentials"] += 1
                wrong["another"] += body["key"] != f"{requests}-{key}"
            else:
                wrong["another"] += body["of"] != own
                wrong["cached"] += "x-cache" in answer.headers
            wrong["failed"] += answer.status_code != 200

        clients = [shop.gateway.client(http2=False) for _ in range(4)]
        with ThreadPoolExecutor(len(clients)) as threads:
            list(threads.map(ask, range(requests)))
        for client in clients:
            client.close()

        assert not +wrong, wrong
        kept = shop.gateway.kept()
        assert kept
        for file in kept:
            assert b"secret-" not in file.read_bytes()
            assert PUBLIC.search(file.read_bytes())
        anonymous = sum(cached.values()) - cached["with credentials"]
        origin = cached["MISS"] + cached["EXPIRED"]
        print(f"{dict(cached)}: {1 - origin / anonymous:.1%} without a wait")
        assert cached["HIT"] + cached["STALE"] + cached["UPDATING"] > anonymous / 2

    def test_what_is_kept_costs_the_service_nothing(self, shop: Stage) -> None:
        path = f"{PRODUCTS}?limit=17"
        shop.client.get(path)
        line = '"route":"/v1/catalog/products"'
        # A line is written once its answer is sent.
        time.sleep(1)
        before = sum(each.count(line) for each in shop.replicas)

        answers = [shop.client.get(path) for _ in range(200)]

        assert {answer.headers["x-cache"] for answer in answers} == {"HIT"}
        assert sum(each.count(line) for each in shop.replicas) == before

    def test_the_old_is_shown_while_the_new_is_fetched(self, shop: Stage) -> None:
        path = f"/v1/edge/slow/{uuid4().hex}"
        first = shop.client.get(path)
        time.sleep(2)
        began = time.monotonic()

        stale = shop.client.get(path)

        assert time.monotonic() - began < 1
        assert stale.headers["x-cache"] == "STALE"
        assert stale.json() == first.json()


class TestPurge:
    def test_a_change_is_seen_once_it_is_committed(
        self, rendered: Rendered, folder: Path, tmp_path: Path
    ) -> None:
        """The gateway stands for CloudFront, and forgets what the API is told."""
        rendering, urls = rendered("redis")
        answers = {"cdn": "cloudfront", "gateway": "nginx", "identity": "none"}
        service = copy(folder, tmp_path / "service", **answers)
        (service / ".venv").symlink_to(rendering / ".venv")
        with (
            Forgetting.running() as api,
            Service.open(
                service,
                urls,
                tmp_path,
                CDN__DISTRIBUTION="E1",
                CDN__ACCESS_KEY_ID="AKIDEXAMPLE",
                CDN__SECRET_ACCESS_KEY="of-a-test",
                CDN__ENDPOINT=api.url,
            ) as shop,
        ):
            _, address = shop.api()
            shop.relay()
            shop.worker()
            with (
                Gateway.running(service, [address], tmp_path) as gateway,
                gateway.client() as client,
            ):
                api.forget = partial(forget, gateway)
                path = f"{PRODUCTS}/{added(client)}"
                old = client.get(path)
                assert client.get(path).headers["x-cache"] == "HIT"
                version = {"If-Match": old.headers["etag"]}
                changed = client.patch(path, json={"name": "New"}, headers=version)
                assert changed.status_code == 200, changed.text
                # What was shown may be kept for a minute: nothing else ends it.
                seconds = wait_for(
                    "the new name",
                    lambda: client.get(path).json()["name"] == "New",
                    seconds=30,
                )
        print(f"seen {seconds:.2f} s after the commit")
        assert api.signed > 0


def forget(gateway: Gateway, tags: set[str]) -> None:
    for file in gateway.kept():
        said = re.search(rb"(?i)^cache-tag: (\S+)", file.read_bytes(), re.MULTILINE)
        if said and tags & set(said[1].decode().split(",")):
            file.unlink(missing_ok=True)


class TestFailures:
    def test_what_may_have_changed_something_is_not_sent_twice(
        self, stage: Stage
    ) -> None:
        """A replica dies with what it was sent; another is asked to look, not to do."""
        product = added(stage.client)
        for replica in stage.replicas:
            replica.send(signal.SIGSTOP)
        with ThreadPoolExecutor(4) as threads:
            # One of each kind at each replica, which gets them in turn.
            pages = [f"{PRODUCTS}?limit={size}" for size in (11, 12)]
            looks = [later(threads, stage.client.get, page) for page in pages]
            placed = [later(threads, order, stage.client, product) for _ in range(2)]
            stage.replicas[0].kill()
            stage.replicas[1].send(signal.SIGCONT)
            answers = [each.result() for each in placed]
            seen = [each.result().status_code for each in looks]

        assert sorted(answer.status_code for answer in answers) == [201, 502]
        assert stage.service.count("orders") == 1
        assert seen == [200, 200]
        for answer in answers:
            if answer.status_code == 502:
                assert_problem(answer, 502)

    def test_the_others_are_asked_while_one_cannot_be_reached(
        self, stage: Stage
    ) -> None:
        product = added(stage.client)
        stage.replicas[0].kill()

        statuses = {order(stage.client, product).status_code for _ in range(6)}

        assert statuses == {201}
        stage.replicas[1].kill()
        assert_problem(order(stage.client, product), 502)

    @pytest.mark.thorough
    def test_a_rolled_deployment_fails_no_request(self, stage: Stage) -> None:
        product, over = added(stage.client), Event()

        def go_on() -> list[int]:
            statuses = []
            with stage.gateway.client(http2=False) as client:
                while not over.is_set():
                    # A worker that was told to end closes what is idle.
                    client.headers["Connection"] = "close"
                    statuses.append(order(client, product).status_code)
                    statuses.append(client.get(f"{PRODUCTS}?limit=7").status_code)
            return statuses

        with ThreadPoolExecutor(4) as threads:
            going = [threads.submit(go_on) for _ in range(4)]
            told = zip(stage.replicas, stage.addresses, strict=True)
            for replica, address in [*told]:
                # nginx asks nobody whether it is ready: who deploys tells it.
                stage.gateway.leave(address)
                replica.send(signal.SIGTERM)
                replica.wait(60)
                assert replica.code() == 0
                replica.start()
                stage.gateway.leave()
            over.set()
            statuses = [status for each in going for status in each.result()]

        assert set(statuses) == {200, 201}, stage.gateway.failures()
        assert stage.service.count("orders") == statuses.count(201) > 100


def networks(part: dict[str, Any]) -> list[str]:
    return part.get("networks", [])


def added(client: httpx.Client) -> str:
    word = uuid4().hex[:12]
    category = client.post("/v1/catalog/categories", json={"slug": word, "name": word})
    product = {"category_id": category.json()["id"], "sku": word, "name": word}
    answer = client.post(PRODUCTS, json=product | {"price_minor": 1, "currency": "EUR"})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def order(client: httpx.Client, product: str) -> httpx.Response:
    placed = {
        "customer_id": str(uuid4()),
        "email": "ada@example.com",
        "reference": uuid4().hex,
        "product_id": product,
        "quantity": 1,
    }
    key = {"Idempotency-Key": uuid4().hex}
    return client.post("/v1/orders", json=placed, headers=key)


def later(
    threads: ThreadPoolExecutor, do: Callable[..., httpx.Response], *given: object
) -> Future[httpx.Response]:
    """Ask, and go on when the question is on its way."""
    asked = threads.submit(do, *given)
    time.sleep(0.5)
    assert not asked.done()
    return asked


def ended(slow: ssl.SSLSocket, drip: bytes = b"") -> bool:
    """Say a little each now and then, until the other side has had enough."""
    slow.settimeout(0.3)
    for _ in range(SOON_SECONDS * 3):
        try:
            if slow.recv(4096) == b"":
                return True
        except TimeoutError:
            if drip:
                slow.sendall(drip)
        except OSError:
            return True
    return False


def assert_problem(answer: httpx.Response, status: int) -> None:
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert body["status"] == status
    assert body["request_id"] == answer.headers["x-request-id"]
