"""What the service promises, kept while its parts are killed, frozen and doubled."""

import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from http import HTTPStatus
from pathlib import Path
from statistics import median

import pytest

from tests.conftest import Rendered
from tests.promises.deployment import processes
from tests.promises.load import Client, Shop, milliseconds, spread, statuses, until
from tests.promises.processes import Program, wait_for
from tests.promises.service import Service
from tests.promises.valkey import Valkey

RABBITMQ = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
ATTEMPT_SECONDS = 31
# Shorter than in production, so that a test need not wait for long. An attempt needs
# more than the 30 seconds that a task may take.
SHORT = {
    "TASKS__CLAIM_SECONDS": "10",
    "TASKS__LEASE_SECONDS": "20",
    "TASKS__ATTEMPT_SECONDS": str(ATTEMPT_SECONDS),
}
RELAY_KILLS = 3
CONNECTIONS = sum(process["connections"] for process in processes().values())
WORKER_END_SECONDS = 10
# Others may use this machine too: they can spoil a measurement, never improve it.
MEASUREMENTS = 3
PAGE = "/v1/catalog/products"
PLAIN_PAGE = f"{PAGE}?limit=19"
FROZEN_SECONDS = 3
CACHE_TIMEOUT_MS = 50
BROKER_TIMEOUT_MS = 2000
TICKS = 5
MISSED_SECONDS = 4
CONFIRMED = '"task.done".*"orders.send_confirmation"'
DUPLICATE = '"task.duplicate"'

type Opened = AbstractContextManager[Service]
type Opener = Callable[..., Opened]


@pytest.fixture
def opened(rendered: Rendered, tmp_path: Path) -> Opener:
    """Open a service of the test's own, with other settings than the usual ones."""

    def open_(
        broker: str = "redis", **settings: str
    ) -> AbstractContextManager[Service]:
        rendering, urls = rendered(broker)
        return Service.open(rendering, urls, tmp_path, **settings)

    return open_


@pytest.fixture
def service(opened: Opener) -> Iterator[Service]:
    with opened() as service:
        yield service


@pytest.fixture
def valkey(rendered: Rendered, tmp_path: Path) -> Iterator[Valkey]:
    valkey = Valkey(rendered("redis")[0], tmp_path / "valkey.log")
    valkey.start()
    yield valkey
    valkey.kill()


def test_an_order_is_confirmed_once_whatever_is_killed_on_the_way(
    opened: Opener,
) -> None:
    with opened("redis", **SHORT) as service:
        expect_orders_to_survive(service, "redis", number=1000, kills=10)


def expect_orders_to_survive(
    service: Service, broker: str, *, number: int, kills: int
) -> None:
    _, address = service.api()
    service.mail()
    worker, relay = service.worker(), service.relay()
    shop, began = Shop(address), time.monotonic()

    with ThreadPoolExecutor(1) as beside:
        placing = beside.submit(shop.orders, number, concurrency=20)
        lost = kill_now_and_then(service, worker, relay, kills=kills)
    waits = milliseconds(placing.result())
    service.wait_for_the_outbox()

    letters, open_ = service.letters(), service.connections()
    report(
        f"{broker}: {len(waits)} orders; {kills} workers, {RELAY_KILLS} relays "
        f"killed, {lost} attempts lost: {service.count('confirmations')} "
        f"confirmations, {len(letters)} letters, {open_} connections, "
        f"{time.monotonic() - began:.0f} s; POST {spread(waits)}"
    )
    assert len(waits) == number
    assert lost > 0
    assert len(set(letters)) == number
    assert open_ <= CONNECTIONS
    expect_one_confirmation_each(service, shop)


def kill_now_and_then(
    service: Service, worker: Program, relay: Program, *, kills: int
) -> int:
    """Kill at random moments while there is work; say how many attempts that cost."""
    chance = random.Random(kills)
    with_relay = chance.sample(range(kills), RELAY_KILLS)
    lost = 0
    for kill in range(kills):
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


def test_a_read_without_its_cache_is_late_for_a_moment_and_never_fails(
    opened: Opener, valkey: Valkey
) -> None:
    with opened(CACHE__URL=valkey.url) as service:
        _, address = service.api()
        Shop(address)
        measured(lambda: read_without_the_cache(Client(address), valkey))
        assert service.errors() == []


