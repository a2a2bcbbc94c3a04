"""A collector's configuration, read as the collector reads it."""

import re
from pathlib import Path
from typing import Any

import yaml

PINNED = re.compile(r"\$\{[A-Z]+_IMAGE:-[a-z./-]+:v?\d+\.\d+\.\d+\}")
# The default of a variable.
DEFAULT = re.compile(r"\$\{env:\w+:-(.*)\}")

type Json = dict[str, Any]


def merged(*files: Path) -> Json:
    """Each file over those before it: mappings are joined, all else is replaced."""
    result: Json = {}
    for file in files:
        result = over(result, yaml.safe_load(file.read_text()))
    return result


def over(below: Json, above: Json) -> Json:
    joined = {
        name: over(below[name], value)
        if isinstance(value, dict) and isinstance(below.get(name), dict)
        else value
        for name, value in above.items()
    }
    return below | joined


def wrong_names(configuration: Json, **variables: str) -> list[str]:
    """What a pipeline names and nothing declares, and what is declared for nobody."""
    service = configuration["service"]
    used = {("extensions", name) for name in service.get("extensions", [])}
    for pipeline in service["pipelines"].values():
        for kind, names in pipeline.items():
            used |= {(kind, name) for name in listed(names, variables)}
    declared = {
        (kind, name)
        for kind in ("extensions", "receivers", "processors", "exporters")
        for name in configuration.get(kind, {})
    }
    return sorted(f"{kind}.{name}" for kind, name in used ^ declared)


def listed(names: str | list[str], variables: dict[str, str]) -> list[str]:
    """A list, or what a variable holds."""
    if isinstance(names, list):
        return names
    said = names.startswith("[") and re.sub(r"\$\{\w+:\+.*?\}", "", names)
    given = said or variables.get(names[6:].split(":")[0].rstrip("}"))
    found: list[str] = yaml.safe_load(given or DEFAULT.fullmatch(names)[1])
    return found
