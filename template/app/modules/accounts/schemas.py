"""Accounts, as they cross the boundary."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
)

from app.platform.fields import Email

# Long enough for a sentence; more would only be more to hash.
LONGEST_PASSWORD = 256

type Address = Annotated[Email, AfterValidator(str.lower)]
# How long is what makes it hard to guess (NIST SP 800-63B): no rule asks for a digit.
type NewPassword = Annotated[
    SecretStr, Field(min_length=12, max_length=LONGEST_PASSWORD)
]
type Password = Annotated[SecretStr, Field(max_length=LONGEST_PASSWORD)]
type LetterToken = Annotated[str, StringConstraints(max_length=512)]


class Registration(BaseModel):
    """What a client sends to register."""

    email: Address
    password: NewPassword


class Verification(BaseModel):
    """What a client sends to prove that it has got the letter."""

    token: LetterToken


class ResetRequest(BaseModel):
    """Whose password is forgotten."""

    email: Address


class PasswordReset(BaseModel):
    """A new password, and the token of the letter that allows it."""

    token: LetterToken
    password: NewPassword


class PasswordChange(BaseModel):
    """A new password, and the one that it takes the place of."""

    current: Password
    password: NewPassword


class AccountRead(BaseModel):
    """What one sees of one's own account."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    email: str
    scopes: str
    verified_at: datetime | None
    created_at: datetime
