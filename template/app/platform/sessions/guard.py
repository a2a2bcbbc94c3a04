"""Whose browser asks, and on behalf of which page."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from starlette.types import Scope

from app.platform.errors import DomainError, Forbidden, Unauthenticated
from app.platform.identity.guard import CredentialsMalformed, PrincipalGuard
from app.platform.sessions import CHALLENGE, COOKIE
from app.platform.web.policy import Access

# Which pages of elsewhere cannot send without having been let in by CORS.
HEADER = "X-CSRF-Protection"
LOOKING = frozenset({"GET", "HEAD", "OPTIONS"})
# What is said of a request by a browser, if the page that sends it is our own.
OWN = frozenset({"same-origin", "none"})
# A token has 256 bits: this many letters.
TOKEN = 43


class CredentialsMissing(Unauthenticated):
    """The route lets in whoever is logged in: with the cookie of a session."""

    def __init__(self) -> None:
        super().__init__("Log in first.", scheme=CHALLENGE)


class ForeignPageRefused(Forbidden):
    """A page of elsewhere may not have the browser of a user change anything."""


class SessionGuard(PrincipalGuard):
    """
    Takes the cookie of a session, once.

    What changes something is to come from a page of ours, by what the browser says of
    it (Fetch Metadata, or else Origin), and to bear a header that no form can send.
    """

    schemes: Mapping[str, Any] = {
        "session": {"type": "apiKey", "in": "cookie", "name": COOKIE},
        "csrf": {
            "type": "apiKey",
            "in": "header",
            "name": HEADER,
            "description": "Whatever it says, it is to be there: 1.",
        },
    }
    missing = CredentialsMissing

    def required(self, method: str) -> list[str]:
        return ["session"] if method.upper() in LOOKING else ["session", "csrf"]

    def refusals(self, method: str, access: Access) -> list[type[DomainError]]:
        changing = [] if method.upper() in LOOKING else [ForeignPageRefused]
        return [*super().refusals(method, access), *changing]

    async def judge(self, scope: Scope, access: Access | None) -> None:
        if _changes(scope):
            refuse_foreign(scope)
        await super().judge(scope, access)

    def shown(self, scope: Scope) -> str:
        tokens = list(cookies(scope))
        if not tokens:
            raise CredentialsMissing
        if len(tokens) > 1:
            raise CredentialsMalformed("There is more than one cookie of a session.")
        if len(tokens[0]) != TOKEN:
            raise CredentialsMalformed("The cookie is not of a session.")
        if _changes(scope) and _said(scope, HEADER) is None:
            raise ForeignPageRefused(f"Send {HEADER} with what changes something.")
        return tokens[0]


def cookies(scope: Scope) -> Iterator[str]:
    """Find what is shown of sessions: HTTP/2 may spread cookies over headers."""
    for header in _all(scope, "Cookie"):
        for pair in header.split(";"):
            name, _, value = pair.strip(" \t").partition("=")
            if name == COOKIE:
                yield value


def refuse_foreign(scope: Scope) -> None:
    """Raise if a page of elsewhere asks that CORS has not let in with its cookies."""
    site, origin = _said(scope, "Sec-Fetch-Site"), _said(scope, "Origin")
    if site in OWN or (site is None and origin is None) or _let_in(scope, origin):
        return
    if site is None and urlsplit(origin or "").netloc == _said(scope, "Host"):
        return
    raise ForeignPageRefused("The page that asks is not of this service.")


def _let_in(scope: Scope, origin: str | None) -> bool:
    web = scope["state"]["platform"].settings.web
    listed = {each.strip() for each in web.cors_origins.split(",")}
    return bool(origin) and web.cors_credentials and origin in listed


def _changes(scope: Scope) -> bool:
    return scope.get("method", "GET") not in LOOKING


def _said(scope: Scope, name: str) -> str | None:
    said = list(_all(scope, name))
    if len(said) > 1:
        raise CredentialsMalformed(f"There is more than one {name} header.")
    return said[0] if said else None


def _all(scope: Scope, name: str) -> Iterator[str]:
    wanted = name.lower().encode()
    for given, value in scope["headers"]:
        if given == wanted:
            yield value.decode("latin-1")
