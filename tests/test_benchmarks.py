"""That `make bench` measures what it says, and how much SQL a request costs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import peers, report
from variants import ROOT

# Every request costs so many statements, however many rows there are.
STATEMENTS = {
    "get": 1,
    "list of 20, uncached": 1,
    "first page of 20, cached": 0,
    "aggregate, cached": 0,
    "aggregate, uncached": 1,
    "PATCH with If-Match": 3,
    "twice the capacity": 1,
}


@pytest.mark.thorough
@pytest.mark.timeout(600)
def test_a_run_tells_what_each_kind_of_request_costs(tmp_path: Path) -> None:
    written, plot = tmp_path / "bench.json", tmp_path / "bench.svg"
    files = f"--json={written}", f"--svg={plot}"

    said = bench("--rounds=1", "--seconds=1", "--only", *STATEMENTS, *files)

    found = json.loads(written.read_text())
    assert found["megabytes"].keys() == {"service", "reference", "naive"}
    for work in found["workloads"]:
        [once] = work["rounds"]["service"]
        assert round(once["statements"]) == STATEMENTS[work["work"]]
        assert 0 < once["p50"] <= once["p99"]
        assert work["work"] in said
    for claim in ("pooling saves", "database's load", "is cached", "latency is"):
        assert claim in said
        assert work["work"] in plot.read_text()


@pytest.mark.thorough
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("what", "rows"),
    [
        (["tasks"], ("| service | ", "| Celery alone | ", "Ratio: ", "INSERT INTO")),
        (
            ["growth", "--rows", "2000", "3000"],
            ("| 3,000 | get | ", "| 500 | get | ", "| 4 | get | ", "| 1,000 | "),
        ),
        (
            ["template"],
            ("`copier copy`", "`copier update`", "`make variants`", "`make setup`"),
        ),
    ],
    ids=["tasks", "growth", "template"],
)
def test_the_rest_is_measured_by_the_same_command(
    what: list[str], rows: tuple[str, ...]
) -> None:
    found = bench(*what, "--quick")

    assert all(row in found for row in rows), found


def bench(*words: str) -> str:
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks", *words],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": f"{ROOT / 'scripts'}:{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


RECIPE = """
name = "peer"
base_url = "http://127.0.0.1:9000/api"
headers = { X-Shop = "7" }

[workloads.get]
paths = ["/things/1"]
"""


def test_a_recipe_says_what_a_peer_is_asked(tmp_path: Path) -> None:
    file = tmp_path / "peer.toml"
    file.write_text(RECIPE)

    peer = peers.read(file)

    assert peer.address == "127.0.0.1:9000"
    [request] = peer.requests["get"]
    assert request["path"] == "/api/things/1"
    assert request["method"] == "GET"
    assert request["headers"] == {"X-Shop": "7"}


@pytest.mark.parametrize(
    ("good", "bad", "said"),
    [
        ('name = "peer"', "", "name is missing."),
        ('"peer"', '"naive"', "name: 'naive' is somebody else's here."),
        ("http:", "ftp:", "base_url must be like http://127.0.0.1:9000/api."),
        ('"7"', "7", "headers.X-Shop must be text."),
        ('"peer"', '"peer"\nspeed = 9', "speed is none of "),
        ('["/things/1"]', '"/things/1"', "workloads.'get'.paths must be a list."),
        ("paths", "pathes", "workloads.'get'.pathes is none of "),
        ('["/things/1"]', '["/1"]\nbody = 7', "workloads.'get'.body must be text."),
        ("name", "[", "cannot be read"),
    ],
)
def test_a_bad_recipe_is_refused_in_a_sentence_that_names_the_key(
    tmp_path: Path, good: str, bad: str, said: str
) -> None:
    file = tmp_path / "peer.toml"
    file.write_text(RECIPE.replace(good, bad, 1))

    with pytest.raises(SystemExit) as refused:
        peers.read(file)

    assert said in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_a_section_is_written_anew_and_the_others_stay() -> None:
    page = "# Figures\n\nWords.\n\n## One\n\nold\n\n## Two\n\nkept\n"

    page = report.rewritten(page, "One", "new")
    page = report.rewritten(page, "Three", "last")

    assert page == (
        "# Figures\n\nWords.\n\n## One\n\nnew\n\n## Two\n\nkept\n\n## Three\n\nlast\n"
    )
