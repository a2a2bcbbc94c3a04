"""Passwords: stored as Argon2id, and never compared where others wait."""

from asyncio import to_thread

from pwdlib import PasswordHash
from pwdlib.exceptions import PwdlibError
from pwdlib.hashers.argon2 import Argon2Hasher
from pydantic import SecretStr

# OWASP's second choice: 19 MiB and two turns take some 20 ms of one core.
_HASHER = Argon2Hasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


class Passwords:
    """Takes as long for one that nobody has as for one that somebody has."""

    def __init__(self) -> None:
        self._hash = PasswordHash((_HASHER,))

    async def hashed(self, password: SecretStr) -> str:
        return await to_thread(self._hash.hash, password.get_secret_value())

    async def fits(self, password: SecretStr, stored: str | None) -> bool:
        """Compare, with a hash that nothing fits if there is none."""
        given = password.get_secret_value()
        fits = await to_thread(self._verify, given, stored or NOBODYS)
        return fits and stored is not None

    def _verify(self, given: str, stored: str) -> bool:
        try:
            return self._hash.verify(given, stored)
        except PwdlibError:
            return False


NOBODYS = PasswordHash((_HASHER,)).hash("nobody")
