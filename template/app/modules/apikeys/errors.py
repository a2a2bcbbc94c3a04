"""What can be wrong with an API key, or with who wants one."""

from uuid import UUID

from app.platform.errors import Conflict, Forbidden, NotFound


class ApiKeyNotFound(NotFound):
    """No such API key."""

    def __init__(self, key_id: UUID) -> None:
        super().__init__(f"There is no API key {key_id}.")


class ScopeNotHeld(Forbidden):
    """An API key may do no more than who makes it."""

    def __init__(self, scopes: list[str]) -> None:
        super().__init__("You lack some of these scopes.", missing=scopes)


class KeyCannotManageKeys(Forbidden):
    """An API key makes, changes and lists none, so that a stolen one cannot stay."""

    def __init__(self) -> None:
        super().__init__("Log in to manage API keys.")


class TooManyKeys(Conflict):
    """The owner has as many API keys as one may have."""

    def __init__(self, most: int) -> None:
        super().__init__(f"There are {most} keys already: revoke one first.")
