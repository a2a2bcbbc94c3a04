import math
from datetime import UTC, datetime
from typing import Annotated, Any

import pytest
from pydantic import TypeAdapter, ValidationError

from app.platform import fields

LINE = Annotated[str, fields.line(8)]

REFUSED = [
    (fields.Email, "ada@example.com\r\nBcc: eve@example.com"),
    (fields.Email, "ada"),
    (fields.Email, "a\0da@example.com"),
    (fields.Text, "a\0b"),
    (fields.Url, "https://example.com/a\0b"),
    (fields.Json, {"a": ["\0"]}),
    (fields.Json, {"\0": 1}),
    (LINE, " \t "),
    (LINE, "\u200b\u00a0\u3000"),
    (LINE, "a\0b"),
    (LINE, "a\nb"),
    (LINE, "abcdefghi"),
    (fields.Url, "javascript:alert(1)"),
    (fields.Url, "https://"),
    (fields.Url, "https://example.com/" + "x" * 2000),
    (fields.Integer, 2**63),
    (fields.Minor, -1),
    (fields.Currency, "eur"),
    (fields.Instant, "2030-01-31T12:00:00"),
    (fields.Instant, "0001-01-01T00:00:00+12:00"),
    (fields.Instant, "9999-12-31T23:59:59-12:00"),
    (fields.Json, [1]),
    (fields.Json, {"at": datetime.now(UTC)}),
]
ACCEPTED = [
    (fields.Email, "ada@example.com"),
    (fields.Url, "https://example.com"),
    (LINE, "a \u200b b"),
    (LINE, "\u0639\u200c\u0631"),
    (fields.Text, "a\n b "),
    (fields.Integer, -(2**63)),
    (fields.Json, {"a": [1, None, {"b": math.pi}]}),
]


class TestFields:
    @pytest.mark.parametrize(("kind", "value"), REFUSED)
    def test_refuse_what_cannot_be_stored(self, kind: Any, value: object) -> None:
        with pytest.raises(ValidationError):
            TypeAdapter(kind).validate_python(value)

    @pytest.mark.parametrize(("kind", "value"), ACCEPTED)
    def test_keep_a_value_as_it_was_sent(self, kind: Any, value: object) -> None:
        assert TypeAdapter(kind).validate_python(value) == value

    def test_keep_a_line_without_the_blanks_around_it(self) -> None:
        assert TypeAdapter(LINE).validate_python("  a b\u3000 ") == "a b"

    def test_keep_an_address_in_lower_case(self) -> None:
        kept = TypeAdapter(fields.Email).validate_python("ADA@Example.COM")

        assert kept == "ada@example.com"
