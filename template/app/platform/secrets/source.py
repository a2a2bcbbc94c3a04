"""How settings come by what a manager keeps, and follow it when it changes."""

from collections.abc import Iterator
from functools import partial
from typing import Any, get_args

from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsError,
)

from app.platform.configuration import Section, ServiceSettings
from app.platform.configuration.settings import sentences_of
from app.platform.secrets import (
    ASKED_SECONDS,
    Held,
    NotReadError,
    Secrets,
    SecretsSettings,
)


class KeptSecret(SecretStr):
    """A secret as the manager has it now: each use looks it up."""

    def __init__(self, name: str, secrets: Secrets, default: str) -> None:
        super().__init__("")
        self._name, self._secrets, self._default = name, secrets, default

    def get_secret_value(self) -> str:
        return self._secrets.find(self._name) or self._default

    def renew(self) -> bool:
        self._secrets.refresh(within=ASKED_SECONDS)
        return True

    def _display(self) -> str:
        return "**********"


class ManagedSettings(ServiceSettings):
    """Settings whose secrets a manager keeps; the environment has the last word."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        *sources: Any,
        **more: Any,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        before = super().settings_customise_sources(
            settings_cls, init_settings, *sources, **more
        )
        return *before, _Manager(settings_cls)


class _Manager(PydanticBaseSettingsSource):
    """Gives a `KeptSecret` for each secret that the environment leaves out."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> Any:
        """Do nothing: all fields are given at once."""

    def __call__(self) -> dict[str, Any]:
        leading = self._leading()
        if leading is None or not leading.place:
            return {}
        fields = {
            name: field
            for name, field in _secrets_of(self.settings_cls)
            if not _has(self.current_state, name)
        }
        secrets = leading.opened()
        try:
            held = secrets.known()
        except NotReadError as error:
            raise SettingsError(str(error).rstrip(".")) from None
        absent = partial(_absent, fields, leading.place)
        if sentences := absent(held):
            # The frame ends them with a full stop, each on a line of its own.
            raise SettingsError("\n  ".join(sentences).rstrip("."))
        judge = partial(_judge, self.settings_cls, fields, absent)
        secrets.judges.setdefault(self.settings_cls, judge)
        return _nested({
            name: KeptSecret(name, secrets, _default(field))
            for name, field in fields.items()
            if name in held or isinstance(field.default, SecretStr)
        })  # fmt: skip

    def _leading(self) -> SecretsSettings | None:
        """Read what leads to the manager; the settings themselves say what is amiss."""
        kind = self.settings_cls.model_fields["secrets"].annotation
        if not (isinstance(kind, type) and issubclass(kind, SecretsSettings)):
            raise TypeError("The section `secrets` is not of a manager.")
        try:
            return kind.model_validate(self.current_state.get("secrets", {}))
        except ValidationError:
            return None


def _secrets_of(settings: type[BaseSettings]) -> Iterator[tuple[str, FieldInfo]]:
    """Name what a manager may keep: not what leads to it."""
    for section, field in settings.model_fields.items():
        kind = field.annotation
        if section == "secrets" or not isinstance(kind, type):
            continue
        if issubclass(kind, Section):
            for name, each in kind.model_fields.items():
                if _is_secret(each.annotation):
                    yield f"{section}__{name}".upper(), each


def _is_secret(annotation: Any) -> bool:
    named = getattr(annotation, "__value__", annotation)
    return named is SecretStr or any(map(_is_secret, get_args(named)))


def _default(field: FieldInfo) -> str:
    default = field.default
    return default.get_secret_value() if isinstance(default, SecretStr) else ""


def _absent(fields: dict[str, FieldInfo], place: str, held: Held) -> list[str]:
    return [
        f"{name} is missing: neither the environment nor {place} has it."
        for name, field in fields.items()
        if field.is_required() and not held.get(name)
    ]


def _judge(
    settings: type[BaseSettings],
    fields: dict[str, FieldInfo],
    absent: partial[list[str]],
    held: Held,
) -> None:
    """Refuse what the settings would not start with."""
    sentences = absent(held)
    if not sentences:
        known = {name: held[name] for name in fields.keys() & held.keys()}
        try:
            settings(**_nested(known))
        except ValidationError as error:
            sentences = sentences_of(error)
    if sentences:
        raise NotReadError(" ".join(sentences))


def _has(state: dict[str, Any], name: str) -> bool:
    section, _, field = name.lower().partition("__")
    given = state.get(section, {})
    return not isinstance(given, dict) or field in given


def _nested(values: dict[str, Any]) -> dict[str, Any]:
    nested: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        section, _, field = name.lower().partition("__")
        nested.setdefault(section, {})[field] = value
    return nested
