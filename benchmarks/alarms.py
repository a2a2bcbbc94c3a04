"""How many tasks of Amazon ECS run, as alarms of CloudWatch and policies decide."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from benchmarks.scalers import Seen


@dataclass(frozen=True, slots=True)
class Alarm:
    """
    docs.aws.amazon.com/AmazonCloudWatch, "Using Amazon CloudWatch alarms": it goes off
    when all of the latest so many datapoints are beyond its threshold. A datapoint that
    is missing is none of them.
    """

    threshold: float
    periods: int
    is_above: bool
    period_seconds: int = 60

    def goes_off(self, points: Sequence[float | None]) -> bool:
        latest = points[-self.periods :]
        return len(latest) == self.periods and all(map(self._is_beyond, latest))

    def _is_beyond(self, point: float | None) -> bool:
        if point is None:
            return False
        return point > self.threshold if self.is_above else point < self.threshold


class Minutes:
    """
    Amazon ECS sends the CPU of a service as the mean of each minute (AmazonECS
    developer guide, "CloudWatch metrics"); here it is known half a minute later.
    """

    DELAY_SECONDS = 30
    SECONDS = 60

    @classmethod
    def is_new(cls, now: int) -> bool:
        return now % cls.SECONDS == cls.DELAY_SECONDS and now > cls.SECONDS

    @classmethod
    def each(
        cls, values: list[float], by: Sequence[float], now: int, most: int
    ) -> list[float | None]:
        """Give the latest so many: what was seen, for each of what it is shared by."""
        end = now - now % cls.SECONDS
        points: list[float | None] = []
        for start in range(max(0, end - most * cls.SECONDS), end, cls.SECONDS):
            span = slice(start, start + cls.SECONDS)
            shares = sum(by[span])
            points.append(sum(values[span]) / shares if shares else None)
        return points


@dataclass(frozen=True, slots=True)
class Step:
    alarm: Alarm
    by: int
    cooldown_seconds: int


@dataclass(slots=True)
class StepScaling:
    """
    docs.aws.amazon.com/autoscaling/application, "Step scaling policies": while its
    alarm is on, a policy is invoked each minute. What was added in a cool-down counts
    as part of the next addition; a cool-down after a removal holds up the next removal,
    and no addition.
    """

    least: int
    most: int
    task_cores: float
    up: Step
    down: Step
    period_seconds: int = 60
    _added: int = -(10**9)
    _removed: int = -(10**9)

    def wanted(self, now: int, replicas: int, seen: Seen) -> int:
        if not Minutes.is_new(now):
            return replicas
        most = max(self.up.alarm.periods, self.down.alarm.periods)
        shares = Minutes.each(seen.cores, seen.ready, now, most)
        points = [
            None if share is None else 100 * share / self.task_cores for share in shares
        ]
        return self.after(now, replicas, points)

    def after(self, now: int, replicas: int, points: Sequence[float | None]) -> int:
        """What becomes of them when these are the latest minutes, in percent."""
        wanted = replicas
        if self.up.alarm.goes_off(points):
            if now - self._added >= self.up.cooldown_seconds:
                wanted = min(replicas + self.up.by, self.most)
        elif (
            self.down.alarm.goes_off(points)
            and now - self._removed >= self.down.cooldown_seconds
        ):
            wanted = max(replicas + self.down.by, self.least)
        if wanted > replicas:
            self._added = now
        elif wanted < replicas:
            self._removed = now
        return wanted


@dataclass(frozen=True, slots=True)
class Tracked:
    """A metric for each replica, and what it should be."""

    value: float
    is_requests: bool
    """Of a minute, or else the share of the task's CPU, in percent."""


@dataclass(slots=True)
class TargetTracking:
    """
    docs.aws.amazon.com/autoscaling/application, "Target tracking scaling policies": of
    each policy there are two alarms, above its target for 3 minutes, and below 90 % of
    it for 15. The most that any policy wants is added; all have to agree to a removal.
    """

    least: int
    most: int
    task_cores: float
    tracked: tuple[Tracked, ...]
    out_seconds: int
    in_seconds: int
    period_seconds: int = 180
    _added: int = -(10**9)
    _removed: int = -(10**9)

    HIGH_MINUTES, LOW_MINUTES, LOW_SHARE = 3, 15, 0.9

    def wanted(self, now: int, replicas: int, seen: Seen) -> int:
        if not Minutes.is_new(now):
            return replicas
        return self.after(
            now, replicas, [self._points(each, now, seen) for each in self.tracked]
        )

    def after(
        self, now: int, replicas: int, metrics: Sequence[Sequence[float | None]]
    ) -> int:
        """What becomes of them when these are the latest minutes of each metric."""
        pairs = list(zip(self.tracked, metrics, strict=True))
        high = [
            ceil(round(replicas * (points[-1] or 0) / each.value, 6))
            for each, points in pairs
            if Alarm(each.value, self.HIGH_MINUTES, is_above=True).goes_off(points)
        ]
        low = [
            ceil(round(replicas * (points[-1] or 0) / each.value, 6))
            for each, points in pairs
            if Alarm(
                each.value * self.LOW_SHARE, self.LOW_MINUTES, is_above=False
            ).goes_off(points)
        ]
        wanted = replicas
        if high and now - self._added >= self.out_seconds:
            wanted = min(max(*high, replicas), self.most)
        elif len(low) == len(pairs) and now - self._removed >= self.in_seconds:
            wanted = max(min(max(low), replicas), self.least)
        if wanted > replicas:
            self._added = now
        elif wanted < replicas:
            self._removed = now
        return wanted

    def _points(self, each: Tracked, now: int, seen: Seen) -> list[float | None]:
        values = seen.requests if each.is_requests else seen.cores
        factor = Minutes.SECONDS if each.is_requests else 100 / self.task_cores
        found = Minutes.each(values, seen.ready, now, self.LOW_MINUTES)
        return [None if point is None else factor * point for point in found]
