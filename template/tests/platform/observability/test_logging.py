import json
import logging
import warnings
from datetime import datetime, timedelta
from io import BytesIO, StringIO, TextIOWrapper
from typing import Any, Literal

import pytest
import structlog
from pydantic import SecretStr

from app.platform.observability import context
from app.platform.observability.logging import LoggingSettings, install


@pytest.fixture(autouse=True)
def _installed() -> None:
    install(LoggingSettings(), service="shop", environment="test")


def read(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Parse the one line that was written."""
    output = capsys.readouterr().out
    assert output.count("\n") == 1
    line: dict[str, Any] = json.loads(output)
    return line


class Broken:
    """What no log can show."""

    def __repr__(self) -> str:
        raise RuntimeError("no words")


class BrokenError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


def circular() -> dict[str, Any]:
    fields: dict[str, Any] = {}
    fields["again"] = fields
    return fields


class TestInstall:
    def test_writes_an_event_as_one_line(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with context.resume({"x-request-id": "request-0001"}):
            structlog.get_logger("app.here").warning("cache.unavailable", attempt=2)

        line = read(capsys)
        assert datetime.fromisoformat(line.pop("timestamp")).utcoffset() == timedelta()
        assert len(line.pop("trace_id")) == 32
        assert line == {
            "level": "warning",
            "event": "cache.unavailable",
            "logger": "app.here",
            "service": "shop",
            "environment": "test",
            "request_id": "request-0001",
            "attempt": 2,
        }

    @pytest.mark.parametrize(
        "value",
        ["a\nb", "\x1b[31mred", "a\r\n\u2028\u0085b", "half \ud800", b"\xff", object()],
    )
    def test_keeps_a_hostile_value_on_its_line(
        self, value: object, capsys: pytest.CaptureFixture[str]
    ) -> None:
        structlog.get_logger().info("login.failed", name=value)

        output = capsys.readouterr().out
        assert output.isascii()
        assert len(output.splitlines()) == 1
        assert json.loads(output)["event"] == "login.failed"

    def test_hides_secrets(self, capsys: pytest.CaptureFixture[str]) -> None:
        structlog.get_logger().info("x", token="hunter2", key=SecretStr("hunter2"))

        assert "hunter2" not in capsys.readouterr().out

    def test_keeps_a_traceback_on_its_line(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        try:
            raise LookupError("gone")
        except LookupError:
            structlog.get_logger().exception("thing.failed")

        line = read(capsys)
        assert line["level"] == "error"
        assert line["exception"].endswith("LookupError: gone")

    def test_gives_libraries_the_same_form(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        logging.getLogger("uvicorn.error").error("failed with %s", "x\ny")

        line = read(capsys)
        assert line["event"] == "failed with x\ny"
        assert line["logger"] == "uvicorn.error"
        assert line["service"] == "shop"

    def test_leaves_the_access_lines_to_the_service(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        logging.getLogger("uvicorn.access").info("GET / 200")

        assert capsys.readouterr().out == ""

    def test_turns_warnings_into_events(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        warnings.warn("this will change", stacklevel=1)

        assert read(capsys)["logger"] == "py.warnings"

    def test_says_nothing_below_the_level(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        install(LoggingSettings(level="ERROR"), service="shop", environment="test")

        structlog.get_logger().warning("quiet")
        logging.getLogger("library").warning("quiet")

        assert capsys.readouterr().out == ""

    def test_speaks_plainly_to_a_developer(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        settings = LoggingSettings(format="console")
        install(settings, service="shop", environment="development")

        structlog.get_logger().info("thing.done")

        assert not capsys.readouterr().out.startswith("{")

    def test_leaves_out_for_a_developer_what_is_the_same_in_every_line(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        settings = LoggingSettings(format="console")
        install(settings, service="shop", environment="development")

        structlog.get_logger().info("thing.done", number=1, reason=None)
        structlog.get_logger("app.things").warning("thing.failed")

        done, failed = capsys.readouterr().out.splitlines()
        assert done[8:] == " [info     ] thing.done number=1"
        assert failed[8:] == " [warning  ] thing.failed [app.things]"

    @pytest.mark.parametrize(
        ("variables", "colourful"),
        [
            ({}, False),
            ({"FORCE_COLOR": "1"}, True),
            ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ],
    )
    def test_colours_only_what_a_terminal_reads(
        self,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
        variables: dict[str, str],
        *,
        colourful: bool,
    ) -> None:
        for name in ("FORCE_COLOR", "NO_COLOR"):
            monkeypatch.setenv(name, variables.get(name, ""))
        settings = LoggingSettings(format="console")
        install(settings, service="shop", environment="development")

        structlog.get_logger().info("thing.done")

        assert ("\033[" in capsys.readouterr().out) is colourful


class TestWhatCannotBeWritten:
    @pytest.mark.parametrize("format_", ["json", "console"])
    @pytest.mark.parametrize(
        "value", [Broken(), circular(), {1: "a", None: "b"}, {Broken(): 1}]
    )
    def test_leaves_a_line(
        self,
        value: object,
        format_: Literal["json", "console"],
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        install(LoggingSettings(format=format_), service="shop", environment="test")

        structlog.get_logger("app.here").info("thing.done", value=value)

        assert "thing.done" in capsys.readouterr().out

    def test_names_the_event_and_what_went_wrong(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        structlog.get_logger("app.here").info("thing.done", value={Broken(): 1})

        assert read(capsys) == {
            "level": "error",
            "event": "log.malformed",
            "logger": "app.here",
            "malformed_event": "thing.done",
            "error": "RuntimeError",
        }

    @pytest.mark.parametrize(
        ("message", "arguments"),
        [("%d pieces", ("many",)), ("%s and %s", ("one",)), ("%(a)s", ({"b": 1},))],
    )
    def test_of_a_library_is_named(
        self,
        message: str,
        arguments: tuple[object, ...],
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        # Without pytest's own handlers, which raise.
        install(LoggingSettings(), service="shop", environment="test")

        logging.getLogger("library").warning(message, *arguments)

        line = read(capsys)
        assert line["event"] == "log.malformed"
        assert line["logger"] == "library"
        assert line["malformed_event"] == message

    def test_may_be_an_exception_without_words(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        try:
            raise BrokenError
        except BrokenError:
            structlog.get_logger().exception("thing.failed")
            logging.getLogger("library").exception("failed")

        assert len(capsys.readouterr().out.splitlines()) == 2

    @pytest.mark.parametrize(
        "error",
        [
            BrokenPipeError(),
            ValueError("closed"),
            UnicodeEncodeError("ascii", "x", 0, 1, "not even that letter"),
            None,
        ],
    )
    def test_is_lost_with_standard_output(
        self, error: Exception | None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Gone(StringIO):
            def write(self, _: str) -> int:
                raise error or AssertionError

        monkeypatch.setattr("sys.stdout", Gone() if error else None)

        structlog.get_logger().info("thing.done")
        logging.getLogger("library").warning("done")

    def test_in_this_encoding_is_spelled_out(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        install(LoggingSettings(format="console"), service="s", environment="test")
        written = BytesIO()
        monkeypatch.setattr("sys.stdout", TextIOWrapper(written, encoding="ascii"))

        structlog.get_logger().info("thing.done", name="Zo\u00eb \ud800")

        assert b"Zo\\xeb \\ud800" in written.getvalue()

    def test_does_not_show_a_password(self, capsys: pytest.CaptureFixture[str]) -> None:
        # Without pytest's own handlers, which raise.
        install(LoggingSettings(), service="shop", environment="test")

        logging.getLogger("library").warning("lost https://shop:hunter2@broker %d", "x")
        structlog.get_logger().warning("lost https://shop:hunter2@broker %d", "x")

        output = capsys.readouterr().out
        assert output.count("lost https://shop:***@broker") == 2
        assert "hunter2" not in output

    @pytest.mark.parametrize("method", ["info", "warn", "exception", "fatal"])
    def test_may_be_arguments(
        self, method: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        getattr(structlog.get_logger(), method)("sold %d", Broken())

        assert read(capsys)["malformed_event"] == "sold %d"

    def test_puts_arguments_that_fit_into_words(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        structlog.get_logger().log(logging.INFO, "sold %d of %s", 2, "tea", left=0)

        line = read(capsys)
        assert (line["event"], line["left"]) == ("sold 2 of tea", 0)
        assert "positional_args" not in line
