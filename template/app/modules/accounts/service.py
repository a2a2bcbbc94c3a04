"""What can be done with an account, and who is believed."""

from datetime import timedelta
from uuid import UUID

from app.modules.accounts.errors import (
    EmailNotVerified,
    LetterTokenRefused,
    LogInRefused,
    RefreshRefused,
)
from app.modules.accounts.events import AccountRegistered, PasswordResetAsked
from app.modules.accounts.models import Account, TokenFamily
from app.modules.accounts.passwords import Passwords
from app.modules.accounts.repository import AccountRepository
from app.modules.accounts.schemas import (
    PasswordChange,
    PasswordReset,
    Registration,
    TokenRequest,
    Tokens,
)
from app.modules.accounts.settings import AccountsSettings
from app.platform.database import UnitOfWork
from app.platform.errors import DomainError
from app.platform.identity import Issuer
from app.platform.observability.context import Principal

VERIFY, RESET, REFRESH = "verify", "reset", "refresh"


def principal_of(account: Account) -> Principal:
    scopes = frozenset(account.scopes.split())
    return Principal(str(account.id), kind="user", scopes=scopes)


def state_of(account: Account, purpose: str) -> tuple[str, str]:
    """Name what a letter's token is good for: it is not any more once that changes."""
    state = account.password_hash if purpose == RESET else str(account.verified_at)
    return str(account.id), state


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
        settings: AccountsSettings,
    ) -> None:
        self._unit = unit
        self._accounts = accounts
        self._identity = identity
        self._passwords = passwords
        self._settings = settings

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

    async def log_in(self, asked: TokenRequest) -> Tokens | DomainError:
        account = await self._accounts.find_by_email(asked.username.lower())
        stored = account.password_hash if account else None
        fits = await self._passwords.fits(asked.password, stored)
        if account is None or not fits:
            account_id = account.id if account else None
            await self._accounts.note("log_in_refused", account_id)
            return LogInRefused()
        if account.verified_at is None:
            return EmailNotVerified()
        lasting = timedelta(days=self._settings.refresh_days)
        family = await self._accounts.begin_family(account.id, lasting=lasting)
        await self._accounts.note("logged_in", account.id)
        return await self._tokens(account, family)

    async def refresh(self, token: str) -> Tokens | DomainError:
        """Exchange a token for its successor; a second use of it ends the family."""
        family, generation = await self._family(token)
        if family is None:
            return RefreshRefused()
        account = await self._accounts.find(family.account_id)
        if generation != family.generation or account is None:
            await self._accounts.revoke(family)
            await self._accounts.note("refresh_token_reused", family.account_id)
            return RefreshRefused()
        family.generation += 1
        return await self._tokens(account, family)

    async def log_out(self, token: str) -> None:
        family, _ = await self._family(token)
        if family is not None:
            await self._accounts.revoke(family)
            await self._accounts.note("logged_out", family.account_id)

    async def change_password(
        self, account_id: UUID, change: PasswordChange
    ) -> DomainError | None:
        account = await self._accounts.get(account_id)
        if not await self._passwords.fits(change.current, account.password_hash):
            await self._accounts.note("password_change_refused", account.id)
            return LogInRefused()
        account.password_hash = await self._passwords.hashed(change.password)
        await self._end_all(account, "password_changed")
        return None

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

    async def _end_all(self, account: Account, kind: str) -> None:
        await self._accounts.save(account)
        await self._accounts.revoke_families(account.id)
        await self._accounts.note(kind, account.id)

    async def _tokens(self, account: Account, family: TokenFamily) -> Tokens:
        issued = await self._identity.issue(principal_of(account))
        words = str(family.id), str(family.generation)
        lasting = timedelta(days=self._settings.refresh_days)
        mark = self._identity.vouch(REFRESH, *words, lasting=lasting)
        return Tokens(
            access_token=issued.token,
            token_type="bearer",  # noqa: S106 - it is a word of OAuth2
            expires_in=issued.seconds,
            refresh_token=".".join((*words, mark)),
        )

    async def _family(self, token: str) -> tuple[TokenFamily | None, int]:
        """Find the family of a token that was made here, and its number in it."""
        key, _, rest = token.partition(".")
        generation, _, mark = rest.partition(".")
        if not self._identity.vouched(mark, REFRESH, key, generation):
            return None, 0
        return await self._accounts.claim_family(UUID(key)), int(generation)

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
