"""What can be done with an account, and who is believed."""

import os
from asyncio import get_running_loop
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from pwdlib import PasswordHash
from pwdlib.exceptions import PwdlibError
from pwdlib.hashers.argon2 import Argon2Hasher
from pydantic import SecretStr

from app.modules.accounts.errors import (
    EmailNotVerified,
    LetterTokenRefused,
    LogInRefused,
)
from app.modules.accounts.events import AccountRegistered, PasswordResetAsked
from app.modules.accounts.models import Account
from app.modules.accounts.repository import AccountRepository
from app.modules.accounts.schemas import PasswordChange, PasswordReset, Registration
from app.platform.database import UnitOfWork
from app.platform.errors import DomainError
from app.platform.identity import Issuer
from app.platform.observability.context import Principal

VERIFY, RESET = "verify", "reset"
# OWASP's second choice: 19 MiB and two turns take some 20 ms of one core.
_HASHER = Argon2Hasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
NOBODYS = PasswordHash((_HASHER,)).hash("nobody")
# One at a time, and behind whoever answers requests: however many log in, nobody who
# asks for something else waits for them. Linux has a thread be nice by itself.
_TURNS = ThreadPoolExecutor(1, "passwords", initializer=os.nice, initargs=(10,))


def principal_of(account: Account) -> Principal:
    scopes = frozenset(account.scopes.split())
    return Principal(str(account.id), kind="user", scopes=scopes)


def state_of(account: Account, purpose: str) -> tuple[str, str]:
    """Name what a letter's token is good for: it is not any more once that changes."""
    state = account.password_hash if purpose == RESET else str(account.verified_at)
    return str(account.id), state


class Passwords:
    """
    Keeps and compares passwords (Argon2id), never where others wait.

    It takes as long for one that nobody has as for one that somebody has.
    """

    def __init__(self) -> None:
        self._hash = PasswordHash((_HASHER,))

    async def hashed(self, password: SecretStr) -> str:
        given = password.get_secret_value()
        return await get_running_loop().run_in_executor(_TURNS, self._hash.hash, given)

    async def fits(self, password: SecretStr, stored: str | None) -> bool:
        """Compare, with a hash that nothing fits if there is none."""
        both = password.get_secret_value(), stored or NOBODYS
        fits = await get_running_loop().run_in_executor(_TURNS, self._verify, *both)
        return fits and stored is not None

    def _verify(self, given: str, stored: str) -> bool:
        try:
            return self._hash.verify(given, stored)
        except PwdlibError:
            return False


class AccountService:
    """
    Registers, logs in and out. Never commits: whoever opened the unit does.

    What it refuses may have to be noted, or to revoke what was stolen: such a refusal
    is returned, and not raised, so that it is committed.
    """

    def __init__(
        self,
        unit: UnitOfWork,
        accounts: AccountRepository,
        identity: Issuer,
        passwords: Passwords,
    ) -> None:
        self._unit = unit
        self._accounts = accounts
        self._identity = identity
        self._passwords = passwords

    async def register(self, draft: Registration) -> None:
        """Take an address, or tell its owner by mail that it is taken."""
        hashed = await self._passwords.hashed(draft.password)
        new = Account(email=draft.email, password_hash=hashed)
        account = await self._accounts.get_or_add(new, "email")
        again = account.id != new.id
        self._unit.record(AccountRegistered(account_id=account.id, again=again))
        await self._accounts.note(
            "registered_again" if again else "registered", account.id
        )

    async def verify(self, token: str) -> None:
        account = await self._addressee(VERIFY, token)
        await self._accounts.verify(account)
        await self._accounts.note("verified", account.id)

    async def log_in(self, email: str, password: SecretStr) -> Account | DomainError:
        """Find who knows the password, which does not change before the commit."""
        account = await self._accounts.find_by_email(email.lower())
        stored = account.password_hash if account else None
        fits = await self._passwords.fits(password, stored)
        current = await self._accounts.hold(account) if account and fits else None
        if current is None:
            account_id = account.id if account else None
            await self._accounts.note("log_in_refused", account_id)
            return LogInRefused()
        if current.verified_at is None:
            return EmailNotVerified()
        await self._accounts.note("logged_in", current.id)
        return current

    async def change_password(
        self, account_id: UUID, change: PasswordChange
    ) -> Account | DomainError:
        account = await self._accounts.get(account_id)
        if not await self._passwords.fits(change.current, account.password_hash):
            await self._accounts.note("password_change_refused", account.id)
            return LogInRefused()
        account.password_hash = await self._passwords.hashed(change.password)
        await self._end_all(account, "password_changed")
        return account

    async def ask_reset(self, email: str) -> None:
        """Do the same for an address that has no account: nobody learns whether."""
        account = await self._accounts.find_by_email(email)
        account_id = account.id if account else None
        self._unit.record(PasswordResetAsked(account_id=account_id))
        await self._accounts.note("password_reset_asked", account_id)

    async def reset_password(self, reset: PasswordReset) -> None:
        hashed = await self._passwords.hashed(reset.password)
        account = await self._addressee(RESET, reset.token)
        account.password_hash = hashed
        # Whoever has got the letter has the address, too.
        await self._accounts.verify(account)
        await self._end_all(account, "password_reset")

    async def get(self, account_id: UUID) -> Account:
        return await self._accounts.get(account_id)

    async def find(self, account_id: UUID) -> Account | None:
        return await self._accounts.find(account_id)

    async def note(self, kind: str, account_id: UUID) -> None:
        """Leave a security event of this account."""
        await self._accounts.note(kind, account_id)

    async def _end_all(self, account: Account, kind: str) -> None:
        await self._accounts.save(account)
        await self._identity.end_all(self._unit, str(account.id))
        await self._accounts.note(kind, account.id)

    async def _addressee(self, purpose: str, token: str) -> Account:
        """Find whose letter a token was in; raise if it is not good any more."""
        key, _, mark = token.partition(".")
        try:
            account = await self._accounts.find(UUID(key))
        except ValueError:
            account = None
        if account is None:
            raise LetterTokenRefused
        if not self._identity.vouched(mark, purpose, *state_of(account, purpose)):
            raise LetterTokenRefused
        return account
