"""Is every path that a file mentions there, in the same variant?"""

import posixpath
import re
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from typing import Any

from tests.variants.checks import dockerfile
from tests.variants.checks.data import NOT_SHIPPED
from tests.variants.checks.faults import Fault, found
from tests.variants.checks.yaml import mapping
from tests.variants.engine.diagram import Diagram, any_of, without
from tests.variants.variants import Variants

LINK = re.compile(r"\]\(([^)\s]+)\)")
# A path in prose or in a command: at least one slash, and nothing that only a URL has.
WORD = re.compile(
    r"(?<![\w./:$@~{}-])(\.{0,2}[\w*][\w.*-]*(?:/[\w.*-]+)+/?|\.?[\w-]+\.(?:py|md|toml|yaml|yml))(?![\w/:(])"
)
PLACEHOLDER = re.compile(r"[A-Z]{3,}|\*|\.\.\.")
PROSE = (
    ".md",
    "Makefile",
    "Dockerfile",
    ".dockerignore",
    ".yml",
    ".yaml",
    ".toml",
    ".py",
)


def mentioned(variants: Variants) -> Iterator[Fault]:
    places = Places(variants)
    for path, made in variants.made.items():
        for place, where in found(made, mentions).items():
            if places.ours(place):
                there = places.where(place)
                yield Fault(
                    path, f"mentions {place}, which is not there", without(where, there)
                )


def required(variants: Variants) -> Iterator[Fault]:
    """What a link, an `include`, a volume or a COPY names has to be there."""
    places = Places(variants)
    for path, made in variants.made.items():
        for place, where in found(made, needs).items():
            if not place.startswith(tuple(NOT_SHIPPED)):
                there = places.where(place)
                yield Fault(
                    path, f"needs {place}, which is not there", without(where, there)
                )


class Places:
    """The files and folders of a service, and the answers that put them there."""

    def __init__(self, variants: Variants) -> None:
        self._variants = variants
        self._roots = {path.split("/")[0] for path in variants.made}
        self._tops = {path.split("/")[0] for path in variants.made if "/" in path}
        self._known: dict[str, Diagram] = {}

    def ours(self, place: str) -> bool:
        """Say whether a word can only be a path of this service."""
        if place.startswith(tuple(NOT_SHIPPED)) or PLACEHOLDER.search(place):
            return False
        return "/" in place and place.split("/", maxsplit=1)[0] in self._tops

    def where(self, place: str) -> Diagram:
        place = posixpath.normpath(place)
        if "*" not in place:
            return self._variants.exists(place)
        if place not in self._known:
            made = self._variants.made.items()
            self._known[place] = any_of(
                file.present for path, file in made if fnmatch(path, f"{place}*")
            )
        return self._known[place]


@cache
def mentions(path: str, content: bytes) -> frozenset[str]:
    if not path.endswith(PROSE):
        return frozenset()
    words = WORD.findall(content.decode(errors="replace"))
    return frozenset(word.rstrip("./").split("#")[0] for word in words)


@cache
def needs(path: str, content: bytes) -> frozenset[str]:
    """Paths from the root of the service."""
    if path.endswith(".md"):
        return frozenset(_links(path, content.decode(errors="replace")))
    if path.rsplit("/", maxsplit=1)[-1].startswith("Dockerfile"):
        return frozenset(place for place in dockerfile.copied(content) if place != ".")
    if is_compose(path):
        return frozenset(_compose(path, mapping(content)))
    return frozenset()


def is_compose(path: str) -> bool:
    """Say whether Compose reads it."""
    named = re.search(r"(^|/)(docker-)?compose[^/]*\.ya?ml$", path)
    return bool(named or re.search(r"(^|/)compose/[^/]+\.ya?ml$", path))


def _links(path: str, text: str) -> Iterator[str]:
    for link in LINK.findall(text):
        target = link.split("#")[0]
        if target and "://" not in target and not target.startswith("mailto:"):
            yield _beside(path, target)


def _compose(path: str, file: dict[str, Any]) -> Iterator[str]:
    for entry in file.get("include") or []:
        paths = entry.get("path") if isinstance(entry, dict) else entry
        yield from (
            _beside(path, each)
            for each in ([paths] if isinstance(paths, str) else paths)
        )
    for service in (file.get("services") or {}).values():
        yield from (_beside(path, each) for each in _of_service(service))


def _of_service(service: dict[str, Any]) -> Iterator[str]:
    extends = service.get("extends")
    if isinstance(extends, dict) and "file" in extends:
        yield extends["file"]
    for volume in service.get("volumes") or []:
        source = (
            volume.get("source", "")
            if isinstance(volume, dict)
            else volume.split(":")[0]
        )
        if source.startswith("."):
            yield source
    files = service.get("env_file") or []
    for file in [files] if isinstance(files, str | dict) else files:
        if isinstance(file, str) or file.get("required", True):
            yield file if isinstance(file, str) else file["path"]


def _beside(path: str, target: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
