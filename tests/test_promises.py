"""What the service promises, kept while its parts are killed, frozen and doubled."""

import fcntl
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from http import HTTPStatus
from pathlib import Path
from statistics import median
from typing import TextIO

import pytest

from tests.conftest import copy
from tests.promises.load import Client, Shop, milliseconds, spread, statuses, until
from tests.promises.processes import Program, wait_for
from tests.promises.service import Service
from tests.promises.valkey import Valkey
from tests.test_renderings import interpreter, make

RABBITMQ = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
PYTHON = "3.13"
ATTEMPT_SECONDS = 31
# Shorter than in production, so that a test need not wait for long. An attempt needs
# more than the 30 seconds that a task may take.
SHORT = {
    "TASKS__CLAIM_SECONDS": "10",
    "TASKS__LEASE_SECONDS": "20",
    "TASKS__ATTEMPT_SECONDS": str(ATTEMPT_SECONDS),
}
KILLS = 10
RELAY_KILLS = 3
# The API's pool, one for each of two children of the worker, two of the relay.
CONNECTIONS = 15 + 2 + 2
WORKER_END_SECONDS = 10
# Others may use this machine too: they can spoil a measurement, never improve it.
MEASUREMENTS = 3
TICKS = 5
STRUCK = "Sending due task promises.strike"
CONFIRMED = '"task.done".*"orders.send_confirmation"'
DUPLICATE = '"task.duplicate"'

type Rendered = Callable[[str], Path]


