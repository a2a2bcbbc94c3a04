"""A Valkey of one's own: it keeps what it is asked to keep."""

from pathlib import Path

import pytest
from redis import Redis

from dev import redis
from dev.process import Data


class TestStart:
    @pytest.mark.parametrize(
        ("data", "found"), [(Data.KEPT, b"7"), (Data.DISPOSABLE, None)]
    )
    def test_only_kept_data_outlive_the_server(
        self, tmp_path: Path, data: Data, found: bytes | None
    ) -> None:
        first = redis.start(tmp_path, data)
        Redis.from_url(first.url).set("number", 7)
        first.stop()

        second = redis.start(tmp_path, data)

        assert Redis.from_url(second.url).get("number") == found
        second.stop()
