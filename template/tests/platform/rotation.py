"""A secret that is another one as soon as somebody looks again."""

from pydantic import SecretStr


class Rotated(SecretStr):
    """Refused at first, as by a server whose password was changed a moment ago."""

    def __init__(self, old: str, new: str) -> None:
        super().__init__(old)
        self.looked = 0
        self._new = new

    def get_secret_value(self) -> str:
        return self._new if self.looked else super().get_secret_value()

    def renew(self) -> bool:
        self.looked += 1
        return True
