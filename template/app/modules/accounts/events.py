"""What happened to accounts that a letter tells of."""

from uuid import UUID

from app.platform.events import Event


class AccountRegistered(Event):
    """Somebody has registered an address, perhaps one that had an account already."""

    account_id: UUID
    again: bool


class PasswordResetAsked(Event):
    """Somebody has forgotten a password: of no account, if that is how it is."""

    account_id: UUID | None
