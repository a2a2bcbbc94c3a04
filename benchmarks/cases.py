"""What the rendered numbers of each target do with each load, and what is wrong."""

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.scalers import Scaler
from benchmarks.simulation import (
    HOUR,
    SPIKE_BEGINS,
    TRACES,
    Replica,
    Run,
    fixed,
    simulate,
)
from benchmarks.targets import scalers
from variants import choices, render, snapshot

# Those that are not here run on Kubernetes, too.
TARGETS = [
    target
    for target in ("kubernetes", "ecs", "cloud_run")
    if target in choices()["deploy"]
]
WORK = "Zipf, 90 % reads"
# `objective:latency` of the rendered rules: so many of all within so much time.
OBJECTIVE_SECONDS, OBJECTIVE_SHARE = 0.5, 0.99
# How busy whoever buys a fixed fleet lets it be at the peak.
FULL_SHARE = 0.7


@dataclass(frozen=True, slots=True)
class Costs:
    """Of one request of the mix, as docs/reference/measurements.md has it."""

    cpu_us: float = 1354
    database_us: float = 216
    commands: float = 0.1

    @property
    def answer_seconds(self) -> float:
        """When nobody else asks."""
        return (self.cpu_us + self.database_us) / 1e6

    @classmethod
    def of(cls, bench: Path) -> "Costs":
        [work] = [
            each
            for each in json.loads(bench.read_text())["workloads"]
            if each["work"] == WORK
        ]
        rounds = work["rounds"]["service"]
        found = (
            median(each[name] for each in rounds)
            for name in ("app_us", "database_us", "commands")
        )
        return cls(*found)


@dataclass(frozen=True, slots=True)
class Case:
    """What decides, under one load."""

    name: str
    trace: str
    run: Run
    scaler: Scaler
    fleet: int
    """How many a fixed one would have."""
    load: list[float]
    """In replicas that would be wholly busy."""

    @property
    def saved(self) -> float:
        return 1 - self.run.hours / (self.fleet * len(self.run.replicas) / HOUR)

    def faults(self) -> list[str]:
        """What must not be: all else is a price, and stands in the page."""
        found = []
        if self.run.flaps():
            found.append(f"{self.run.flaps()} were removed and added again soon")
        begun = self.run.added_after(SPIKE_BEGINS)
        if self.trace == "a spike" and (
            begun is None or begun > 2 * self.scaler.period_seconds
        ):
            found.append(f"the first was added after {begun} s")
        if self.trace == "a day" and self.run.late_share > 1 - OBJECTIVE_SHARE:
            found.append(f"{self.run.late_share:.1%} of a day's requests were late")
        return found


# From the decision until requests go to it: where it runs is found and prepared, which
# is assumed, and the process starts, which took two to four seconds here.
START_SECONDS = {"kubernetes": 20, "ecs": 60, "cloud_run": 8}


def replica(deploy: str, costs: Costs) -> Replica:
    start = START_SECONDS[deploy]
    return Replica(costs.cpu_us / 1e6, costs.answer_seconds, start)


def cases(
    found: Mapping[str, Scaler], one: Replica, *, at_most: int | None = None
) -> Iterator[Case]:
    """Each scaler under each load, whose peak occupies all but two of what it may."""
    for name in found:
        for trace, shape in TRACES.items():
            # Each remembers what it did.
            scaler = deepcopy(found[name])
            peak = ((at_most or scaler.most) - 2) * one.rate * FULL_SHARE
            load = shape(peak)
            calm = fixed(load[:1], one, FULL_SHARE)
            begin = min(max(scaler.least, calm), scaler.most)
            run = simulate(
                scaler, load, one, objective_seconds=OBJECTIVE_SECONDS, begin=begin
            )
            fleet, busy = (
                fixed(load, one, FULL_SHARE),
                [each / one.rate for each in load],
            )
            yield Case(name, trace, run, scaler, fleet, busy)


def all_cases(folder: Path, costs: Costs) -> list[Case]:
    """For a rendering of each target."""
    template = snapshot(folder / "strata")
    return [
        case
        for deploy in TARGETS
        for case in cases(
            scalers(render(template, folder / deploy, {"deploy": deploy}), deploy),
            replica(deploy, costs),
        )
    ]
