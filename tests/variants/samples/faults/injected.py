"""What a fault is: an edit of the template, and what has to be said of it."""

from dataclasses import dataclass

from tests.edits import Edit


@dataclass(frozen=True)
class Injected:
    name: str
    inject: Edit
    # Where the verifier says that it is, and a part of what it says.
    path: str
    reason: str
    # Whether some variants are well all the same.
    sometimes: bool = False
