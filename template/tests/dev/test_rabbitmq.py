"""Without an installed RabbitMQ, a sentence says what to do."""

from pathlib import Path

import pytest

from dev import rabbitmq
from dev.process import Data, NotStartedError


class TestStart:
    def test_a_missing_broker_is_named_with_its_cure(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(rabbitmq, "PLACES", ())
        monkeypatch.setenv("PATH", str(tmp_path))

        with pytest.raises(NotStartedError, match="apt install rabbitmq-server"):
            rabbitmq.start(tmp_path / "broker", Data.DISPOSABLE)