def read_without_the_cache(reader: Client, valkey: Valkey) -> None:
    def read(seconds: float) -> tuple[list[float], list[float]]:
        """Take turns with reads of a page that is never cached."""
        pairs = [(reader.get(PAGE), reader.get(PLAIN_PAGE)) for _ in until(seconds)]
        cached, plain = zip(*pairs, strict=True)
        assert statuses(cached) == statuses(plain) == {HTTPStatus.OK}
        return milliseconds(cached), milliseconds(plain)

    read(0.5)
    before, plain_before = read(1)
    valkey.freeze()
    frozen, plain_frozen = read(FROZEN_SECONDS)
    valkey.kill()
    down, plain_down = read(1)
    valkey.start()
    read(1.2)
    hits, (after, _) = valkey.hits(), read(1)
    hits = valkey.hits() - hits

    finders = [wait for wait in frozen if wait > CACHE_TIMEOUT_MS]
    late = [wait - median(plain_frozen) for wait in finders]
    report(
        f"reads: {spread(before)} (uncached {median(plain_before):.1f}); cache frozen: "
        f"{spread(frozen)} (uncached {median(plain_frozen):.1f}), of {len(frozen)} "
        f"{len(late)} are {median(late):.1f} late; killed: {spread(down)} (uncached "
        f"{median(plain_down):.1f}); back: {spread(after)}, {hits} of {len(after)} hit"
    )
    # A second question would make it twice as long.
    assert median(late) < 1.8 * CACHE_TIMEOUT_MS
    # Once in each second, one read finds out for all; the machine may be late besides.
    delayed = sum(wait > CACHE_TIMEOUT_MS for wait in plain_frozen)
    assert len(late) <= FROZEN_SECONDS + 1 + delayed
    assert median(frozen) - median(plain_frozen) < CACHE_TIMEOUT_MS / 5
    assert median(down) - median(plain_down) < CACHE_TIMEOUT_MS / 5
    assert hits >= 0.9 * len(after)


@pytest.mark.thorough
@pytest.mark.skipif(not RABBITMQ.exists(), reason="no RabbitMQ is installed here")
def test_an_order_is_confirmed_once_by_way_of_rabbitmq_too(opened: Opener) -> None:
    with opened("rabbitmq", **SHORT) as service:
        expect_orders_to_survive(service, "rabbitmq", number=300, kills=5)


def test_without_its_broker_orders_are_taken_as_before_and_confirmed_later(
    opened: Opener, valkey: Valkey
) -> None:
    settings = {"BROKER__URL": valkey.url, "TASKS__LEASE_SECONDS": "5"}
    with opened(**settings) as service:
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
        # Whoever waits for a broker does so until a time limit of two seconds; whoever
        # does not waits for the machine alone.
        late = [wait for wait in frozen + down if wait > BROKER_TIMEOUT_MS]
        assert median(frozen + down) < BROKER_TIMEOUT_MS / 4
        assert len(late) <= len(frozen + down) / 20
        expect_one_confirmation_each(service, shop)


def test_a_worker_that_is_told_to_end_does_so_soon_and_loses_nothing(
    opened: Opener,
) -> None:
    with opened(**SHORT) as service:
        _, address = service.api()
        mail, worker = service.mail(), service.worker()
        service.relay()
        shop = Shop(address)

        shop.orders(30, concurrency=10)
        whole = end_while_it_works(service, worker, mail, children_lost=0)
        worker.start()
        shop.orders(30, concurrency=10)
        maimed = end_while_it_works(service, worker, mail, children_lost=1)
        worker.start()
        service.wait_for_the_outbox()

        report(f"told to end: {whole:.1f} s; with a child lost: {maimed:.1f} s")
        assert max(whole, maimed) < WORKER_END_SECONDS
        expect_one_confirmation_each(service, shop)


def end_while_it_works(
    service: Service, worker: Program, mail: Program, *, children_lost: int
) -> float:
    """Say how long it took."""
    # Nobody can be told while the mail server sleeps: tasks are under way for sure.
    mail.send(signal.SIGSTOP)
    wait_for("tasks", lambda: service.begun(lease_seconds=ATTEMPT_SECONDS) == 2)
    # The first of them does no work: it answers for the others.
    for child in worker.children()[1:][:children_lost]:
        os.kill(child, signal.SIGKILL)
    worker.send(signal.SIGTERM)
    time.sleep(0.5)
    mail.send(signal.SIGCONT)
    seconds = worker.wait(60)
    assert service.begun(lease_seconds=ATTEMPT_SECONDS) == children_lost
    return seconds


def test_two_relays_and_their_clocks_are_as_good_as_one(
    service: Service, rendered: Rendered
) -> None:
    shutil.copy(Path(__file__).parent / "promises/ticking.py", rendered("redis")[0])
    service.run_sql("CREATE TABLE strikes (due_at timestamptz)")
    _, address = service.api()
    service.mail()
    worker = service.worker("ticking")
    relays = [service.relay(name, "ticking") for name in ("relay-1", "relay-2")]
    shop = Shop(address)

    shop.orders(200, concurrency=10)
    wait_for("ticks", lambda: service.count("strikes") >= TICKS)
    for relay in relays:
        relay.kill()
    time.sleep(MISSED_SECONDS)
    before = service.count("strikes")
    missed = service.run_sql("SELECT due_at FROM ticks WHERE task = 'promises.strike'")
    relay = service.relay("relay-3", "ticking")
    wait_for("more ticks", lambda: service.count("strikes") >= before + TICKS)
    # The last relay has no clock that strikes.
    relay.kill()
    service.relay("relay-4")
    service.wait_for_the_outbox()

    done, ticks = worker.count(CONFIRMED), service.count("strikes")
    late = service.sql(
        f"SELECT extract(epoch FROM min(due_at) - '{missed}')::int "
        f"FROM strikes WHERE due_at > '{missed}'"
    )
    report(f"two relays: {done} tasks done, {ticks} ticks; the next {late} s later")
    assert ticks == service.sql("SELECT count(DISTINCT due_at) FROM strikes")
    assert late >= MISSED_SECONDS
    assert done == 200
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
