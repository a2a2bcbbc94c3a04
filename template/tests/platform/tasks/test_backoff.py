from datetime import timedelta
from itertools import pairwise

from app.platform.tasks.attempt import LONGEST_SECONDS, backoff, pause


class TestBackoff:
    def test_grows_and_then_stays_bounded(self) -> None:
        ceilings = [
            max(backoff(attempt).total_seconds() for _ in range(200))
            for attempt in (*range(1, 15), 100_000)
        ]

        assert all(b > a for a, b in pairwise(ceilings[:8]))
        assert ceilings[-1] <= LONGEST_SECONDS

    def test_differs_each_time(self) -> None:
        assert len({backoff(3) for _ in range(20)}) > 15

    def test_may_be_short_however_many_failures_there_were(self) -> None:
        waits = sorted(backoff(12).total_seconds() for _ in range(400))

        assert waits[0] < LONGEST_SECONDS / 10
        assert waits[-1] > LONGEST_SECONDS * 9 / 10


class TestPause:
    def test_is_up_to_half_of_the_wait_before_it_and_no_longer_than_15_seconds(
        self,
    ) -> None:
        pauses = [pause(timedelta(seconds=age)).total_seconds() for age in (0, 20, 900)]

        assert 0.5 <= pauses[0] <= 1
        assert 5 <= pauses[1] <= 10
        assert 7.5 <= pauses[2] <= 15
