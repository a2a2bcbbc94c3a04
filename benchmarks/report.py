"""The figures of a run: a table, JSON, and a plot of the ratios."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from statistics import median

from benchmarks.servers import Measured
from benchmarks.workloads import Workload

type Results = dict[Workload, dict[str, list[Measured]]]
type Figure = Callable[[Measured], float]

HEAD = (
    "| work | service /s | reference /s | ratio | spread | floor | goal | CPU us "
    "(reference) | database us | SQL | Redis | p50, p95, p99 ms | against naive |"
)
BAR, GAP, LEFT, SCALE, WIDEST = 16, 8, 190, 400, 1.5


def table(results: Results, memory: Mapping[str, float]) -> str:
    columns = HEAD.count("|") - 1
    lines = [HEAD, "|" + " --- |" * columns]
    lines += [_line(work, found) for work, found in results.items()]
    resident = ", ".join(f"{name} {size:.0f} MB" for name, size in memory.items())
    return "\n".join([*lines, "", f"Resident memory: {resident}."])


def rewritten(page: str, found: str) -> str:
    """The page with this table in the place of the one that ends it."""
    return f"{page.partition(HEAD)[0]}{found}\n"


def as_json(results: Results, memory: Mapping[str, float]) -> str:
    rows = [
        {
            "work": work.name,
            "floor": work.floor,
            "goal": work.goal,
            "ratio": median(ratios(found)),
            "rounds": {
                name: [asdict(one) for one in each] for name, each in found.items()
            },
        }
        for work, found in results.items()
    ]
    return json.dumps({"workloads": rows, "megabytes": dict(memory)}, indent=2) + "\n"


def as_svg(results: Results) -> str:
    """A bar for each ratio, with a mark at its floor and one at its goal."""
    bars = "".join(
        _bar(work, median(ratios(found)), number * (BAR + GAP))
        for number, (work, found) in enumerate(results.items())
    )
    size = f'width="{LEFT + 2 * SCALE}" height="{len(results) * (BAR + GAP)}"'
    font = 'font-family="sans-serif" font-size="13"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {font}>{bars}</svg>\n'


def _bar(work: Workload, ratio: float, top: int) -> str:
    width, line = min(ratio, WIDEST) * SCALE, top + BAR - 3
    marks = "".join(
        f'<path d="M{LEFT + mark * SCALE:.0f} {top - 2}v{BAR + 4}" stroke="#b03030"/>'
        for mark in (work.floor, work.goal)
        if mark is not None
    )
    return (
        f'<text x="{LEFT - 8}" y="{line}" text-anchor="end">{work.name}</text>'
        f'<rect x="{LEFT}" y="{top}" width="{width:.0f}" height="{BAR}" fill="#48a"/>'
        f'<text x="{LEFT + width + 6:.0f}" y="{line}">{ratio:.2f}</text>{marks}'
    )


def ratios(
    found: Mapping[str, Sequence[Measured]], other: str = "reference"
) -> list[float]:
    """Of each round: what the service answers in the time of one of the other's."""
    pairs = zip(found["service"], found[other], strict=True)
    return [ours.rate / theirs.rate for ours, theirs in pairs]


def _line(work: Workload, found: Mapping[str, Sequence[Measured]]) -> str:
    ours, theirs = found["service"], found["reference"]
    each = sorted(ratios(found))
    waits = ", ".join(f"{_middle(ours, get):.1f}" for get in _WAITS)
    naive = f"{median(ratios(found, 'naive')):.2f}" if "naive" in found else ""
    cells = [
        work.name,
        f"{_middle(ours, _rate):.0f}",
        f"{_middle(theirs, _rate):.0f}",
        f"{median(each):.2f}",
        f"{each[0]:.2f}-{each[-1]:.2f}",
        f"{work.floor or '':}",
        f"{work.goal or '':}",
        f"{_middle(ours, _app):.0f} ({_middle(theirs, _app):.0f})",
        f"{_middle(ours, lambda one: one.database_us):.0f}",
        f"{_middle(ours, lambda one: one.statements):.1f}",
        f"{_middle(ours, lambda one: one.commands):.1f}",
        waits,
        naive,
    ]
    return "| " + " | ".join(cells) + " |"


def _middle(found: Sequence[Measured], figure: Figure) -> float:
    return median(map(figure, found))


def _rate(one: Measured) -> float:
    return one.rate


def _app(one: Measured) -> float:
    return one.app_us


_WAITS: tuple[Figure, ...] = (
    lambda one: one.p50,
    lambda one: one.p95,
    lambda one: one.p99,
)
