"""How far each part of a service was proven here: the rows of scripts/proofs/*.yml."""

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from variants import ROOT

ROWS = ROOT / "scripts/proofs"
WORKFLOWS = ROOT / ".github/workflows"
LOCKS = ("template/uv.lock", "uv.lock")
PINNED = re.compile(r"\{([a-z0-9-]+)\}")
HOW = {
    "run": "the real part ran, and was hurt where the row says so",
    "client": "the real client's own validation accepted it",
    "schema": "its published schema or its own checker accepted it",
    "arithmetic": "its numbers fit together",
    "simulated": "a model by its documentation was run",
}
HEAD = """\
# Proofs

<!-- Written by scripts/reference.py from scripts/proofs/*.yml. -->

What of a service was proven by strata's own tests, with what, and how far. Versions are
those that the lock files pin. Where the real part could not be had on a developer's
machine, a job of strata's workflows starts it: the last column.

"""
COLUMNS = """
| answer | part | with | how far | shows | test | beyond that |
| --- | --- | --- | --- | --- | --- | --- |
"""

type Row = dict[str, str]


def rows() -> list[Row]:
    found: list[Row] = []
    for file in sorted(ROWS.glob("*.yml")):
        found += yaml.safe_load(file.read_text())
    return found


def page() -> str:
    kinds = "".join(f"- **{how}**: {says}.\n" for how, says in HOW.items())
    lines = [_line(row) for row in sorted(rows(), key=_place)]
    return HEAD + kinds + COLUMNS + "".join(lines)


def with_versions(text: str) -> str:
    """Put what is pinned in the place of each name."""
    return PINNED.sub(lambda name: f"{name[1]} {versions()[name[1]]}", text)


@cache
def versions() -> dict[str, str]:
    """Of every package that a lock names, the services' first."""
    found: dict[str, str] = {}
    for lock in reversed(LOCKS):
        for package in tomllib.loads((ROOT / lock).read_text())["package"]:
            if "version" in package:
                found[package["name"]] = package["version"]
    return found


@cache
def jobs() -> dict[str, Path]:
    """Where each job of the workflows is, by its name."""
    return {
        job.get("name", name): file
        for file in sorted(WORKFLOWS.glob("*.yml"))
        for name, job in _workflow(file)["jobs"].items()
    }


def _workflow(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(file.read_text())
    return found


def _place(row: Row) -> tuple[bool, str]:
    """What is always there comes first."""
    return "=" in row["of"], row["of"]


def _line(row: Row) -> str:
    job = row.get("beyond")
    beyond = f"{job} (`{jobs()[job].name}`)" if job else ""
    of = f"`{row['of']}`" if "=" in row["of"] else row["of"]
    cells = [
        *(of, row["part"], with_versions(row["with"]), row["how"]),
        *(row["shows"], f"`{row['test']}`", beyond),
    ]
    return f"| {' | '.join(cells)} |\n"
