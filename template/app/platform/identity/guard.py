"""Who stands before every route, and tells OpenAPI whom it lets in."""

from collections.abc import Mapping
from typing import Any

from starlette.types import Scope

from app.platform.errors import DomainError, Forbidden, Unauthenticated
from app.platform.identity import CredentialsRefused, Identity, Scheme
from app.platform.observability import context
from app.platform.observability.context import Principal
from app.platform.web.policy import ANYBODY, Access
from app.platform.web.problems import problems


class CredentialsMissing(Unauthenticated):
    """The route lets in whoever proves who it is: with a bearer's token."""


class CredentialsMalformed(DomainError):
    """Who asks is said twice, or in a way that is not known here."""


class ScopeMissing(Forbidden):
    """Who asks has not been granted what the route needs."""


class TokenGuard:
    """Takes a bearer's token, once, and from a header only."""

    def __init__(self, scheme: Scheme) -> None:
        self._scheme = scheme

    async def judge(self, scope: Scope, access: Access | None) -> None:
        if access == ANYBODY:
            return
        identity: Identity = scope["state"]["platform"].identity
        admit(await identity.prove(_bearers(scope)), access)

    def describe(
        self, description: dict[str, Any], needs: Mapping[str, Access]
    ) -> None:
        schemes = description["components"].setdefault("securitySchemes", {})
        schemes[self._scheme.name] = self._scheme.described
        for path in description["paths"].values():
            for operation in path.values():
                access = needs.get(operation.get("operationId", ""), ANYBODY)
                if access != ANYBODY:
                    operation["security"] = [{self._scheme.name: sorted(access.scopes)}]
                    operation["responses"] |= _refusals(access)


def admit(principal: Principal, access: Access | None) -> None:
    """Let in who has been proved and may do what the route needs, or raise."""
    context.identify(principal)
    if access is None:
        raise ScopeMissing("Nobody has been let into this route.")
    missing = access.scopes - principal.scopes
    if missing and context.ADMIN not in principal.scopes:
        raise ScopeMissing("It needs a scope.", missing=sorted(missing))


def _bearers(scope: Scope) -> str:
    given = [value for name, value in scope["headers"] if name == b"authorization"]
    if not given:
        raise CredentialsMissing("Say who you are: Authorization: Bearer ...")
    if len(given) > 1:
        raise CredentialsMalformed("There is more than one Authorization header.")
    said: str = given[0].decode("latin-1")
    kind, _, token = said.partition(" ")
    if kind.lower() != "bearer" or not token.strip():
        raise CredentialsMissing("Only a bearer's token proves who asks.")
    return token.strip()


def _refusals(access: Access) -> dict[str, Any]:
    refusals = [CredentialsMissing, CredentialsRefused]
    forbidden = [ScopeMissing] if access.scopes else []
    documented = problems(*refusals, *forbidden, CredentialsMalformed)
    return {str(status): response for status, response in documented.items()}
