"""Who bears a token, as OAuth2 has it: in a header, and nowhere else."""

from starlette.types import Scope

from app.platform.errors import Unauthenticated
from app.platform.identity import Scheme
from app.platform.identity.guard import CredentialsMalformed, PrincipalGuard


class CredentialsMissing(Unauthenticated):
    """The route lets in whoever proves who it is: with a bearer's token."""


class TokenGuard(PrincipalGuard):
    """Takes a bearer's token, once, and from a header only."""

    missing = CredentialsMissing

    def __init__(self, scheme: Scheme) -> None:
        self.schemes = {scheme.name: scheme.described}

    def shown(self, scope: Scope) -> str:
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
