from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from app.platform.http.transport import retry_after_seconds


class TestRetryAfter:
    @pytest.mark.parametrize(
        "value", ["", "soon", "-1", "1.5", "Mon, 99 Foo 2026 00:00:00 GMT"]
    )
    def test_that_makes_no_sense_is_ignored(self, value: str) -> None:
        assert retry_after_seconds({"retry-after": value}) is None

    @pytest.mark.parametrize(
        ("value", "seconds"), [("0", 0), (" 7 ", 7), ("9" * 5000, 3600)]
    )
    def test_counts_seconds_up_to_an_hour(self, value: str, seconds: int) -> None:
        assert retry_after_seconds({"retry-after": value}) == seconds

    @pytest.mark.parametrize(("minutes", "seconds"), [(-5, 0), (5, 300)])
    def test_counts_to_a_date(self, minutes: int, seconds: int) -> None:
        date = format_datetime(datetime.now(UTC) + timedelta(minutes=minutes))

        assert retry_after_seconds({"retry-after": date}) == pytest.approx(
            seconds, abs=1
        )
