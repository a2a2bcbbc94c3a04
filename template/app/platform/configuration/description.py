"""Every setting in one table, as its class declares it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, HttpUrl, SecretStr
from pydantic.fields import FieldInfo

from app.platform.configuration.section import Section
from app.platform.configuration.settings import ServiceSettings

HEADING = """\
| Variable | Unit or kind | Default | Read by | What it is |
|---|---|---|---|---|
"""
UNITS = ("seconds", "hours", "days", "bytes", "ms")
KINDS = {int: "number", float: "number", str: "text", bool: "true or false"}
BOUNDS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}


def describe(settings: type[ServiceSettings]) -> str:
    """Write the table of all settings of a service."""
    return HEADING + "".join(f"| {' | '.join(row)} |\n" for row in _rows(settings, ""))


def rewrite(page: Path, settings: type[ServiceSettings]) -> None:
    """Put the table in the place of the one with which the page ends."""
    text, _, _ = page.read_text(encoding="utf-8").partition(HEADING)
    page.write_text(text + describe(settings), encoding="utf-8")


def _rows(owner: type[BaseModel], prefix: str) -> Iterator[tuple[str, ...]]:
    for name, field in owner.model_fields.items():
        variable = f"{prefix}{name}".upper()
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            yield from _rows(field.annotation, f"{variable}__")
        else:
            reader = _declaring(owner, name).__module__.replace(".", "/")
            yield (
                f"`{variable}`",
                ", ".join((_kind(name, field), *_bounds(field))),
                _default(field),
                f"`{reader}.py`",
                " ".join((field.description or "").split()),
            )


def _declaring(owner: type[BaseModel], name: str) -> type:
    declared = {each: getattr(each, "__annotations__", {}) for each in owner.__mro__}
    return next(each for each in reversed(declared) if name in declared[each])


def _kind(name: str, field: FieldInfo) -> str:
    unit = name.rpartition("_")[2]
    if unit in UNITS:
        return unit
    [kind, *_] = _alternatives(field.annotation)
    if get_origin(kind) is Literal:
        return " or ".join(f"`{choice}`" for choice in get_args(kind))
    if kind is SecretStr:
        return "secret URL" if unit == "url" else "secret"
    return "URL" if kind is HttpUrl else KINDS.get(kind, "text")


def _alternatives(annotation: Any) -> list[Any]:
    """The types of a value that is given: `None` says that it is not."""
    if get_origin(annotation) is Literal:
        return [annotation]
    named = getattr(annotation, "__value__", annotation)
    kinds = [kind for kind in get_args(named) if kind is not type(None)]
    return _alternatives(kinds[0]) if kinds else [named]


def _bounds(field: FieldInfo) -> Iterator[str]:
    for bound in field.metadata:
        for attribute, sign in BOUNDS.items():
            if hasattr(bound, attribute):
                yield f"{sign} {getattr(bound, attribute)}"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    value = field.default
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    return "none" if value is None else f"`{value}`"
