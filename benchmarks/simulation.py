"""Replicas that start, serve and are removed, under a load that was written down."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil, cos, pi

from benchmarks.scalers import Scaler, Seen

HOUR = 3600
# Two of them within this time, one that is removed and one that is added, are a flap.
FLAP_SECONDS = 300
# Who waits longer is refused: the service answers 503 rather than to keep a queue.
PATIENCE_SECONDS = 2.0
SPIKE_BEGINS = HOUR // 2
SEED, LOWEST_HOUR, RISE_HOURS = 1, 4, 16


@dataclass(frozen=True, slots=True)
class Replica:
    """What one bears."""

    cpu_seconds: float
    """Of one request."""
    answer_seconds: float
    """Until the answer, when nobody waits."""
    start_seconds: int
    """From the decision until requests go to it."""
    cores: float = 1.0
    """One event loop uses no more."""

    @property
    def rate(self) -> float:
        return self.cores / self.cpu_seconds


@dataclass(slots=True)
class Run:
    """What came of a trace."""

    replicas: list[int] = field(default_factory=list)
    asked: float = 0.0
    late: float = 0.0
    """Answered beyond the objective, or refused."""

    @property
    def hours(self) -> float:
        """Of instances, those that start among them."""
        return sum(self.replicas) / HOUR

    @property
    def late_share(self) -> float:
        return self.late / self.asked if self.asked else 0.0

    def changes(self) -> list[tuple[int, int]]:
        pairs = zip(self.replicas, self.replicas[1:], strict=False)
        return [
            (at, after - before)
            for at, (before, after) in enumerate(pairs, start=1)
            if after != before
        ]

    def flaps(self) -> int:
        """How often one was removed that was needed again soon."""
        found, removed = 0, -FLAP_SECONDS - 1
        for at, by in self.changes():
            if by < 0:
                removed = at
            elif at - removed <= FLAP_SECONDS:
                found, removed = found + 1, -FLAP_SECONDS - 1
        return found

    def added_after(self, begin: int) -> int | None:
        """How many seconds later the first was added."""
        return next(
            (at - begin for at, by in self.changes() if at >= begin and by > 0), None
        )


def simulate(
    scaler: Scaler,
    trace: Sequence[float],
    replica: Replica,
    *,
    objective_seconds: float,
    begin: int,
) -> Run:
    """Ask the scaler each second; requests wait for whoever is ready."""
    seen, run = Seen(), Run()
    total, queue, starting = begin, 0.0, list[int]()
    for now, rate in enumerate(trace):
        starting = [at for at in starting if at > now]
        ready = total - len(starting)
        capacity = ready * replica.rate
        served = min(queue + rate, capacity)
        waiting = queue + rate - served
        queue = min(waiting, capacity * PATIENCE_SECONDS)
        answer = replica.answer_seconds + (queue / capacity if capacity else 0.0)
        is_late = answer > objective_seconds or not capacity
        run.asked += rate
        run.late += rate if is_late else min(rate, waiting - queue)
        run.replicas.append(total)
        seen.cores.append(served * replica.cpu_seconds)
        seen.requests.append(rate)
        seen.in_flight.append(served * replica.answer_seconds + queue)
        seen.ready.append(ready)
        wanted = scaler.wanted(now + 1, total, seen)
        starting += [now + 1 + replica.start_seconds] * max(0, wanted - total)
        # Those that do not serve yet are the first to go.
        starting = starting[: max(0, len(starting) - max(0, total - wanted))]
        total = wanted
    return run


def day(peak: float) -> list[float]:
    """A fifth of the peak at four in the morning, all of it at eight in the evening."""
    chance = random.Random(SEED)
    minutes = [
        peak * (0.6 - 0.4 * cos(pi * _phase(at / 60))) * chance.uniform(0.97, 1.03)
        for at in range(24 * 60)
    ]
    return [each for each in minutes for _ in range(60)]


def _phase(hour: float) -> float:
    """0 when the fewest ask, 1 when the most do, and 2 when the fewest do again."""
    since = (hour - LOWEST_HOUR) % 24
    if since <= RISE_HOURS:
        return since / RISE_HOURS
    return 1 + (since - RISE_HOURS) / (24 - RISE_HOURS)


def spike(peak: float) -> list[float]:
    """Ten times as many within a minute, for half an hour, and back."""
    low, rise = peak / 10, [peak * (1 + 9 * at / 60) / 10 for at in range(60)]
    return [low] * SPIKE_BEGINS + rise + [peak] * (HOUR // 2) + [low] * HOUR


def flapping(peak: float) -> list[float]:
    """Every three minutes up or down, between a quarter and three quarters."""
    return [peak * (0.75 if at // 180 % 2 else 0.25) for at in range(2 * HOUR)]


TRACES = {"a day": day, "a spike": spike, "a flapping load": flapping}


def fixed(trace: Sequence[float], replica: Replica, share: float) -> int:
    """How many would have to run all the time, none of them busier than this."""
    return ceil(max(trace) / (replica.rate * share))
