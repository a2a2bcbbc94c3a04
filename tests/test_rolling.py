"""A new version replaces the old one under load, and no request fails."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Rendered, copy
from tests.promises.balancer import Balancer
from tests.promises.deployment import processes
from tests.promises.fleet import Stop, Traffic, roll
from tests.promises.load import milliseconds, spread
from tests.promises.service import Service
from tests.promises.stops import configured
from variants import choices

TIMES, REQUESTS = 4, 2000
TARGETS = [answer for answer in choices()["deploy"] if answer != "none"]
LATE = Stop(late_seconds=1, kill_seconds=processes()["api"]["grace"]["seconds"])

type Rolled = Callable[..., Traffic]


@pytest.fixture
def rolled(rendered: Rendered, tmp_path: Path) -> Rolled:
    """Nothing that was answered is lost, whatever fails."""

    def roll_(stop: Stop, **settings: str) -> Traffic:
        rendering, urls = rendered("redis")
        with (
            Service.open(rendering, urls, tmp_path, **settings) as service,
            Balancer.running(stop.late_seconds, by_request=stop.by_request) as balancer,
        ):
            traffic, codes = roll(
                service, balancer, stop, times=TIMES, requests=REQUESTS
            )
            kept = service.count("orders")
            errors = service.errors()
        waits = spread(milliseconds(traffic.shop.placed))
        line = f"rolled {TIMES} times: {traffic.asked} requests, {len(traffic.failed)}"
        print(f"{line} failed, {kept} orders; POST {waits}", file=sys.stderr)
        assert traffic.asked >= REQUESTS
        assert kept >= len(traffic.shop.placed)
        assert codes == [0] * TIMES
        if not traffic.failed:
            assert kept == len(traffic.shop.placed)
            assert errors == []
        return traffic

    return roll_


def test_no_request_fails_behind_a_balancer_that_learns_late(rolled: Rolled) -> None:
    traffic = rolled(LATE)

    assert traffic.failed == []


@pytest.mark.parametrize("deploy", TARGETS)
def test_a_replica_takes_requests_for_longer_than_a_balancer_is_late(
    folder: Path, tmp_path: Path, deploy: str
) -> None:
    stop, settings = configured(copy(folder, tmp_path / deploy, deploy=deploy), deploy)

    takes = stop.term_seconds + float(settings["SERVER__DRAIN_SECONDS"])

    assert takes > stop.late_seconds


@pytest.mark.thorough
def test_requests_fail_without_a_drain(rolled: Rolled) -> None:
    traffic = rolled(LATE, SERVER__DRAIN_SECONDS="0")

    assert len(traffic.failed) > 10


@pytest.mark.thorough
@pytest.mark.parametrize("deploy", TARGETS)
def test_no_request_fails_with_the_timings_of_a_platform(
    rolled: Rolled, folder: Path, tmp_path: Path, deploy: str
) -> None:
    files = copy(folder, tmp_path / deploy, deploy=deploy)
    stop, settings = configured(files, deploy)

    traffic = rolled(stop, **settings)

    assert traffic.failed == []
    assert settings.keys() >= {"SERVER__DRAIN_SECONDS", "SERVER__FINISH_SECONDS"}


@pytest.mark.thorough
def test_requests_fail_when_a_platform_does_not_wait(rolled: Rolled) -> None:
    """As Kubernetes would without `preStop`, and with a process that does not drain."""
    hasty = Stop(late_seconds=1, kill_seconds=30, is_told=True)

    traffic = rolled(hasty, SERVER__DRAIN_SECONDS="0")

    assert traffic.failed != []
