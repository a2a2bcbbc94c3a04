"""Every kind of request, round by round, at the service and what stands beside it."""

import argparse
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from benchmarks import claims, peers, report
from benchmarks.database import Database
from benchmarks.prepared import prepared, say
from benchmarks.servers import Load, Server, serving, shop
from benchmarks.workloads import TWICE, Workload, workloads

PRODUCTS, ORDERS = 10_000, 100_000
WARM_UP_SECONDS = 1.0


def measured(asked: argparse.Namespace) -> dict[str, str]:
    peer = peers.read(asked.peer) if asked.peer else None
    with prepared(asked.row) as (rendering, urls, logs), ExitStack() as stack:
        database = Database(rendering, urls)
        database.seed(PRODUCTS, orders=ORDERS)
        servers = stack.enter_context(serving(database, logs))
        load = stack.enter_context(Load.running(rendering))
        works = workloads(shop(database, servers["service"].address))
        if peer is not None:
            works = peer.beside(works)
            servers[peer.name] = Server(peer.name, peer.address, None, core=None)
        chosen = [
            work
            for work in works
            if not asked.only or any(work.name.startswith(word) for word in asked.only)
        ]
        found = measure(asked, chosen, servers, load, database)
        sizes = {
            name: (each.megabytes, each.seconds_to_start)
            for name, each in servers.items()
            if each.processes()
        }
        pooling = claims.pooling(rendering, urls)
    _write(asked.json, report.as_json(found, sizes))
    _write(asked.svg, report.as_svg(found))
    sections = {} if peer is None else {peer.name: peers.table(peer, found)}
    return {
        "Requests": report.requests(found, sizes),
        "What was claimed": claims.table(found, pooling),
    } | sections


def measure(
    asked: argparse.Namespace,
    works: list[Workload],
    servers: Mapping[str, Server],
    load: Load,
    database: Database,
) -> report.Results:
    """What each server takes for each workload, several times."""
    seconds, number = (1.0, 3) if asked.quick else (asked.seconds, asked.rounds)
    found: report.Results = {work: {} for work in works}
    capacity: dict[str, float] = {}
    for work in works:
        for name in work.asked:
            how = {"seconds": WARM_UP_SECONDS, "clients": min(work.clients, 32)}
            once = servers[name].burst(work, load, database, **how)
            capacity[name] = once.rate
    for turn in range(number):
        for work in works:
            say(f"round {turn + 1} of {number}: {work.name}")
            for name in sorted(work.asked, reverse=bool(turn % 2)):
                how = {"rate": 2 * capacity[name]} if work.name == TWICE else {}
                once = servers[name].burst(work, load, database, seconds=seconds, **how)
                found[work].setdefault(name, []).append(once)
    say("")
    return found


def _write(file: Path | None, text: str) -> None:
    if file is not None:
        file.write_text(text)
