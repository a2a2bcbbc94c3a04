"""
The errors the domain raises.

* DomainError
  - Invalid
  - NotFound
  - Conflict
    - InUse
  - Forbidden
  - PreconditionFailed
  - PreconditionRequired
  - Unavailable
    - Overloaded

A module derives its own from these. None of them knows HTTP: the web package
turns the kind into a status, and the name into a problem type.
"""

from collections.abc import Sequence


class DomainError(Exception):
    """A rule of the domain said no."""

    def __init__(self, detail: str, **context: object) -> None:
        super().__init__(detail)
        self.detail = detail
        self.context = context


class Invalid(DomainError):
    """The request is well formed, but what it asks for makes no sense."""


class NotFound(DomainError):
    """There is no such thing, or none that the caller may see."""


class Conflict(DomainError):
    """The request is sound, but the present state rules it out."""


class InUse(Conflict):
    """Other rows refer to it and cannot do without it."""

    def __init__(self, referred_by: Sequence[str]) -> None:
        names = " and ".join(name.replace("_", " ") for name in referred_by)
        super().__init__(
            f"It cannot be removed: {names} refer to it.",
            referred_by=list(referred_by),
        )


class Forbidden(DomainError):
    """The caller is known and may not do this."""


class PreconditionFailed(DomainError):
    """What the caller last saw has changed since."""


class PreconditionRequired(DomainError):
    """The caller must say which version it means to change."""


class Unavailable(DomainError):
    """Something this depends on cannot answer now, but may later."""

    def __init__(
        self, detail: str, *, retry_after_seconds: int = 1, **context: object
    ) -> None:
        super().__init__(detail, **context)
        self.retry_after_seconds = retry_after_seconds


class Overloaded(Unavailable):
    """There is too much to do at the moment; later there may not be."""
