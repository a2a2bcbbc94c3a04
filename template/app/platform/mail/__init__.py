"""The mail port: what a letter is, and who can send one."""

import re
from typing import Annotated, Protocol

from pydantic import BaseModel, Field

ADDRESS = re.compile(r"^[^\s@<>(),;:\"\[\]\\]+@[^\s@<>(),;:\"\[\]\\]+\Z")
ONE_LINE = re.compile(r"^[^\x00-\x1f\x7f\x85\u2028\u2029]+\Z")


class Mail(BaseModel, frozen=True):
    """
    A letter in plain text to one address.

    Letters with the same `key` carry the same Message-ID, so that whoever receives
    one twice can tell. A line break in the address or the subject is refused: it
    would let a caller add headers.
    """

    to: Annotated[str, Field(pattern=ADDRESS, max_length=254)]
    subject: Annotated[str, Field(pattern=ONE_LINE, max_length=200)]
    text: str
    key: Annotated[str, Field(min_length=1, max_length=200)]


class Mailer(Protocol):
    async def send(self, mail: Mail) -> None:
        """Return once the mail server is responsible; else raise `Unavailable`."""
