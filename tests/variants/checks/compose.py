"""Is every service and volume that Compose is told of declared, in that variant?"""

from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from typing import Any

from tests.variants.checks.faults import Fault, found
from tests.variants.checks.paths import is_compose
from tests.variants.checks.yaml import mapping
from tests.variants.engine.diagram import FALSE, Diagram, either, without
from tests.variants.variants import Variants


def depends(variants: Variants) -> Iterator[Fault]:
    """A service may wait for one that another file declares."""
    declared: dict[str, Diagram] = defaultdict(lambda: FALSE)
    for made in variants.made.values():
        for name, where in found(made, services).items():
            declared[name] = either(declared[name], where)
    for path, made in variants.made.items():
        for name, where in found(made, awaited).items():
            reason = f"depends on the service {name}, which no file declares"
            yield Fault(path, reason, without(where, declared[name]))


def volumes(variants: Variants) -> Iterator[Fault]:
    for path, made in variants.made.items():
        for name, where in found(made, undeclared).items():
            yield Fault(
                path, f"mounts the volume {name}, which it does not declare", where
            )


@cache
def services(path: str, content: bytes) -> frozenset[str]:
    return frozenset(file_of(path, content))


@cache
def awaited(path: str, content: bytes) -> frozenset[str]:
    each = file_of(path, content).values()
    return frozenset(
        name for service in each for name in service.get("depends_on") or ()
    )


@cache
def undeclared(path: str, content: bytes) -> frozenset[str]:
    known = mapping(content).get("volumes") or {} if is_compose(path) else {}
    return frozenset(
        source
        for service in file_of(path, content).values()
        for volume in service.get("volumes") or ()
        if (source := source_of(volume)) and source not in known
    )


def source_of(volume: str | dict[str, Any]) -> str | None:
    """The name of a volume; a folder or a file has none."""
    if isinstance(volume, dict):
        return volume.get("source") if volume.get("type") == "volume" else None
    source, separator, _ = volume.partition(":")
    return (
        source
        if separator and source.replace("_", "").replace("-", "").isalnum()
        else None
    )


def file_of(path: str, content: bytes) -> dict[str, dict[str, Any]]:
    declared = mapping(content).get("services") if is_compose(path) else None
    if not isinstance(declared, dict):
        return {}
    return {name: each for name, each in declared.items() if isinstance(each, dict)}
