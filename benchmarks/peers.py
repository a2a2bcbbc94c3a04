"""Another service that runs already, by its recipe, measured in the same rounds."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from benchmarks.report import Results, head, ratios
from benchmarks.workloads import Request, Workload

KEYS = {"name", "base_url", "headers", "workloads"}
WORK_KEYS = {"method", "paths", "headers", "body", "statuses"}
HEAD = "| work | service /s | {name} /s | ratio | spread | p50, p95, p99 ms of {name} |"


class BadRecipe(SystemExit):
    """One sentence, which names the key."""


@dataclass(frozen=True, slots=True)
class Peer:
    name: str
    address: str
    requests: Mapping[str, list[Request]]
    statuses: Mapping[str, frozenset[int]]

    def beside(self, works: Sequence[Workload]) -> list[Workload]:
        """The same workloads, asked of this peer too where its recipe says how."""
        if unknown := self.requests.keys() - {work.name for work in works}:
            known = ", ".join(work.name for work in works)
            raise BadRecipe(f"workloads: {min(unknown)!r} is none of {known}.")
        return [
            replace(
                work,
                asked=dict(work.asked) | {self.name: self.requests[work.name]},
                statuses=work.statuses | self.statuses[work.name],
            )
            if work.name in self.requests
            else work
            for work in works
        ]


def read(file: Path) -> Peer:
    """Raise `BadRecipe` for what cannot be measured."""
    try:
        recipe = tomllib.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise BadRecipe(f"{file} cannot be read: {error}.") from None
    _refuse_unknown(recipe, KEYS, "")
    name = _get(recipe, "name", str)
    if name in {"service", "reference", "naive"}:
        raise BadRecipe(f"name: {name!r} is somebody else's here.")
    url = urlsplit(_get(recipe, "base_url", str))
    if url.scheme != "http" or not url.hostname:
        raise BadRecipe("base_url must be like http://127.0.0.1:9000/api.")
    shared = _headers(recipe, "headers")
    works = _get(recipe, "workloads", dict)
    return Peer(
        name=name,
        address=f"{url.hostname}:{url.port or 80}",
        requests={
            work: _requests(each, f"workloads.{work!r}", url.path.rstrip("/"), shared)
            for work, each in works.items()
        },
        statuses={
            work: frozenset(each.get("statuses", ())) for work, each in works.items()
        },
    )


def table(peer: Peer, results: Results) -> str:
    lines = [head(HEAD.format(name=peer.name))]
    for work, found in results.items():
        if peer.name in found:
            each = sorted(ratios(found, peer.name))
            theirs = found[peer.name]
            rates = [
                f"{median(one.rate for one in found[name]):.0f}"
                for name in ("service", peer.name)
            ]
            waits = ", ".join(
                f"{median(getattr(one, which) for one in theirs):.1f}"
                for which in ("p50", "p95", "p99")
            )
            spread = f"{each[0]:.2f}-{each[-1]:.2f}"
            cells = [work.name, *rates, f"{median(each):.2f}", spread, waits]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _requests(
    each: Any, key: str, prefix: str, shared: Mapping[str, str]
) -> list[Request]:
    if not isinstance(each, dict):
        raise BadRecipe(f"{key} must be a table.")
    _refuse_unknown(each, WORK_KEYS, f"{key}.")
    paths = _get(each, "paths", list, f"{key}.")
    if not paths or not all(isinstance(p, str) and p.startswith("/") for p in paths):
        raise BadRecipe(f"{key}.paths must list paths that begin with a slash.")
    statuses = each.get("statuses", [])
    if not isinstance(statuses, list) or not all(type(one) is int for one in statuses):
        raise BadRecipe(f"{key}.statuses must be a list of numbers.")
    request = {
        "method": _get({"method": "GET"} | each, "method", str, f"{key}."),
        "headers": dict(shared) | _headers(each, "headers", f"{key}."),
        "body": _get({"body": ""} | each, "body", str, f"{key}."),
    }
    return [request | {"path": prefix + path} for path in paths]


def _headers(table: Mapping[str, Any], key: str, above: str = "") -> dict[str, str]:
    found = _get({key: {}} | dict(table), key, dict, above)
    if wrong := [name for name, value in found.items() if not isinstance(value, str)]:
        raise BadRecipe(f"{above}{key}.{wrong[0]} must be text.")
    return found


def _get[T](table: Mapping[str, Any], key: str, kind: type[T], above: str = "") -> T:
    if key not in table:
        raise BadRecipe(f"{above}{key} is missing.")
    if not isinstance(table[key], kind):
        words = {str: "text", dict: "a table", list: "a list"}
        raise BadRecipe(f"{above}{key} must be {words[kind]}.")
    return table[key]


def _refuse_unknown(table: Mapping[str, Any], known: set[str], above: str) -> None:
    if unknown := table.keys() - known:
        raise BadRecipe(f"{above}{min(unknown)} is none of {', '.join(sorted(known))}.")
