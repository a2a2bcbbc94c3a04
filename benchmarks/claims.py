"""What others claim of such services, measured here: a row for each."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from benchmarks.report import Results, head
from benchmarks.servers import Measured
from tests.promises.processes import run

HERE = Path(__file__).parent
HEAD = "| claim | measured as | claimed | goal | found |"
CACHED, UNCACHED = "first page of 20, cached", "list of 20, uncached"
AGGREGATE = "aggregate, cached"


def pooling(rendering: Path, urls: dict[str, str]) -> dict[str, float]:
    """Milliseconds of one query, on a new connection and on one of the pool."""
    python = rendering / ".venv/bin/python"
    return json.loads(run(python, HERE / "pooling.py", urls["DATABASE__URL"]))


def table(results: Results, pooled: Mapping[str, float]) -> str:
    found = {work.name: each for work, each in results.items()}
    share = 1 - pooled["pooled"] / pooled["new"]
    query = f"`SELECT 1`: {pooled['new']:.2f} ms connected for it, "
    rows = [
        (
            "pooling saves 80 % of a connection's cost",
            f"{query}{pooled['pooled']:.2f} ms from the pool",
            "80 %",
            "97 %",
            f"{share:.0%}",
        )
    ]
    rows += [*_caching(found), *_latency(found)]
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([head(HEAD), *lines])


type Named = Mapping[str, Mapping[str, Sequence[Measured]]]
type Row = tuple[str, str, str, str, str]


def _caching(found: Named) -> list[Row]:
    rows = []
    if {CACHED, UNCACHED} <= found.keys():
        with_, without = (
            median(one.database_us for one in found[name]["service"])
            for name in (CACHED, UNCACHED)
        )
        rows.append(
            (
                "caching avoids 70-90 % of the database's load",
                f"its processor time for a page: {without:.0f} us, cached {with_:.0f}",
                "70-90 %",
                "97 %",
                f"{1 - with_ / without:.1%}",
            )
        )
    if AGGREGATE in found:
        ours, theirs = (
            median(one.rate for one in found[AGGREGATE][name])
            for name in ("service", "reference")
        )
        rows.append(
            (
                "what is cached is 10 times as fast",
                "answers a second, of an aggregate over 100,000 rows: "
                f"{ours:.0f} cached, {theirs:.0f} by the driver alone",
                "10",
                "100",
                f"{ours / theirs:.0f}",
            )
        )
    return rows


def _latency(found: Named) -> list[Row]:
    """How much sooner an answer comes than from the naive service, of 32 clients."""
    return [
        (
            "latency is 80 % lower than in a naive service",
            f"median wait, {name}: {theirs:.1f} ms, here {ours:.1f} ms",
            "-80 %",
            "-85 %",
            f"{ours / theirs - 1:+.0%}",
        )
        for name, each in found.items()
        if each.get("naive")
        for ours, theirs in [
            [median(one.p50 for one in each[who]) for who in ("service", "naive")]
        ]
    ]
