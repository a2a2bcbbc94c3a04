"""The figures of a run: a table, JSON, and a plot of the ratios."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from statistics import median

from benchmarks.servers import Measured
from benchmarks.workloads import TWICE, Workload

type Results = dict[Workload, dict[str, list[Measured]]]
type Figure = Callable[[Measured], float]

HEAD = (
    "| work | service /s | reference /s | ratio | spread | floor | goal | CPU us "
    "(reference) | database us | SQL | Redis | p50, p95, p99 ms | against naive |"
)
BAR, GAP, LEFT, SCALE, WIDEST = 16, 8, 190, 400, 1.5

type Sizes = Mapping[str, tuple[float, float]]


COLUMNS = """
The default service beside FastAPI with asyncpg and redis-py alone
(`benchmarks/reference.py`) on the same servers in the same rounds, and beside the same
features written as tutorials do (`benchmarks/naive.py`): 32 clients that wait for their
answers, each server on one core.

- *ratio*: answers of the service in the time of one of the reference; the median of the
  rounds, and the spread between them.
- *CPU us*: processor time of the server for one request, in microseconds; *database us*
  that of PostgreSQL.
- *SQL*, *Redis*: statements and commands for one request, with BEGIN and COMMIT.
- *against naive*: answers of the service in the time of one of the naive service.
"""


def requests(results: Results, sizes: Sizes) -> str:
    return f"{COLUMNS}\n{table(results, sizes)}"


def table(results: Results, sizes: Sizes) -> str:
    lines = [_line(work, found) for work, found in results.items()]
    resident = ", ".join(f"{name} {size:.0f} MB" for name, (size, _) in sizes.items())
    started = ", ".join(f"{name} {took:.1f} s" for name, (_, took) in sizes.items())
    closing = [f"Resident memory: {resident}. From start to ready: {started}."]
    closing += [
        _overload(found) for work, found in results.items() if work.name == TWICE
    ]
    return "\n".join([head(HEAD), *lines, "", *closing])


def head(columns: str) -> str:
    return f"{columns}\n|{' --- |' * (columns.count('|') - 1)}"


def rewritten(page: str, title: str, found: str) -> str:
    """The page with this in the place of what stands under the title, or at its end."""
    before, _, rest = page.partition(f"## {title}\n")
    _, following, after = rest.partition("\n## ")
    end = f"{following}{after}" if following else ""
    return f"{before.rstrip()}\n\n## {title}\n\n{found.strip()}\n{end}"


def _overload(found: Mapping[str, Sequence[Measured]]) -> str:
    each = ", ".join(
        f"{name} {_middle(bursts, lambda one: one.refused):.0%}"
        for name, bursts in found.items()
    )
    return f"Of twice the capacity were refused with 503: {each}."


def as_json(results: Results, sizes: Sizes) -> str:
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
    memory = {name: size for name, (size, _) in sizes.items()}
    return json.dumps({"workloads": rows, "megabytes": memory}, indent=2) + "\n"


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
