"""Callers who want the same thing at the same time share one answer."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer[T]:
    """A value, and the last moment at which it is known to have been current."""

    value: T
    as_of: float


@dataclass(slots=True)
class Flight[T]:
    """One caller's way to an answer, on which others wait."""

    began: float = field(default_factory=monotonic)
    landed: asyncio.Event = field(default_factory=asyncio.Event)
    answer: Answer[T] | None = None
    error: Exception | None = None


class Flights:
    """
    Never hands a caller what may be older than its call.

    An answer on its way when the caller arrives may have been overtaken by a write
    that the caller knows of, so it is shared only if it proved current since. The
    flight leads in the task of its first caller, whose session it may use; if that
    caller is cancelled, the next one starts over.
    """

    def __init__(self) -> None:
        self._flights: dict[str, Flight[Any]] = {}

    async def share[T](self, key: str, fly: Callable[[], Awaitable[Answer[T]]]) -> T:
        arrived = monotonic()
        flight: Flight[T] | None
        while (flight := self._flights.get(key)) is not None:
            await flight.landed.wait()
            if flight.error is not None and flight.began > arrived:
                raise flight.error
            if flight.answer is not None and flight.answer.as_of > arrived:
                return flight.answer.value
        return await self._lead(key, fly)

    def drop(self, key: str) -> None:
        """Let later callers start anew, rather than wait for the flight in progress."""
        self._flights.pop(key, None)

    async def _lead[T](self, key: str, fly: Callable[[], Awaitable[Answer[T]]]) -> T:
        flight: Flight[T] = Flight()
        self._flights[key] = flight
        try:
            flight.answer = await fly()
        except Exception as error:
            flight.error = error
            raise
        finally:
            if self._flights.get(key) is flight:
                self.drop(key)
            flight.landed.set()
        return flight.answer.value
