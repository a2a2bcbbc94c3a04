import math
from collections.abc import Mapping
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

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


class Draft(BaseModel):
    name: LINE
    note: fields.Text | None = None
    extra: fields.Json | None = None
    size: fields.Integer = 7


class Patch(fields.Partial, Draft):
    """Some of one."""


def patched(before: Mapping[str, object], **patch: object) -> dict[str, Any]:
    return Patch.model_validate(patch).merged_into(SimpleNamespace(**before))


class TestPartial:
    @pytest.mark.parametrize("patch", [{"name": None}, {"size": None}, {"name": " "}])
    def test_refuses_what_the_draft_does(self, patch: dict[str, object]) -> None:
        with pytest.raises(ValidationError):
            Patch.model_validate(patch)

    def test_holds_what_was_sent_and_no_default(self) -> None:
        before = {"name": "a", "note": "b", "extra": None, "size": 1}

        assert patched(before) == {}
        assert patched(before, name="c", note=None) == {"name": "c", "note": None}

    def test_merges_objects_as_rfc_7396_has_it(self) -> None:
        before = {"extra": {"a": {"b": 1, "c": 2}, "d": [1], "e": 1, "f": 2}}
        patch = {"a": {"b": None, "x": {"y": None}}, "d": [2], "e": {"z": 3}}

        after = patched(before, extra=patch)["extra"]

        assert after == {"a": {"c": 2, "x": {}}, "d": [2], "e": {"z": 3}, "f": 2}

    def test_leaves_the_draft_as_it_is(self) -> None:
        assert "required" not in Patch.model_json_schema()
        assert "default" not in Patch.model_json_schema()["properties"]["note"]
        assert Draft.model_json_schema()["required"] == ["name"]
