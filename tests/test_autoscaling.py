"""The numbers that decide how many replicas run, and the models that judge them."""

from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.alarms import (
    Alarm,
    Minutes,
    Step,
    StepScaling,
    TargetTracking,
    Tracked,
)
from benchmarks.autoscaling import written
from benchmarks.cases import Case, Costs, all_cases, cases, replica
from benchmarks.scalers import (
    Behavior,
    CloudRun,
    HorizontalPodAutoscaler,
    Policy,
    Scaler,
    Seen,
)
from benchmarks.simulation import Replica, Run, day, fixed, flapping, simulate, spike
from benchmarks.targets import scalers
from variants import render, snapshot

ONE = Replica(cpu_seconds=0.01, answer_seconds=0.02, start_seconds=10)
DOWN = Behavior(300, (Policy("Pods", 1, 60),))
UP = Behavior(0, (Policy("Percent", 100, 30), Policy("Pods", 2, 30)))


def hpa(**others: object) -> HorizontalPodAutoscaler:
    known = {"least": 2, "most": 10, "target": 0.7, "requested_cores": 1.0}
    return HorizontalPodAutoscaler(**known | {"up": UP, "down": DOWN} | others)


def steps(high: float = 70, low: float = 30, **others: int) -> StepScaling:
    up = Step(Alarm(high, 1, is_above=True), 1, others.get("up", 60))
    down = Step(Alarm(low, 5, is_above=False), -1, others.get("down", 300))
    return StepScaling(2, 10, 1.0, up, down)


def tracking(*tracked: Tracked) -> TargetTracking:
    tracked = tracked or (Tracked(70, is_requests=False),)
    return TargetTracking(2, 10, 1.0, tracked, out_seconds=60, in_seconds=300)


class TestFormulaOfKubernetes:
    @pytest.mark.parametrize(
        ("replicas", "usage", "wanted"),
        [
            # ceil(4 * 90 / 70) = ceil(5.14)
            (4, 0.9, 6),
            # ceil(4 * 35 / 70)
            (4, 0.35, 2),
            # 76 / 70 = 1.086 and 64 / 70 = 0.914 are within a tenth.
            (4, 0.76, 4),
            (4, 0.64, 4),
            # 78 / 70 = 1.114 is not.
            (4, 0.78, 5),
            (4, 0.0, 0),
            (0, 0.9, 0),
            (4, None, 4),
        ],
    )
    def test_takes_the_share_of_the_target(
        self, replicas: int, usage: float | None, wanted: int
    ) -> None:
        assert hpa().proposed(replicas, replicas, usage) == wanted

    def test_counts_who_is_not_ready_as_idle(self) -> None:
        # 2 of 4 are ready, at 140 %: 140 / 70 * 2 = 4, and there are 4.
        assert hpa().proposed(4, 2, 1.4) == 4
        # At 175 % they are 5.
        assert hpa().proposed(4, 2, 1.75) == 5
        # 77 / 70 with half of them idle is less than what there is: nothing is removed.
        assert hpa().proposed(4, 2, 0.77) == 4

    def test_removes_no_more_than_the_highest_of_a_window(self) -> None:
        scaler = hpa()

        kept = [
            scaler.stable(at, 6, asked) for at, asked in [(0, 6), (60, 3), (299, 2)]
        ]

        assert kept == [6, 6, 6]
        assert scaler.stable(300, 6, 2) == 3
        assert scaler.stable(360, 3, 2) == 2

    def test_adds_no_more_than_the_lowest_of_a_window(self) -> None:
        scaler = hpa(up=Behavior(60, UP.policies))

        assert [scaler.stable(at, 2, 5) for at in (0, 30, 60)] == [2, 2, 5]

    @pytest.mark.parametrize(
        ("select", "replicas", "most"),
        [("Max", 1, 3), ("Max", 5, 10), ("Min", 1, 2), ("Min", 5, 7)],
    )
    def test_adds_no_more_than_a_policy_lets_it(
        self, select: str, replicas: int, most: int
    ) -> None:
        scaler = hpa(least=1, most=20, up=replace(UP, select=select))

        assert scaler.allowed(0, replicas, 20) == most

    def test_counts_what_it_did_within_the_period(self) -> None:
        scaler = hpa()
        seen = Seen(cores=[9.0] * 100, ready=[2] * 100)

        first = scaler.wanted(30, 2, seen)
        second = scaler.wanted(45, first, seen)
        third = scaler.wanted(60, second, seen)

        # From 2 to 4 in half a minute, and no more before it has passed.
        assert (first, second, third) == (4, 4, 8)

    def test_stays_within_its_bounds(self) -> None:
        assert hpa().allowed(0, 9, 40) == 10
        assert hpa().allowed(0, 2, 0) == 2
        assert hpa().allowed(0, 10, 40) == 10

    def test_looks_every_fifteen_seconds_at_what_was_measured_before(self) -> None:
        idle_then_busy = Seen(cores=[0.0] * 15 + [2.0] * 15, ready=[2] * 30)

        assert hpa().wanted(29, 2, idle_then_busy) == 2
        # What happened since the 15th second is not known yet.
        assert hpa().wanted(30, 2, idle_then_busy) == 2
        assert hpa().wanted(45, 2, idle_then_busy) == 3

    def test_does_nothing_without_a_metric(self) -> None:
        assert hpa().wanted(15, 3, Seen()) == 3
        assert hpa().wanted(30, 3, Seen(cores=[0.0] * 30, ready=[0] * 30)) == 3


