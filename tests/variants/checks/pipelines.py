"""What a file has shells do, and which variables it gives to our processes."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from tests.variants.checks import dockerfile
from tests.variants.checks.compose import file_of
from tests.variants.checks.paths import is_compose
from tests.variants.checks.yaml import documents

PIPELINE = re.compile(
    r"\.github/(workflows|actions)/.*\.ya?ml|\.gitlab-ci(/.*)?\.ya?ml"
)
SCRIPTS = {"run", "script", "before_script", "after_script"}
# One command, written as it is or word by word.
WORDS = {"command", "entrypoint"}
# What these give, they give to a container of somebody else.
SERVERS = "services"
# A service of ours has the service's own image or environment, or derives from one.
OURS = {"extends", "build", "env_file"}


@cache
def commands(path: str, content: bytes) -> tuple[str, ...]:
    """Every command of a pipeline, a Compose file or a Dockerfile."""
    if path.endswith((".yml", ".yaml")):
        return tuple(_commands(_loaded(content)))
    if path.rsplit("/", maxsplit=1)[-1].startswith("Dockerfile"):
        return tuple(_dockerfile(content, "RUN"))
    return (content.decode(errors="replace"),) if path.endswith(".sh") else ()


@cache
def given(path: str, content: bytes) -> frozenset[str]:
    """The variables that it sets for a process of this service, or for a step."""
    if is_compose(path):
        services = file_of(path, content).values()
        return frozenset(
            name
            for service in services
            if OURS.intersection(service)
            for name in _names(service.get("environment"))
        )
    if PIPELINE.fullmatch(path):
        return frozenset(_given(_loaded(content)))
    if path.rsplit("/", maxsplit=1)[-1].startswith("Dockerfile"):
        return frozenset(
            name
            for each in _dockerfile(content, "ENV")
            for name in re.findall(r"(?:^|\s)([A-Z]\w*)=", each)
        )
    if path.endswith((".yml", ".yaml")):
        manifests = (each for each in _loaded(content) if isinstance(each, dict))
        return frozenset(name for each in manifests for name in _of_manifest(each))
    return frozenset()


def _of_manifest(manifest: dict[str, Any]) -> Iterator[str]:
    """Kubernetes: what runs a server is a StatefulSet, the service has no state."""
    if manifest.get("kind") == "ConfigMap":
        yield from filter(str.isupper, manifest.get("data") or ())
    elif "apiVersion" in manifest and manifest.get("kind") != "StatefulSet":
        yield from _of_containers(manifest.get("spec"))


def _of_containers(value: Any) -> Iterator[str]:
    for key, each in _pairs(value):
        if key == "env" and isinstance(each, list):
            yield from (str(variable.get("name")) for variable in each)
        else:
            yield from _of_containers(each)


def _loaded(content: bytes) -> list[Any]:
    try:
        return list(documents(content))
    except ValueError:
        return []


def _dockerfile(content: bytes, name: str) -> Iterator[str]:
    """What the instructions of this name say."""
    try:
        instructions = dockerfile.parse(content)
    except (dockerfile.Unreadable, ValueError):
        return
    yield from (each.arguments for each in instructions if each.name == name)


def _commands(value: Any) -> Iterator[str]:
    for key, each in _pairs(value):
        if key in SCRIPTS:
            yield from _texts(each)
        elif key in WORDS:
            yield " ".join(_texts(each))
        else:
            yield from _commands(each)


def _given(value: Any) -> Iterator[str]:
    for key, each in _pairs(value):
        if key in {"env", "variables"}:
            yield from _names(each)
        elif key != SERVERS:
            yield from _given(each)


def _pairs(value: Any) -> list[tuple[Any, Any]]:
    if isinstance(value, dict):
        return list(value.items())
    return [(None, each) for each in value] if isinstance(value, list) else []


def _names(value: Any) -> Iterator[str]:
    """The names of a mapping, or of a list of `NAME=value`."""
    for each in value or ():
        yield str(each).partition("=")[0]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
