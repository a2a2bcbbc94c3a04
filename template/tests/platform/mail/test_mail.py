import pytest
from pydantic import ValidationError

from app.platform.mail import Mail


class TestMail:
    @pytest.mark.parametrize(
        "to",
        [
            "",
            "ada",
            "a@b@c",
            "ada@example.com\nBcc: eve@example.com",
            "ada@example.com\r",
            "ada@example.com, eve@example.com",
            "Ada <ada@example.com>",
        ],
    )
    def test_refuses_what_is_not_one_address(self, to: str) -> None:
        with pytest.raises(ValidationError):
            Mail(to=to, subject="Hi", text="", key="1")

    @pytest.mark.parametrize(
        "subject", ["", "Hi\nBcc: eve@example.com", "Hi\r\n", "Hi\u2028", "Hi\x00"]
    )
    def test_refuses_a_subject_of_more_than_a_line(self, subject: str) -> None:
        with pytest.raises(ValidationError):
            Mail(to="ada@example.com", subject=subject, text="", key="1")
