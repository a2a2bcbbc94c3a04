"""No telemetry: the service says what it does in its log alone."""

from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from typing import Self

from app.platform.configuration import Section
from app.platform.telemetry import Attribute, Page


class NoneTelemetrySettings(Section):
    """Nothing to set."""


class NoneTelemetry:
    """Watches nothing."""

    @classmethod
    @asynccontextmanager
    async def open(
        cls, _: NoneTelemetrySettings, *, service: str, environment: str
    ) -> AsyncIterator[Self]:
        yield cls()

    def watch(self, part: object) -> None:
        return None

    def span(
        self, name: str, **attributes: Attribute
    ) -> AbstractContextManager[object]:
        return nullcontext()

    def page(self, accept: str) -> Page | None:
        return None
