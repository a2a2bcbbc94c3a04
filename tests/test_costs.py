"""No kind of request costs more than when somebody last looked at it."""

from argparse import Namespace
from collections.abc import Iterator
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path

import pytest

from benchmarks import guard, peers, rounds
from benchmarks.servers import Server, bare, running, service
from tests.conftest import Rendered
from tests.promises.load import Client

# Others may use this machine too: they can spoil a measurement, never improve it.
MEASUREMENTS = 5
ADDED = 0.2


@pytest.fixture(scope="module")
def stand(
    rendered: Rendered, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[guard.Stand]:
    rendering, urls = rendered("redis", identity="jwt")
    with guard.Stand.built(rendering, urls, tmp_path_factory.mktemp("costs")) as stand:
        yield stand


@pytest.mark.parametrize("name", guard.GUARDED)
def test_a_request_costs_no_more_than_it_did(stand: guard.Stand, name: str) -> None:
    cost = guard.committed()[name]

    for _ in range(MEASUREMENTS):
        complaint = cost.complaint(stand.measure(name))
        if complaint is None:
            return

    pytest.fail(f"{name}: {complaint}. If it has to: make bench GUARD=1")


@pytest.mark.parametrize("name", guard.COUNTED)
def test_a_request_asks_no_more_of_the_servers(stand: guard.Stand, name: str) -> None:
    assert guard.committed()[name].complaint(stand.count(name)) is None


def test_who_asks_sees_its_own_orders(stand: guard.Stand) -> None:
    # The first buyer of all has bought nothing.
    _, asked, *_ = stand.works["aggregate, uncached"].asked["service"]
    address = stand.servers["service"].address

    found = Client(address, **asked["headers"]).get(asked["path"])
    refused = Client(address).get(asked["path"])

    assert [each["orders"] for each in found.body] == [1]
    assert refused.status == HTTPStatus.UNAUTHORIZED


def test_a_fifth_more_work_is_noticed(stand: guard.Stand, tmp_path: Path) -> None:
    name = "get"
    plain = stand.measure(name)
    added = round(ADDED * guard.cheapest(plain.costs["service"]))
    slowed = service(
        stand.database,
        tmp_path,
        name="slowed",
        module="slowed",
        core=guard.CORE,
        PYTHONPATH=str(guard.FILE.parent),
        SLOWED_MICROSECONDS=str(added),
    )

    with running({"slowed": slowed}):
        found = [stand.measure(name, slowed) for _ in range(2)]

    # Beside what it costs here and now: the committed ratio may be an older one.
    cost = guard.committed()[name]
    complaints = [
        replace(cost, ratio=each.ratio()).complaint(each, "slowed") for each in found
    ]
    assert any("times the processor time" in str(each) for each in complaints)


PEER = """
from fastapi import FastAPI

app = FastAPI()


@app.get("/shop/things/{number}")
async def get(number: int) -> dict[str, int]:
    return {"number": number}
"""
RECIPE = """
name = "peer"
base_url = "http://{address}/shop"

[workloads.get]
paths = ["/things/1", "/things/2"]
"""


def test_a_peer_is_measured_in_the_same_rounds(
    stand: guard.Stand, tmp_path: Path
) -> None:
    (tmp_path / "peer.py").write_text(PEER)
    running_peer = bare("peer", stand.database, tmp_path, folder=tmp_path)
    recipe = tmp_path / "peer.toml"
    recipe.write_text(RECIPE.format(address=running_peer.address))
    peer = peers.read(recipe)
    asked = Namespace(quick=False, rounds=2, seconds=0.2)
    servers = dict(stand.servers)
    servers[peer.name] = Server(peer.name, peer.address, None, core=None)
    [work] = peer.beside([stand.works["get"]])
    work = replace(work, asked={name: work.asked[name] for name in servers})

    with running({"peer": running_peer}):
        found = rounds.measure(asked, [work], servers, stand.load, stand.database)

    assert [len(each) for each in found[work].values()] == [2, 2, 2]
    assert all(one.rate > 0 for one in found[work]["peer"])
    assert "| get |" in peers.table(peer, found)


def test_one_statement_more_is_noticed() -> None:
    for cost in guard.committed().values():
        same = {"service": [cost.ratio or 1.0], "reference": [1.0]}
        more = guard.Found(same, cost.statements + 1, cost.commands)
        asked = guard.Found(same, cost.statements, cost.commands + 1)

        assert cost.complaint(guard.Found(same, cost.statements, cost.commands)) is None
        assert "SQL statements" in str(cost.complaint(more))
        assert "Redis commands" in str(cost.complaint(asked))


def test_the_noise_leaves_no_room_for_a_fifth_more() -> None:
    costs = guard.committed()

    assert costs.keys() == {*guard.GUARDED, *guard.COUNTED}
    assert all(cost.noise < ADDED for cost in costs.values())
