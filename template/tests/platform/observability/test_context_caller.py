import asyncio
import json

import pytest
import structlog

from app.platform.observability import context
from app.platform.observability.context import SERVICE, Principal
from app.platform.observability.logging import LoggingSettings, install

SCOPES = frozenset({"admin", "reports"})
KNOWN = Principal("user-1", tenant="acme", kind="user", scopes=SCOPES)
HEADERS = {"caller": "root", "tenant": "acme", "x-request-id": "request-0001"}


class TestPrincipal:
    @pytest.mark.parametrize(
        "name", ["", "ann@example.com", "Ann Smith", "a\nb", "x" * 256, "\u00e9"]
    )
    def test_is_opaque(self, name: str) -> None:
        with pytest.raises(ValueError, match="opaque"):
            Principal(name)
        with pytest.raises(ValueError, match="opaque"):
            Principal("user-1", tenant=name)

    def test_differs_for_each(self) -> None:
        callers = [
            Principal(),
            Principal("a"),
            Principal(tenant="a"),
            Principal("a", tenant="a"),
        ]

        assert len({str(caller) for caller in callers}) == 4

    def test_is_the_service_itself_outside_of_a_request(self) -> None:
        assert context.caller() == SERVICE
        with pytest.raises(RuntimeError):
            context.identify(KNOWN)


class TestIdentify:
    def test_holds_until_the_request_ends(self) -> None:
        with context.resume({}):
            context.identify(KNOWN)
            during = context.caller()

        assert during == KNOWN
        assert context.caller() == SERVICE

    async def test_holds_when_it_was_said_on_a_thread(self) -> None:
        with context.resume({}):
            await asyncio.to_thread(context.identify, KNOWN)

            assert context.caller() == KNOWN


class TestCarry:
    def test_takes_who_asks_elsewhere(self) -> None:
        with context.resume({}):
            context.identify(KNOWN)
            carried = context.carry()

        with context.restore(carried):
            assert context.caller() == KNOWN

    def test_takes_along_that_nobody_asked(self) -> None:
        with context.restore({}):
            carried, caller = context.carry(), context.caller()

        assert caller == SERVICE
        with context.restore(carried):
            assert context.caller() == SERVICE

    def test_makes_nobody_known_the_service(self) -> None:
        with context.resume({}):
            carried = context.carry()

        with context.restore(carried):
            assert context.caller() == Principal()

    def test_says_nothing_of_nobody(self) -> None:
        with context.resume({}):
            assert set(context.carry()) == {"x-request-id", "traceparent"}

    def test_tells_a_third_party_nothing(self) -> None:
        with context.resume({}):
            context.identify(KNOWN)

            assert not {"caller", "tenant"} & context.outgoing_headers().keys()


class TestResume:
    def test_believes_nobody_who_asks(self) -> None:
        with context.resume(HEADERS):
            assert context.caller() == Principal()

    def test_does_not_go_on_as_the_one_before(self) -> None:
        with context.resume({}):
            context.identify(KNOWN)
            with context.resume(HEADERS):
                within = context.caller()

            assert within == Principal()
            assert context.caller() == KNOWN


class TestLog:
    def test_says_who_asks_if_it_is_known(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        install(LoggingSettings(), service="shop", environment="test")
        log = structlog.get_logger("app.here")

        with context.resume({}):
            log.info("order.refused")
            context.identify(KNOWN)
            log.info("order.placed")

        unknown, known = map(json.loads, capsys.readouterr().out.splitlines())
        assert not {"caller", "tenant"} & unknown.keys()
        assert (known["caller"], known["tenant"]) == ("user-1", "acme")
