"""
The errors the domain raises.

* DomainError
  - Invalid
  - NotFound
  - Conflict
    - InUse
  - Unauthenticated
  - Forbidden
  - PreconditionFailed
  - PreconditionRequired
  - TooManyRequests
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


class Unauthenticated(DomainError):
    """The caller has not proved who it is."""

    def __init__(
        self, detail: str, *, scheme: str = "Bearer", **context: object
    ) -> None:
        """`scheme` names the way to prove it."""
        super().__init__(detail, **context)
        self.scheme = scheme


class Forbidden(DomainError):
    """The caller is known and may not do this."""


class PreconditionFailed(DomainError):
    """What the caller last saw has changed since."""


class PreconditionRequired(DomainError):
    """The caller must say which version it means to change."""


class _Passing(DomainError):
    """What was refused now may be had later."""

    def __init__(
        self, detail: str, *, retry_after_seconds: int = 1, **context: object
    ) -> None:
        super().__init__(detail, **context)
        self.retry_after_seconds = retry_after_seconds


class TooManyRequests(_Passing):
    """The caller asks more often than it may."""


class Unavailable(_Passing):
    """Something this depends on cannot answer now, but may later."""


class Overloaded(Unavailable):
    """There is more to do at this moment than can be done in time."""
