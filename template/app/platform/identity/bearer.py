"""Who bears a token, as OAuth2 has it: in a header, and nowhere else."""

from starlette.types import Scope

from app.platform.errors import Unauthenticated
from app.platform.identity import Scheme
from app.platform.identity.guard import PrincipalGuard, bearer


class CredentialsMissing(Unauthenticated):
    """The route lets in whoever proves who it is: with a bearer's token."""


class TokenGuard(PrincipalGuard):
    """Takes a bearer's token, once, and from a header only."""

    missing = CredentialsMissing

    def __init__(self, scheme: Scheme) -> None:
        self.schemes = {scheme.name: scheme.described}

    def shown(self, scope: Scope) -> str:
        token = bearer(scope)
        if token is None:
            raise CredentialsMissing("Say who you are: Authorization: Bearer ...")
        return token
