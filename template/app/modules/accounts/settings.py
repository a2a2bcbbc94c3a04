"""What may be set about accounts."""

from pydantic import Field, HttpUrl

from app.platform.configuration import Section


class AccountsSettings(Section):
    """`ACCOUNTS__*` in the environment."""

    page_url: HttpUrl | None = None
    """The page that letters link to, with ?token= at its end; without one, letters have
    the token alone."""
    letter_hours: int = Field(24, ge=1, le=168)
    """How long the token of a letter is good."""
