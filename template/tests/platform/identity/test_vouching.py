from datetime import timedelta
from itertools import pairwise

import pytest
from pydantic import SecretStr

from app.platform.identity.vouching import (
    DEVELOPMENT,
    Vouching,
    VouchingSettings,
    derived,
)
from app.settings import Settings

OLD, NEW = SecretStr("x" * 32), SecretStr("y" * 32)
BOTH = SecretStr(f"{'x' * 32} {'y' * 32}")
VOUCHING = Vouching(VouchingSettings(secret=OLD))


class TestDerived:
    def test_differs_by_purpose_and_by_secret(self) -> None:
        keys = {derived(secret, why) for secret in ("a", "b") for why in ("c", "d")}

        assert len(keys) == 4
        assert {len(key) for key in keys} == {32}


class TestVouch:
    def test_is_for_these_words_only(self) -> None:
        token = VOUCHING.vouch("reset", "ab", "c", lasting=timedelta(minutes=1))

        assert VOUCHING.vouched(token, "reset", "ab", "c")
        assert not VOUCHING.vouched(token, "reset", "a", "bc")
        assert not VOUCHING.vouched(token, "verify", "ab", "c")

    def test_ends(self) -> None:
        token = VOUCHING.vouch("reset", lasting=timedelta(seconds=-1))

        assert not VOUCHING.vouched(token, "reset")
        assert not VOUCHING.vouched("ffffffff." + token.partition(".")[2], "reset")


class TestRotation:
    def test_leaves_nobody_unbelieved_whoever_knows_of_it_first(self) -> None:
        steps = [
            VouchingSettings(secret=OLD),
            VouchingSettings(secret=OLD, other_secrets=BOTH),
            VouchingSettings(secret=NEW, other_secrets=BOTH),
        ]
        # Beside a replica of each step there may be some of the next.
        for one, another in pairwise(steps):
            token = Vouching(another).vouch("reset", lasting=timedelta(minutes=1))
            assert Vouching(one).vouched(token, "reset")
            token = Vouching(one).vouch("reset", lasting=timedelta(minutes=1))
            assert Vouching(another).vouched(token, "reset")

    def test_ends_with_the_other_secret(self) -> None:
        token = VOUCHING.vouch("reset", lasting=timedelta(minutes=1))

        assert not Vouching(VouchingSettings(secret=NEW)).vouched(token, "reset")

    def test_is_refused_with_one_that_is_known_to_all(self) -> None:
        other = SecretStr(DEVELOPMENT)
        settings = VouchingSettings(secret=OLD, other_secrets=other)

        assert [refusal.name for refusal in settings.unsafe()] == ["other_secrets"]


class TestSecret:
    @pytest.mark.parametrize("secret", [DEVELOPMENT, "x" * 31])
    def test_that_is_short_or_known_ends_the_start(
        self, monkeypatch: pytest.MonkeyPatch, secret: str
    ) -> None:
        monkeypatch.setenv("ENVIRONMENT", "production")
        monkeypatch.setenv("IDENTITY__SECRET", secret)

        with pytest.raises(SystemExit, match="IDENTITY__SECRET is short") as refused:
            Settings.load()
        assert secret not in str(refused.value)

    def test_of_one_own_is_taken(self) -> None:
        settings = VouchingSettings(secret=SecretStr("x" * 32))

        assert not list(settings.unsafe())