class TestAlarm:
    @pytest.mark.parametrize(
        ("points", "goes_off"),
        [
            ([71.0, 72.0, 73.0], True),
            ([99.0, 70.0, 99.0], False),
            ([99.0, None, 99.0], False),
            ([99.0, 99.0], False),
            ([0.0, 71.0, 72.0, 73.0], True),
        ],
    )
    def test_needs_every_period(
        self, points: list[float | None], *, goes_off: bool
    ) -> None:
        assert Alarm(70, 3, is_above=True).goes_off(points) is goes_off

    def test_below_is_below(self) -> None:
        assert Alarm(30, 1, is_above=False).goes_off([29.9])
        assert not Alarm(30, 1, is_above=False).goes_off([30.0])

    def test_knows_whole_minutes_half_a_minute_later(self) -> None:
        values, ready = [2.0] * 60 + [4.0] * 60 + [9.0] * 30, [2] * 150

        assert [at for at in range(160) if Minutes.is_new(at)] == [90, 150]
        assert Minutes.each(values, ready, 150, 5) == [1.0, 2.0]
        assert Minutes.each(values, [0] * 150, 150, 1) == [None]


class TestSteps:
    def test_add_one_above_and_remove_one_below(self) -> None:
        assert steps().after(0, 4, [71.0]) == 5
        assert steps().after(0, 4, [29.0] * 5) == 3
        assert steps().after(0, 4, [29.0] * 4) == 4
        assert steps().after(0, 4, [50.0] * 5) == 4
        assert steps().after(0, 4, [None] * 5) == 4
        assert steps().after(0, 4, []) == 4

    def test_keep_their_bounds(self) -> None:
        assert steps().after(0, 10, [99.0]) == 10
        assert steps().after(0, 2, [0.0] * 5) == 2

    def test_wait_for_what_was_added_and_removed(self) -> None:
        scaler = steps(up=120)

        added = [scaler.after(at, 4, [99.0]) for at in (0, 60, 120)]
        removed = [scaler.after(at, 4, [9.0] * 5) for at in (180, 240, 480)]

        assert added == [5, 4, 5]
        assert removed == [3, 4, 3]
        # A removal holds up no addition.
        assert scaler.after(490, 4, [99.0]) == 5


