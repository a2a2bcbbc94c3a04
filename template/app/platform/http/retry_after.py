"""How long a third party asks its clients to wait."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import ceil

LONGEST_SECONDS = 3600


def retry_after_seconds(headers: Mapping[str, str]) -> int | None:
    """Read `Retry-After`, which is a number of seconds or a date (RFC 9110, 10.2.3)."""
    value = headers.get("retry-after", "").strip()
    seconds = int(value[:9]) if value.isdecimal() else _seconds_until(value)
    if seconds is None:
        return None
    return min(max(seconds, 0), LONGEST_SECONDS)


def _seconds_until(date: str) -> int | None:
    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, OverflowError):
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return ceil((aware - datetime.now(UTC)).total_seconds())
