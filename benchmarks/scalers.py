"""Who decides how many replicas run, as the documentation of each platform has it.

A scaler is asked each second what it wants, and sees what was measured until then: it
takes from that what its platform would know by now.
"""

from dataclasses import dataclass, field
from math import ceil, floor
from typing import Protocol


@dataclass(slots=True)
class Seen:
    """What has happened, second by second."""

    cores: list[float] = field(default_factory=list)
    """CPU in use, of all replicas together."""
    requests: list[float] = field(default_factory=list)
    in_flight: list[float] = field(default_factory=list)
    ready: list[int] = field(default_factory=list)


class Scaler(Protocol):
    period_seconds: int
    """How long one look takes: after two of them it has begun to add."""

    def wanted(self, now: int, replicas: int, seen: Seen) -> int:
        """Say how many should run, those that start among them."""
        ...


@dataclass(frozen=True, slots=True)
class Policy:
    """So many replicas (`Pods`), or percent of them, in so many seconds."""

    kind: str
    value: int
    period_seconds: int


@dataclass(frozen=True, slots=True)
class Behavior:
    window_seconds: int
    policies: tuple[Policy, ...]
    select: str = "Max"


@dataclass(slots=True)
class HorizontalPodAutoscaler:
    """
    kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale: the
    controller looks every 15 s at what metrics-server knows, which measures every 15 s
    what happened before; ceil(replicas * usage / target) are wanted, unless that is
    within a tolerance of 0.1. The lowest recommendation of a window is what is added,
    the highest what is kept; policies bound how fast.
    """

    least: int
    most: int
    target: float
    """CPU in use, as a share of what is requested."""
    requested_cores: float
    up: Behavior
    down: Behavior
    period_seconds: int = 30
    _recommended: list[tuple[int, int]] = field(default_factory=list)
    _changes: list[tuple[int, int]] = field(default_factory=list)

    SYNC_SECONDS = RESOLUTION_SECONDS = 15
    TOLERANCE = 0.1

    def wanted(self, now: int, replicas: int, seen: Seen) -> int:
        if now % self.SYNC_SECONDS:
            return replicas
        known = now - self.RESOLUTION_SECONDS
        usage = self._usage(seen, known - self.RESOLUTION_SECONDS, known)
        ready = min(replicas, seen.ready[-1]) if seen.ready else replicas
        asked = self.proposed(replicas, ready, usage)
        stable = self.stable(now, replicas, asked)
        allowed = self.allowed(now, replicas, stable)
        if allowed != replicas:
            self._changes.append((now, allowed - replicas))
        return allowed

    def proposed(self, replicas: int, ready: int, usage: float | None) -> int:
        """
        By the formula. It stays as it is without a metric, and with no replica; whoever
        is not ready counts as idle when others would be added.
        """
        if usage is None or replicas == 0:
            return replicas
        ratio, counted = usage / self.target, ready
        if ratio > 1 and ready < replicas:
            ratio, counted = ratio * ready / replicas, replicas
            if ratio < 1:
                return replicas
        if abs(ratio - 1) <= self.TOLERANCE:
            return replicas
        return ceil(round(ratio * counted, 6))

    def stable(self, now: int, replicas: int, asked: int) -> int:
        """What all recommendations of a window agree on."""
        # What is there when the controller begins is its first recommendation.
        self._recommended = self._recommended or [(now, replicas)]
        self._recommended.append((now, asked))

        def within(window: int) -> list[int]:
            return [n for at, n in self._recommended if at > now - window] or [asked]

        lowest = min(*within(self.up.window_seconds), asked)
        highest = max(*within(self.down.window_seconds), asked)
        longest = max(self.up.window_seconds, self.down.window_seconds)
        self._recommended = [
            each for each in self._recommended if each[0] > now - longest
        ]
        return min(max(replicas, lowest), highest)

    def allowed(self, now: int, replicas: int, asked: int) -> int:
        """What the policies let it change at once, and never beyond its bounds."""
        asked = min(max(asked, self.least), self.most)
        if asked > replicas:
            limits = [self._limit(now, replicas, each, 1) for each in self.up.policies]
            return min(asked, (max if self.up.select == "Max" else min)(limits))
        if asked < replicas:
            limits = [
                self._limit(now, replicas, each, -1) for each in self.down.policies
            ]
            return max(asked, (min if self.down.select == "Max" else max)(limits))
        return asked

    def _limit(self, now: int, replicas: int, policy: Policy, sign: int) -> int:
        since = now - policy.period_seconds
        before = replicas - sum(by for at, by in self._changes if at > since)
        if policy.kind == "Pods":
            return before + sign * policy.value
        part = before * (1 + sign * policy.value / 100)
        return ceil(part) if sign > 0 else floor(part)

    def _usage(self, seen: Seen, begin: int, end: int) -> float | None:
        used, ready = seen.cores[begin:end], seen.ready[begin:end]
        if begin < 0 or not sum(ready):
            return None
        return sum(used) / sum(ready) / self.requested_cores


@dataclass(slots=True)
class CloudRun:
    """
    docs.cloud.google.com/run/docs/about-instance-autoscaling: as many instances as hold
    the CPU and the concurrency of the last minute at 60 % of what one may have, looked
    at every few seconds; and more at once for requests that find no place. One that is
    idle may be kept for 15 minutes, as here all are: with CPU that is always allocated
    they are paid for, so that this is the highest bill.
    """

    least: int
    most: int
    concurrency: int
    cores: float
    period_seconds: int = 60
    _recommended: list[tuple[int, int]] = field(default_factory=list)

    LOOK_SECONDS, WINDOW_SECONDS, IDLE_SECONDS = 5, 60, 900
    TARGET = 0.6

    def wanted(self, now: int, replicas: int, seen: Seen) -> int:
        if now % self.LOOK_SECONDS or not seen.in_flight:
            return replicas
        window = slice(max(0, now - self.WINDOW_SECONDS), now)
        flying, used = seen.in_flight[window], seen.cores[window]
        self._recommended = self._recommended or [(now, replicas)]
        mean = self.proposed(sum(flying) / len(flying), sum(used) / len(used))
        return self.kept(now, max(mean, ceil(seen.in_flight[-1] / self.concurrency)))

    def proposed(self, in_flight: float, cores: float) -> int:
        by_concurrency = in_flight / (self.concurrency * self.TARGET)
        by_cpu = cores / (self.cores * self.TARGET)
        return ceil(round(max(by_concurrency, by_cpu), 6))

    def kept(self, now: int, asked: int) -> int:
        since = now - self.IDLE_SECONDS
        self._recommended = [each for each in self._recommended if each[0] > since]
        self._recommended.append((now, asked))
        highest = max(number for _, number in self._recommended)
        return min(max(highest, self.least), self.most)