class TestTracking:
    def test_adds_what_the_target_needs_after_three_minutes(self) -> None:
        # ceil(4 * 95 / 70) = ceil(5.43)
        assert tracking().after(0, 4, [[95.0] * 3]) == 6
        assert tracking().after(0, 4, [[95.0] * 2]) == 4
        assert tracking().after(0, 9, [[140.0] * 3]) == 10

    def test_removes_after_fifteen_minutes_below_nine_tenths(self) -> None:
        # ceil(6 * 35 / 70)
        assert tracking().after(0, 6, [[35.0] * 15]) == 3
        assert tracking().after(0, 6, [[35.0] * 14]) == 6
        # 64 is more than 63.
        assert tracking().after(0, 6, [[64.0] * 15]) == 6
        assert tracking().after(0, 6, [[0.0] * 15]) == 2

    def test_adds_for_any_of_its_metrics_and_removes_for_all(self) -> None:
        both = tracking(Tracked(70, is_requests=False), Tracked(600, is_requests=True))

        assert both.after(0, 4, [[10.0] * 3, [900.0] * 3]) == 6
        assert deepcopy(both).after(900, 6, [[10.0] * 15, [590.0] * 15]) == 6
        # ceil(6 * 10 / 70) = 1 and ceil(6 * 300 / 600) = 3
        assert deepcopy(both).after(900, 6, [[10.0] * 15, [300.0] * 15]) == 3

    def test_counts_the_requests_of_a_minute_for_each(self) -> None:
        scaler = tracking(Tracked(600, is_requests=True))
        # 40 a second and two replicas are 1200 a minute for each.
        seen = Seen(requests=[40.0] * 210, ready=[2] * 210)

        assert scaler.wanted(210, 2, seen) == 4


class TestCloudRun:
    def test_wants_six_tenths_of_what_one_may_have(self) -> None:
        scaler = CloudRun(1, 20, concurrency=40, cores=1.0)

        # 120 / 24, and 1.5 / 0.6 = 2.5
        assert scaler.proposed(in_flight=120, cores=1.5) == 5
        assert scaler.proposed(in_flight=24, cores=1.5) == 3
        assert scaler.proposed(in_flight=0, cores=0) == 0

    def test_adds_at_once_for_requests_without_a_place(self) -> None:
        scaler = CloudRun(1, 20, concurrency=40, cores=1.0)
        # A mean of 12 would be borne by one; 81 now by three.
        flying = [1.0] * 51 + [81.0] * 9

        wanted = scaler.wanted(60, 1, Seen(cores=[0.1] * 60, in_flight=flying))

        assert wanted == 3

    def test_keeps_an_idle_one_for_a_quarter_of_an_hour(self) -> None:
        scaler = CloudRun(0, 20, concurrency=40, cores=1.0)

        kept = [scaler.kept(at, asked) for at, asked in [(0, 6), (5, 0), (895, 0)]]

        assert kept == [6, 6, 6]
        assert scaler.kept(900, 0) == 0

    def test_keeps_its_bounds_and_does_nothing_without_a_metric(self) -> None:
        scaler = CloudRun(1, 4, concurrency=40, cores=1.0)

        assert scaler.wanted(5, 3, Seen()) == 3
        assert scaler.kept(0, 0) == 1
        assert scaler.kept(5, 9) == 4


class Still:
    """Wants what it is told to, from a second on."""

    period_seconds = 15

    def __init__(self, number: int, since: int = 0) -> None:
        self._number, self._since = number, since

    def wanted(self, now: int, replicas: int, seen: Seen) -> int:
        return self._number if now >= self._since else replicas


def served(scaler: object, trace: list[float], begin: int = 1) -> Run:
    return simulate(scaler, trace, ONE, objective_seconds=0.5, begin=begin)


