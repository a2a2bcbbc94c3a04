"""Do Compose, GitHub and GitLab accept their files?"""

import json
import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

from jsonschema import Draft7Validator
from jsonschema.exceptions import best_match
from jsonschema.protocols import Validator
from jsonschema.validators import validator_for

from tests.variants.checks.faults import Fault, found
from tests.variants.checks.paths import is_compose
from tests.variants.checks.yaml import mapping
from tests.variants.variants import Variants

VENDORED = "check_jsonschema.builtin_schemas.vendor"
SCHEMAS = {
    r"\.github/workflows/[^/]+\.ya?ml": "github-workflows",
    r"(.*/)?action\.ya?ml": "github-actions",
    r"\.github/dependabot\.ya?ml": "dependabot",
    r"\.gitlab-ci(/.*)?\.ya?ml": "gitlab-ci",
}


def met(variants: Variants) -> Iterator[Fault]:
    for path, made in variants.made.items():
        for complaint, where in found(made, complaints).items():
            yield Fault(path, complaint, where)


@cache
def complaints(path: str, content: bytes) -> frozenset[str]:
    name = schema_of(path)
    if name is None:
        return frozenset()
    error = best_match(validator(name).iter_errors(as_json(mapping(content))))
    if error is None:
        return frozenset()
    place = ".".join(map(str, error.absolute_path)) or "the file"
    return frozenset({f"is not a {name} file: {place}: {error.message[:160]}"})


def schema_of(path: str) -> str | None:
    if is_compose(path):
        return "compose-spec"
    return next(
        (name for rule, name in SCHEMAS.items() if re.fullmatch(rule, path)), None
    )


@cache
def validator(name: str) -> Validator:
    schema = json.loads((files(VENDORED) / f"{name}.json").read_text())
    return validator_for(schema, default=Draft7Validator)(schema)


def as_json(value: Any) -> Any:
    """YAML as JSON has it: `on:` is a word, not a truth."""
    if isinstance(value, dict):
        return {
            "on" if key is True else str(key): as_json(each)
            for key, each in value.items()
        }
    return [as_json(each) for each in value] if isinstance(value, list) else value
