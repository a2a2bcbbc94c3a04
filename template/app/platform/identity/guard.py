"""Who stands before every route, and tells OpenAPI whom it lets in."""

from collections.abc import Mapping
from typing import Any, ClassVar

from starlette.types import Scope

from app.platform.errors import DomainError, Forbidden, Unauthenticated
from app.platform.identity import CredentialsRefused, Identity
from app.platform.observability import context
from app.platform.observability.context import Principal
from app.platform.web.policy import ANYBODY, Access
from app.platform.web.problems import problems


class CredentialsMalformed(DomainError):
    """Who asks is said twice, or in a way that is not known here."""


class ScopeMissing(Forbidden):
    """Who asks has not been granted what the route needs."""


class PrincipalGuard:
    """Has whoever asks proved by what it shows, where not anybody is let in."""

    # Each way to show it, as OpenAPI describes it. The first one names the scopes.
    schemes: Mapping[str, Any]
    missing: ClassVar[type[Unauthenticated]]

    def shown(self, scope: Scope) -> str:
        """Find what is shown, or raise."""
        raise NotImplementedError

    def required(self, method: str) -> list[str]:
        """Name the schemes that a request of this method needs."""
        return [next(iter(self.schemes))]

    def refusals(self, method: str, access: Access) -> list[type[DomainError]]:
        """List how it may answer a request of this method."""
        needed = [ScopeMissing] if access.scopes else []
        return [self.missing, CredentialsRefused, CredentialsMalformed, *needed]

    async def judge(self, scope: Scope, access: Access | None) -> None:
        if access == ANYBODY:
            return
        identity: Identity = scope["state"]["platform"].identity
        admit(await identity.prove(self.shown(scope)), access)

    def describe(
        self, description: dict[str, Any], needs: Mapping[str, Access]
    ) -> None:
        schemes = description["components"].setdefault("securitySchemes", {})
        schemes |= self.schemes
        for path in description["paths"].values():
            for method, operation in path.items():
                access = needs.get(operation.get("operationId", ""), ANYBODY)
                if access != ANYBODY:
                    first, *others = self.required(method)
                    needed = {name: list[str]() for name in others}
                    operation["security"] = [{first: sorted(access.scopes), **needed}]
                    documented = problems(*self.refusals(method, access))
                    operation["responses"] |= {
                        str(status): response for status, response in documented.items()
                    }


def bearer(scope: Scope) -> str | None:
    """Find the one token of a bearer, if the request shows one; raise if it has two."""
    given = [value for name, value in scope["headers"] if name == b"authorization"]
    if len(given) > 1:
        raise CredentialsMalformed("There is more than one Authorization header.")
    said: str = given[0].decode("latin-1") if given else ""
    kind, _, token = said.partition(" ")
    return token.strip() or None if kind.lower() == "bearer" else None


def admit(principal: Principal, access: Access | None) -> None:
    """Let in who has been proved and may do what the route needs, or raise."""
    context.identify(principal)
    if access is None:
        raise ScopeMissing("Nobody has been let into this route.")
    missing = access.scopes - principal.scopes
    if missing and context.ADMIN not in principal.scopes:
        raise ScopeMissing("It needs a scope.", missing=sorted(missing))
