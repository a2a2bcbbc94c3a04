"""What can be wrong with who logs in, or with what they show."""

from app.platform.errors import Forbidden, Invalid, Unauthenticated


class LogInRefused(Unauthenticated):
    """The e-mail address and the password do not belong together, or to nobody."""

    def __init__(self) -> None:
        super().__init__("There is no account with this address and password.")


class EmailNotVerified(Forbidden):
    """The address of the account has to be verified first."""

    def __init__(self) -> None:
        super().__init__("Verify the address first: the letter has a token.")


class LetterTokenRefused(Invalid):
    """The token of a letter is not, or no longer, good."""

    def __init__(self) -> None:
        super().__init__("Ask for a new letter: this token is not good any more.")
