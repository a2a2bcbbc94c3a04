"""`make autoscale`: what the rendered numbers do with three loads, and what they save.

Nothing is run here: the numbers come from the files of a rendering for each target, and
what a request costs from the JSON of `make bench`, if that is given.
"""

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from math import ceil
from pathlib import Path

from benchmarks.cases import (
    FULL_SHARE,
    OBJECTIVE_SECONDS,
    OBJECTIVE_SHARE,
    START_SECONDS,
    Case,
    Costs,
    all_cases,
)
from benchmarks.report import head
from benchmarks.simulation import FLAP_SECONDS, HOUR, SPIKE_BEGINS
from tests.promises.deployment import processes
from variants import ROOT

PAGE = ROOT / "docs/reference/autoscaling.md"
PLOT = PAGE.with_suffix(".svg")
PROSE = Path(__file__).with_suffix(".md")
CLAIM = 0.4
USERS = (10_000, 100_000, 1_000_000)
# Assumed: what a user asks in a day, and how often the mean is in the busiest second.
REQUESTS_A_DAY, PEAK = 40, 3
LEAST, SURGE, POOL, WRITES = 3, 1, 20, 0.1
DAY_SECONDS = 24 * HOUR
COLUMNS = (
    "| decided by | load | replicas | added after | flaps | late | instance-hours | "
    "fixed fleet | saved |"
)
GROWN = (
    "| users | requests a day | busiest second | replicas | connections to PostgreSQL "
    "| of them in use | through PgBouncer | PostgreSQL's cores | Redis commands /s | "
    "events /s |"
)
COLORS = ("#3366aa", "#cc7722", "#aa3344", "#338855")
WIDE, HIGH, LEFT, GAP = 640, 120, 40, 44


def page(found: Sequence[Case], costs: Costs) -> str:
    starts = ", ".join(f"{s} s ({name})" for name, s in START_SECONDS.items())
    return PROSE.read_text().format(
        cpu=costs.cpu_us / 1e3,
        rate=1e6 / costs.cpu_us,
        starts=starts,
        objective=OBJECTIVE_SECONDS,
        share=OBJECTIVE_SHARE,
        flap=FLAP_SECONDS / 60,
        full=FULL_SHARE,
        table="\n".join([head(COLUMNS), *map(line, found)]),
        begin=SPIKE_BEGINS // 60,
        claim=claim(found),
        asked=REQUESTS_A_DAY,
        peak=PEAK,
        writes=WRITES,
        growth="\n".join([head(GROWN), *(grown(users, costs) for users in USERS)]),
        pool=POOL,
    )


def line(case: Case) -> str:
    run = case.run
    begun = run.added_after(SPIKE_BEGINS) if case.trace == "a spike" else None
    cells = [
        case.name,
        case.trace,
        f"{min(run.replicas)} to {max(run.replicas)}",
        "" if begun is None else f"{begun} s",
        f"{run.flaps()}",
        f"{run.late_share:.2%}",
        f"{run.hours:.1f}",
        f"{case.fleet}, {case.fleet * len(run.replicas) / HOUR:.1f}",
        f"{case.saved:.0%}",
    ]
    return "| " + " | ".join(cells) + " |"


def claim(found: Sequence[Case]) -> str:
    """Say of each what it saves in a day."""
    days = [case for case in found if case.trace == "a day"]
    kept = [f"{each.name} {each.saved:.0%}" for each in days if each.saved >= CLAIM]
    broken = [f"{each.name} {each.saved:.0%}" for each in days if each.saved < CLAIM]
    parts = (["so it is with " + ", ".join(kept)] if kept else []) + (
        ["it is less with " + ", ".join(broken)] if broken else []
    )
    return "; ".join(parts)


def grown(users: int, costs: Costs) -> str:
    peak = users * REQUESTS_A_DAY / DAY_SECONDS * PEAK
    replicas = max(LEAST, ceil(peak * costs.cpu_us / 1e6 / FULL_SHARE))
    used = ceil(peak * costs.answer_seconds)
    figures = [
        users,
        users * REQUESTS_A_DAY,
        ceil(peak),
        replicas,
        (replicas + SURGE) * processes()["api"]["connections"],
        used,
        max(POOL, 2 * used),
    ]
    cells = [f"{figure:,}" for figure in figures]
    cells += [
        f"{peak * costs.database_us / 1e6:.2f}",
        f"{peak * (costs.commands + 1):,.0f}",
        f"{peak * WRITES:,.0f}",
    ]
    return "| " + " | ".join(cells) + " |"


def plot(found: Sequence[Case]) -> str:
    """For each load, how many replicas each had."""
    traces = list(dict.fromkeys(case.trace for case in found))
    panels = "".join(
        panel(trace, [case for case in found if case.trace == trace], number)
        for number, trace in enumerate(traces)
    )
    size = f'width="{WIDE + 2 * LEFT}" height="{len(traces) * (HIGH + GAP) + GAP}"'
    font = 'font-family="sans-serif" font-size="12"'
    names = dict.fromkeys(case.name for case in found)
    key = "".join(
        f'<text x="{LEFT + 150 * number}" y="18" fill="{color}">{name}</text>'
        for number, (name, color) in enumerate(zip(names, COLORS, strict=False))
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {font}>{key}{panels}</svg>\n'
    )


def panel(trace: str, found: Sequence[Case], number: int) -> str:
    bottom = (number + 1) * (HIGH + GAP)
    length = len(found[0].run.replicas)
    most = max(max(case.run.replicas) for case in found) + 1
    said = f"{trace}, {length / HOUR:g} h; at most {most - 1} replicas"
    title = f'<text x="{LEFT}" y="{bottom - HIGH - 6}">{said}</text>'
    axis = f'<path d="M{LEFT} {bottom}h{WIDE}" stroke="#999"/>'
    scale = WIDE / length, HIGH / most
    every = max(1, length // 240)
    drawn = [
        f"{LEFT + at * scale[0]:.0f},{bottom - found[0].load[at] * scale[1]:.1f}"
        for at in range(0, length, every)
    ]
    load = f'<polyline points="{" ".join(drawn)}" fill="none" stroke="#bbb"/>'
    lines = "".join(
        f'<path d="{"".join(_stairs(each, bottom, scale))}" '
        f'fill="none" stroke="{color}"/>'
        for each, color in zip(found, COLORS, strict=False)
    )
    return f"{title}{axis}{load}{lines}"


def _stairs(case: Case, bottom: float, scale: tuple[float, float]) -> Iterator[str]:
    across, up = scale
    count = case.run.replicas[0]
    yield f"M{LEFT} {bottom - count * up:.1f}"
    for at, by in case.run.changes():
        count += by
        yield f"H{LEFT + at * across:.1f}V{bottom - count * up:.1f}"
    yield f"H{LEFT + len(case.run.replicas) * across:.0f}"


def written(found: Sequence[Case], costs: Costs) -> dict[Path, str]:
    return {PAGE: page(found, costs), PLOT: plot(found)}


def main() -> None:
    parser = argparse.ArgumentParser(prog="make autoscale", description=__doc__)
    parser.add_argument("--bench", type=Path, help="what `make bench` wrote by --json")
    asked = parser.parse_args()
    costs = Costs.of(asked.bench) if asked.bench else Costs()
    with tempfile.TemporaryDirectory() as folder:
        found = all_cases(Path(folder), costs)
    for path, text in written(found, costs).items():
        path.write_text(text)
        print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
