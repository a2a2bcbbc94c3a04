import pytest

from app.platform.observability.logging import REDACTED, redacted

FIELDS = ["password", "new_password", "access_token", "client_secret", "privateKey"]
HEADERS = ["Authorization", "set-cookie", "X-Api-Key"]


class TestRedacted:
    @pytest.mark.parametrize("name", FIELDS + HEADERS)
    def test_hides_the_value_of_a_secret_field(self, name: str) -> None:
        assert redacted({name: "hunter2"}) == {name: REDACTED}

    def test_hides_it_at_any_level(self) -> None:
        fields = {"outer": [{"inner": {"token": "hunter2", "kept": 1}}]}

        assert redacted(fields) == {
            "outer": [{"inner": {"token": REDACTED, "kept": 1}}]
        }

    def test_hides_the_password_within_a_url(self) -> None:
        fields = {"error": "cannot reach postgresql://app:hunter2@db/shop"}

        assert redacted(fields) == {
            "error": "cannot reach postgresql://app:***@db/shop"
        }

    def test_does_not_follow_values_without_end(self) -> None:
        endless: dict[str, object] = {}
        endless["self"] = [endless]

        assert "..." in str(redacted(endless))

    def test_leaves_the_rest_alone(self) -> None:
        fields = {"status": 200, "idempotency_key_hash": b"x", "route": "/v1/things"}

        assert redacted(fields) == fields
