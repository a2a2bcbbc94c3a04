"""Every setting in one table, as its class declares it."""

from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, HttpUrl, SecretStr
from pydantic.fields import FieldInfo

from app.platform.configuration.section import Section
from app.platform.configuration.settings import ServiceSettings

PAGE = """\
# Settings

Development, staging and production differ by these variables and by nothing else. They
are read once at start, from the environment and then from the `.env` beside this
service's `app`, never from another folder's; `SERVICE_ENV_FILE` names another file, or
none when it is empty, and tests read none. A variable that is empty counts as absent,
and a choice is understood in any spelling: `info` is `INFO`.

Only `SECTION__NAME` is a setting: `MAIL`, `WEB` or `CACHE` may mean what they like. A
slip of a name, as `POOLSIZE` for `POOL_SIZE`, ends the process with the name that was
meant; a name that no setting resembles is mentioned once, since it may be meant for
another version. Variables of libraries (`PG*`, `*_PROXY`) change nothing. But
`SSL_CERT_FILE` names a file of the authorities that vouch for servers, instead of the
usual ones: every connection that speaks TLS checks the certificate and the host's name.

A process that finds a variable missing or malformed does not start: it says so of each,
in one sentence, and ends with code 1. With `ENVIRONMENT=staging` or `production` it
refuses what is unsafe there, too: a server on this machine, a password that everybody
knows, a public host without TLS, and what serves only a developer. The rules are the
`unsafe` methods of the classes that declare the settings. There is the place for an
exception: when a proxy for the database runs beside the process, localhost is right.

Limits that depend on each other are compared at start as well: what waits must outlast
what it waits for, as a request does the database. A process whose limits contradict
each other ends the same way; its sentences name the variables and their values. The
pairs are the `limits` of the same classes.

This page is written by `uv run python -m app.cli settings > docs/settings.md`. A test
compares it with the code.

| Variable | Unit or kind | Default | Read by | What it is |
|---|---|---|---|---|
"""
UNITS = ("seconds", "hours", "days", "bytes", "ms")
KINDS = {int: "number", float: "number", str: "text", bool: "true or false"}
BOUNDS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}


def describe(settings: type[ServiceSettings]) -> str:
    """Write the page that documents all settings of a service."""
    return PAGE + "".join(f"| {' | '.join(row)} |\n" for row in _rows(settings, ""))


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
    return next(each for each in reversed(owner.__mro__) if name in _declared(each))


def _declared(owner: type) -> dict[str, object]:
    return getattr(owner, "__annotations__", {})


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
