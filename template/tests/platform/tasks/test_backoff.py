from itertools import pairwise

from app.platform.tasks.backoff import LONGEST_SECONDS, backoff


class TestBackoff:
    def test_grows_and_then_stays_bounded(self) -> None:
        ceilings = [
            max(backoff(attempt).total_seconds() for _ in range(200))
            for attempt in range(1, 15)
        ]

        assert all(b > a for a, b in pairwise(ceilings[:8]))
        assert ceilings[-1] <= LONGEST_SECONDS

    def test_differs_each_time(self) -> None:
        assert len({backoff(3) for _ in range(20)}) > 15
