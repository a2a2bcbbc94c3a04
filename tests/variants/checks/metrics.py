"""Does the code write every metric that rules and dashboards ask for?"""

import ast
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from typing import Any

from tests.variants.checks.data import FOREIGN_METRICS
from tests.variants.checks.faults import Fault, found
from tests.variants.checks.python import tree
from tests.variants.checks.yaml import mapping
from tests.variants.engine.diagram import FALSE, Diagram, either, without
from tests.variants.variants import Variants

CODE = "app/"
MONITORING = ("prometheus/", "grafana/", "dashboards/", "alerts/")
QUERIES = {"expr", "series", "query", "definition"}
# Labels, whichever way they are given, and texts: what is left are names and functions.
LABELS = re.compile(
    r"\{[^}]*\}|\b(?:by|without|on|ignoring|group_left|group_right) ?\([^)]*\)"
    r"|\"[^\"]*\"|'[^']*'|\[[^\]]*\]|\$\w+"
)
NAME = re.compile(r"(?<![\w:.])[a-z_][\w:]*\b(?!\s*\()")
WORDS = {"and", "bool", "offset", "or", "unless", "inf", "nan"}
# What a client library makes of a name, by the kind of the metric.
SUFFIXES = {
    "Counter": ("_total", "_created"),
    "Gauge": ("",),
    "Histogram": ("_bucket", "_count", "_sum", "_created"),
    "Summary": ("_count", "_sum", "_created", ""),
    "Info": ("_info",),
}


def written(variants: Variants) -> Iterator[Fault]:
    known: dict[str, Diagram] = defaultdict(lambda: FALSE)
    for made in variants.made.values():
        for reader in (declared, recorded):
            for name, where in found(made, reader).items():
                known[name] = either(known[name], where)
    for path, made in variants.made.items():
        for name, where in found(made, asked).items():
            if not re.fullmatch("|".join(FOREIGN_METRICS), name):
                reason = f"asks for the metric {name}, which nothing writes"
                yield Fault(path, reason, without(where, known[name]))


@cache
def declared(path: str, content: bytes) -> frozenset[str]:
    """The series of each metric that is made under a name that stands there."""
    if not path.startswith(CODE) or not path.endswith(".py"):
        return frozenset()
    calls = (each for each in ast.walk(tree(content)) if isinstance(each, ast.Call))
    return frozenset(name for call in calls for name in _series(call))


def _series(call: ast.Call) -> Iterator[str]:
    kind = ast.unparse(call.func).split(".")[-1].removesuffix("MetricFamily")
    match call.args:
        case [ast.Constant(value=str(name)), *_] if kind in SUFFIXES:
            for suffix in SUFFIXES[kind]:
                yield name.removesuffix(suffix) + suffix


@cache
def recorded(path: str, content: bytes) -> frozenset[str]:
    return frozenset(_queries(path, content, {"record"}))


@cache
def asked(path: str, content: bytes) -> frozenset[str]:
    return frozenset(
        name
        for query in _queries(path, content, QUERIES)
        for name in NAME.findall(LABELS.sub("", query))
        if name not in WORDS
    )


def _queries(path: str, content: bytes, keys: set[str]) -> Iterator[str]:
    # What a source asks another about is in the other's language.
    if not any(place in path for place in MONITORING) or "/datasources/" in path:
        return
    try:
        if path.endswith(".json"):
            yield from _values(json.loads(content), keys)
        elif path.endswith((".yml", ".yaml")):
            yield from _values(mapping(content), keys)
    except ValueError:
        return


def _values(value: Any, keys: set[str]) -> Iterator[str]:
    if isinstance(value, dict):
        for key, each in value.items():
            if key in keys and isinstance(each, str):
                yield each
            else:
                yield from _values(each, keys)
    elif isinstance(value, list):
        for each in value:
            yield from _values(each, keys)