class TestSimulation:
    def test_is_in_time_while_there_is_room(self) -> None:
        run = served(Still(1), [99.0] * 100)

        assert (run.late, run.asked, run.flaps()) == (0, 9900, 0)
        assert run.hours == pytest.approx(100 / 3600)

    def test_is_late_beyond_what_one_bears(self) -> None:
        # 100 of 150 a second: after the first, who waits longer than 0.5 s is late.
        run = served(Still(1), [150.0] * 100)

        assert run.late == pytest.approx(150 * 100)

    def test_a_new_one_serves_once_it_has_started(self) -> None:
        trace = [0.0] * 5 + [150.0] * 15

        assert served(Still(2, since=1), trace).late < served(Still(1), trace).late
        assert served(Still(2, since=15), trace).late == served(Still(1), trace).late

    def test_without_replicas_all_is_late(self) -> None:
        run = served(Still(0), [10.0] * 10, begin=0)

        assert run.late_share == 1
        assert served(Still(0), [0.0] * 10, begin=0).late_share == 0

    def test_counts_who_was_removed_and_added_again(self) -> None:
        assert Run([3, 3, 2, 2, 3, 3]).flaps() == 1
        assert Run([3] + [2] * 301 + [3]).flaps() == 0
        assert Run([2, 3, 4, 3]).flaps() == 0
        assert Run([2, 2, 3]).added_after(1) == 1

    def test_a_fixed_fleet_is_that_of_the_peak(self) -> None:
        # 1000 a second, of which one bears 100, at 70 %: 14.3
        assert fixed([10.0, 1000.0], ONE, 0.7) == 15

    def test_loads_are_what_they_are_called(self) -> None:
        hours = [sum(day(100)[at : at + 3600]) / 3600 for at in range(0, 86400, 3600)]

        assert len(day(100)) == 86400
        assert hours.index(max(hours)) in (19, 20)
        assert min(hours) < 25
        assert max(spike(100)) == 10 * min(spike(100)) == 100
        assert sorted(set(flapping(100))) == [25, 75]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[Case]:
    """What the rendered numbers of each target do with each load."""
    return all_cases(tmp_path_factory.mktemp("targets"), Costs())


class TestRendered:
    def test_numbers_neither_flap_nor_come_late(self, found: list[Case]) -> None:
        assert {case.name: case.faults() for case in found if case.faults()} == {}
        assert len({case.trace for case in found}) == 3

    def test_page_is_up_to_date(self, found: list[Case]) -> None:
        for path, text in written(found, Costs()).items():
            assert path.read_text() == text, "run `make autoscale`"

    def test_numbers_are_read_and_not_known(self, tmp_path: Path) -> None:
        template = snapshot(tmp_path / "strata")
        facts = template / "questions/deployment.yml"
        moved = facts.read_text().replace("high: 70", "high: 61")
        facts.write_text(
            moved.replace("down: {window_seconds: 300", "down: {window_seconds: 480")
        )

        service = render(template, tmp_path / "service", {"deploy": "kubernetes"})
        [scaler] = scalers(service, "kubernetes").values()

        assert (scaler.target, scaler.down.window_seconds) == (0.61, 480)


class TestBadNumbers:
    @pytest.fixture
    def kubernetes(self, found: list[Case]) -> HorizontalPodAutoscaler:
        scaler = next(case.scaler for case in found if case.name == "Kubernetes")
        return replace(scaler, _recommended=[], _changes=[])

    def test_without_a_window_replicas_come_and_go(
        self, kubernetes: HorizontalPodAutoscaler
    ) -> None:
        hasty = replace(kubernetes, down=replace(kubernetes.down, window_seconds=0))

        assert "added again" in faults(hasty)["a flapping load"]

    def test_with_a_long_window_the_first_comes_late(
        self, kubernetes: HorizontalPodAutoscaler
    ) -> None:
        slow = replace(kubernetes, up=replace(kubernetes.up, window_seconds=300))

        assert "the first was added after" in faults(slow)["a spike"]

    def test_with_too_few_a_day_is_late(
        self, kubernetes: HorizontalPodAutoscaler
    ) -> None:
        assert "late" in faults(replace(kubernetes, most=4), at_most=12)["a day"]

    def test_with_thresholds_the_wrong_way_round_replicas_come_and_go(self) -> None:
        said = faults(steps(high=30, low=70))

        assert "added again" in said["a day"]
        assert faults(steps())["a day"] == ""

    def test_with_thresholds_that_touch_replicas_come_and_go(self) -> None:
        assert "added again" in faults(steps(high=70, low=65, down=60))["a day"]


def faults(scaler: Scaler, at_most: int | None = None) -> dict[str, str]:
    one = replica("kubernetes", Costs())
    judged = cases({"bad": scaler}, one, at_most=at_most or scaler.most)
    return {case.trace: " ".join(case.faults()) for case in judged}
