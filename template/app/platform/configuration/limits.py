"""Limits that depend on each other: what waits must outlast what it waits for."""

from operator import attrgetter

UNITS = {"ms": 0.001, "hours": 3600, "days": 86_400}


class Limit:
    """
    What some variables, added up, must stay below, and what happens otherwise.

    Their names are those of the environment: `SECTION__FIELD`.
    """

    def __init__(self, *lower: str, below: str | tuple[str, ...], reason: str) -> None:
        self.lower = lower
        self.upper = (below,) if isinstance(below, str) else below
        self.reason = reason

    def is_kept(self, settings: object) -> bool:
        return _total(settings, self.lower) < _total(settings, self.upper)

    def refusal(self, settings: object) -> str:
        """Say it from behind the first variable's name on."""
        lower, upper = _spell(settings, self.lower), _spell(settings, self.upper)
        sentence = f"{lower} must be below {upper}, or {self.reason}"
        return sentence.removeprefix(f"{self.lower[0]} ")


def _total(settings: object, names: tuple[str, ...]) -> float:
    """Add up what may be given in several units, in seconds."""
    return sum(_value(settings, name) * _unit(name) for name in names)


def _spell(settings: object, names: tuple[str, ...]) -> str:
    values = " + ".join(f"{_value(settings, name):.9g}" for name in names)
    return f"{' + '.join(names)} ({values})"


def _value(settings: object, name: str) -> float:
    return float(attrgetter(name.lower().replace("__", "."))(settings))


def _unit(name: str) -> float:
    return UNITS.get(name.lower().rpartition("_")[2], 1)
