"""How a quota is spent and grows back, in one process."""

import tracemalloc

from app.platform.ratelimits.meter import (
    APART,
    MICROSECONDS,
    SHARED,
    LocalCount,
    Quota,
)

MINUTE = Quota(100, 60)
INTERVAL = MINUTE.interval


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000_000

    def __call__(self) -> int:
        return self.now


def spent_at_once(meter: LocalCount, key: str = "a", quota: Quota = MINUTE) -> int:
    """Count how many of a thousand pass."""
    return sum(meter.spend(key, quota) > 0 for _ in range(1000))


class TestSpend:
    def test_has_all_of_it_at_once(self) -> None:
        for limit in (1, 7, 100, 999):
            assert spent_at_once(LocalCount(Clock()), quota=Quota(limit, 60)) == limit

    def test_grows_back_evenly(self) -> None:
        clock = Clock()
        meter = LocalCount(clock)
        spent_at_once(meter)

        clock.now += INTERVAL - 1
        early = spent_at_once(meter)
        clock.now += 1
        due = spent_at_once(meter)

        assert (early, due) == (0, 1)

    def test_has_no_window_whose_edge_doubles_it(self) -> None:
        clock = Clock()
        meter = LocalCount(clock)
        passed = []
        for _ in range(600):
            passed.append(spent_at_once(meter, quota=MINUTE))
            clock.now += MICROSECONDS // 10

        seconds = [sum(passed[at : at + 10]) for at in range(10, len(passed) - 10)]

        assert passed[0] == 100
        assert max(seconds) <= 2, "Beyond the first burst it passes 100 in a minute."

    def test_tells_how_long_to_wait_and_charges_nothing_for_a_refusal(self) -> None:
        clock = Clock()
        meter = LocalCount(clock)
        spent_at_once(meter)

        wait = -meter.spend("a", MINUTE)
        clock.now += wait

        assert wait == INTERVAL
        assert meter.spend("a", MINUTE) == MINUTE.window

    def test_counts_each_caller_alone(self) -> None:
        meter = LocalCount(Clock())
        spent_at_once(meter)

        assert spent_at_once(meter, "b") == MINUTE.limit


class TestRoom:
    def test_is_bounded_and_resets_nobody(self) -> None:
        clock = Clock()
        meter = LocalCount(clock)
        spent_at_once(meter)
        tracemalloc.start()

        for number in range(100_000):
            meter.spend(f"10.{number}", MINUTE)
            clock.now += 1
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

        assert len(meter) <= APART + SHARED
        assert peak < 16 * 1024 * 1024
        assert spent_at_once(meter) == 0

    def test_limits_those_beyond_it_too(self) -> None:
        meter = LocalCount(Clock())
        for number in range(APART):
            meter.spend(f"10.{number}", MINUTE)

        assert spent_at_once(meter, "late") <= MINUTE.limit

    def test_is_given_back(self) -> None:
        clock = Clock()
        meter = LocalCount(clock)
        for number in range(APART):
            meter.spend(f"10.{number}", MINUTE)

        clock.now += MINUTE.window
        meter.spend("late", MINUTE)

        assert len(meter) == 1