@pytest.fixture(scope="session")
def rendered(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    """Render the service for a broker and set it up, once for each."""

    @cache
    def render(broker: str) -> Path:
        directory = tmp_path_factory.mktemp(broker)
        log = directory / "setup.log"
        service = copy(folder, directory / "service", broker=broker)
        assert make("setup", service, interpreter(PYTHON), log), log.read_text()
        return service

    return render


@pytest.fixture
def service(rendered: Rendered, tmp_path: Path) -> Iterator[Service]:
    with Service.open(rendered("redis"), tmp_path) as service:
        yield service


@pytest.fixture
def valkey(rendered: Rendered, tmp_path: Path) -> Iterator[Valkey]:
    valkey = Valkey(rendered("redis"), tmp_path / "valkey.log")
    valkey.start()
    yield valkey
    valkey.kill()


@pytest.fixture
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Of a test that makes load: not beside one that measures time."""
    with _locked(tmp_path_factory, fcntl.LOCK_SH):
        yield


@pytest.fixture
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Of a test that measures time: not beside one that makes load."""
    with _locked(tmp_path_factory, fcntl.LOCK_EX):
        yield


@pytest.mark.usefixtures("busy")
@pytest.mark.parametrize(("broker", "number"), [("redis", 1000), ("rabbitmq", 300)])
def test_an_order_is_confirmed_once_whatever_is_killed_on_the_way(
    rendered: Rendered, tmp_path: Path, broker: str, number: int
) -> None:
    if broker == "rabbitmq" and not RABBITMQ.exists():
        pytest.skip("no RabbitMQ is installed here")
    with Service.open(rendered(broker), tmp_path, **SHORT) as service:
        _, address = service.api()
        service.mail()
        worker, relay = service.worker(), service.relay()
        shop, began = Shop(address), time.monotonic()

        with ThreadPoolExecutor(1) as beside:
            placing = beside.submit(shop.orders, number, concurrency=20)
            lost = kill_now_and_then(service, worker, relay, seed=number)
        answers = placing.result()
        service.wait_for_the_outbox()

        letters, open_ = service.letters(), service.connections()
        report(
            f"{broker}: {len(answers)} orders; {KILLS} workers, {RELAY_KILLS} relays "
            f"killed, {lost} attempts lost: {service.count('confirmations')} "
            f"confirmations, {len(letters)} letters, {open_} connections, "
            f"{time.monotonic() - began:.0f} s; POST {spread(milliseconds(answers))}"
        )
        assert len(answers) == number
        assert lost > 0
        assert len(set(letters)) == number
        assert open_ <= CONNECTIONS
        expect_one_confirmation_each(service, shop)


def kill_now_and_then(
    service: Service, worker: Program, relay: Program, *, seed: int
) -> int:
    """Kill at random moments while there is work; say how many attempts that cost."""
    chance = random.Random(seed)
    with_relay = chance.sample(range(KILLS), RELAY_KILLS)
    lost = 0
    for kill in range(KILLS):
        before = service.count("confirmations")
        service.wait_for_more("confirmations", before)
        time.sleep(chance.uniform(0, 0.5))
        assert service.count("outbox") > 0, "The work was done before the last kill."
        worker.kill()
        lost += service.begun(since_seconds=1, lease_seconds=ATTEMPT_SECONDS)
        if kill in with_relay:
            relay.kill()
            relay.start()
        worker.start()
    return lost


@pytest.mark.usefixtures("busy")
def test_what_one_replica_has_answered_another_finds(service: Service) -> None:
    _, one = service.api("one")
    _, other = service.api("other")
    shop, reader = Shop(one), Client(other)

    reads = []
    for _ in range(300):
        order = shop.order()
        reads.append(reader.get_anew(f"/v1/orders/{order.body['id']}"))

    found = [read.body.get("id") for read in reads]
    report(f"read your writes: found {len(found) - found.count(None)} of 300")
    assert found == [order.body["id"] for order in shop.placed]
    assert service.errors() == []


@pytest.mark.usefixtures("quiet")
def test_a_read_without_its_cache_is_late_for_a_moment_and_never_fails(
    rendered: Rendered, tmp_path: Path, valkey: Valkey
) -> None:
    with Service.open(rendered("redis"), tmp_path, CACHE__URL=valkey.url) as service:
        _, address = service.api()
        Shop(address)
        measured(lambda: read_without_the_cache(Client(address), valkey))
        assert service.errors() == []


def read_without_the_cache(reader: Client, valkey: Valkey) -> None:
    def read(seconds: float) -> list[float]:
        answers = [reader.get("/v1/catalog/products") for _ in until(seconds)]
        assert statuses(answers) == {HTTPStatus.OK}
        return milliseconds(answers)

    read(0.5)
    before = read(1)
    valkey.freeze()
    frozen = read(3)
    valkey.kill()
    down = read(2)
    valkey.start()
    read(1.5)
    hits, after = valkey.hits(), read(1)
    hits = valkey.hits() - hits

    report(
        f"reads: {spread(before)}; cache frozen: {spread(frozen)}; "
        f"killed: {spread(down)}; back: {spread(after)}, {hits} of {len(after)} hits"
    )
    assert max(frozen + down) - median(frozen) <= 60
    assert median(frozen) - median(before) <= 5
    assert median(down) - median(before) <= 5
    assert hits >= len(after)


@pytest.mark.usefixtures("quiet")
def test_without_its_broker_orders_are_taken_as_before_and_confirmed_later(
    rendered: Rendered, tmp_path: Path, valkey: Valkey
) -> None:
    settings = {"TASKS__BROKER_URL": valkey.url, "TASKS__LEASE_SECONDS": "5"}
    with Service.open(rendered("redis"), tmp_path, **settings) as service:
        _, address = service.api()
        service.mail()
        service.worker()
        service.relay()
        shop = Shop(address)

        before = milliseconds([shop.order() for _ in until(2)])
        valkey.freeze()
        frozen = milliseconds([shop.order() for _ in until(3)])
        valkey.kill()
        down = milliseconds([shop.order() for _ in until(3)])
        waiting = service.count("outbox")
        valkey.start()
        seconds = service.wait_for_the_outbox()

        report(
            f"orders: {spread(before)}; broker frozen: {spread(frozen)}; "
            f"killed: {spread(down)}; {waiting} waited, all done {seconds:.1f} s later"
        )
        assert median(frozen + down) <= 1.5 * median(before)
        # Whoever waits for a broker does so until a time limit of two seconds.
        assert max(frozen + down) < 1000
        expect_one_confirmation_each(service, shop)


@pytest.mark.usefixtures("busy")
@pytest.mark.parametrize("lost", [0, 1], ids=["whole", "maimed"])
def test_a_worker_that_is_told_to_end_does_so_soon_and_loses_nothing(
    rendered: Rendered, tmp_path: Path, lost: int
) -> None:
    with Service.open(rendered("redis"), tmp_path, **SHORT) as service:
        _, address = service.api()
        mail, worker = service.mail(), service.worker()
        service.relay()
        shop = Shop(address)
        shop.orders(60, concurrency=10)

        # Nobody can be told while the mail server sleeps: tasks are under way for sure.
        mail.send(signal.SIGSTOP)
        wait_for("tasks", lambda: service.begun(lease_seconds=ATTEMPT_SECONDS) == 2)
        for child in worker.children()[:lost]:
            os.kill(child, signal.SIGKILL)
        worker.send(signal.SIGTERM)
        time.sleep(0.5)
        mail.send(signal.SIGCONT)
        seconds = worker.wait(60)
        unfinished = service.begun(lease_seconds=ATTEMPT_SECONDS)
        worker.start()
        service.wait_for_the_outbox()

        report(f"told to end, {lost} children lost: it took {seconds:.1f} s")
        assert seconds < WORKER_END_SECONDS
        assert unfinished == lost
        expect_one_confirmation_each(service, shop)


@pytest.mark.usefixtures("busy")
def test_two_relays_and_two_clocks_are_as_good_as_one(
    service: Service, rendered: Rendered
) -> None:
    shutil.copy(Path(__file__).parent / "promises/ticking.py", rendered("redis"))
    service.run_sql("CREATE TABLE ticks (due_at timestamptz)")
    _, address = service.api()
    service.mail()
    worker = service.worker("ticking")
    clocks = [service.beat(name, "ticking") for name in ("beat-1", "beat-2")]
    for name in ("relay-1", "relay-2"):
        service.relay(name)
    shop = Shop(address)

    shop.orders(300, concurrency=10)
    wait_for("ticks", lambda: service.count("ticks") >= TICKS)
    for clock in clocks:
        clock.kill()
    service.wait_for_the_outbox()

    strikes = [clock.count(STRUCK) for clock in clocks]
    ticks, done = service.count("ticks"), worker.count(CONFIRMED)
    report(
        f"two relays: 300 orders, {done} tasks done; clocks: {strikes}, {ticks} ticks"
    )
    assert min(strikes) >= TICKS
    assert ticks == service.sql("SELECT count(DISTINCT due_at) FROM ticks")
    assert done == 300
    assert worker.count(DUPLICATE) == 0
    expect_one_confirmation_each(service, shop)


def expect_one_confirmation_each(service: Service, shop: Shop) -> None:
    """Nothing is lost, nothing twice, nothing left, and nobody has seen an error."""
    ids = ",".join(str(order.body["id"]) for order in shop.placed)
    number = len(shop.placed)
    kept = f"SELECT count(*) FROM orders WHERE id = ANY ('{{{ids}}}')"
    assert statuses(shop.placed) == {HTTPStatus.CREATED}
    assert service.sql(kept) == service.count("orders") == number
    assert service.count("confirmations") == number
    distinct = "SELECT count(DISTINCT order_id) FROM confirmations"
    assert service.sql(distinct) == number
    assert service.count("outbox") == service.count("quarantine") == 0
    assert service.errors() == []


def measured(measure: Callable[[], None]) -> None:
    """Believe the best of a few measurements."""
    for _ in range(MEASUREMENTS - 1):
        try:
            return measure()
        except AssertionError as reason:
            report(f"measured again, for: {reason}")
    return measure()


def report(line: str) -> None:
    """Shown by `-s`, also from a worker of pytest-xdist."""
    print(line, file=sys.stderr, flush=True)


def _locked(factory: pytest.TempPathFactory, kind: int) -> TextIO:
    """Hold a lock among the workers of pytest-xdist until the file is closed."""
    lock = (factory.getbasetemp().parent / "promises.lock").open("w")
    fcntl.flock(lock, kind)
    return lock
