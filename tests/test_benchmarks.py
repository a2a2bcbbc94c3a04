"""That `make bench` measures what it says, and how much SQL a request costs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

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
    command = [sys.executable, "-m", "benchmarks", "--rounds=1", "--seconds=1"]
    wanted = ["--only", *STATEMENTS, f"--json={written}", f"--svg={plot}"]
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'scripts'}:{ROOT}"}

    run = subprocess.run(
        [*command, *wanted],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stderr
    found = json.loads(written.read_text())
    assert found["megabytes"].keys() == {"service", "reference", "naive"}
    for work in found["workloads"]:
        [once] = work["rounds"]["service"]
        assert round(once["statements"]) == STATEMENTS[work["work"]]
        assert 0 < once["p50"] <= once["p99"]
        assert work["work"] in run.stdout
    for claim in ("pooling saves", "database's load", "is cached", "latency is"):
        assert claim in run.stdout
        assert work["work"] in plot.read_text()
