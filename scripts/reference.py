"""Write the pages of docs/reference that list what stands elsewhere."""

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

import proven
from variants import ROOT, choices, conditions, menus

PAGES = ROOT / "docs/reference"
SECURITY = ROOT / "scripts/security.yml"
TABLE = ROOT / "questions/modules/types.yml"
RULES = {
    "name": "one line of text with at least one character, at most 200",
    "line": "one line of text, at most 200 characters",
    "slug": "lower-case letters, digits and single hyphens; starts with a letter; "
    "at most 40 characters; no Python keyword, not `app`, `test` or `tests`",
    "switch": "`yes` or `no`",
    "modules": "a mapping from names to fields: [modules](modules.md)",
}
DERIVED = {
    "project_slug": "from `project_name`: `Corner Shop` gives `corner-shop`",
    "author": "`The <project_name> team`",
    "broker": "`redis`",
    "monitoring": "`yes`",
}
INTRODUCTION = """\
# Questions

<!-- Written by scripts/reference.py. Change questions/*.yml, then run it again. -->

In the order in which they are asked. `copier copy --data NAME=VALUE` answers one
beforehand, `--defaults` takes the default for the rest. An answer that is not listed
here and a name that is not a question are refused before anything is written. So is an
answer to a question that is skipped, unless it says what is so anyway: `monitoring=no`
without telemetry, `broker=redis` or `broker=none` with inline tasks.

| question | asks | takes | default |
| --- | --- | --- | --- |
"""
STANDARD = """\
# Security

<!-- Written by scripts/reference.py from scripts/security.yml. -->

What a rendered service does of OWASP's Application Security Verification Standard 5.0,
and the test that shows it, below `template/tests/`. It comes with `platform_tests=yes`.

| requirement | asks | met by | test |
| --- | --- | --- | --- |
"""
TYPES = "<!-- Types: written by scripts/reference.py. -->\n"
TYPES_HEAD = """
| type | takes | holds | can be |
| --- | --- | --- | --- |
"""
COMPUTED = """
## Computed answers

Never asked and never given: they hold what follows from the answers, and the seams of
the template print them or loop over them.

"""


def pages() -> dict[str, str]:
    return {
        "questions.md": questions_page(),
        "modules.md": modules_page(),
        "security.md": security_page(),
        "proofs.md": proven.page(),
    }


def security() -> list[dict[str, str]]:
    """What of the standard is met, how, and by which test that is shown."""
    rows: list[dict[str, str]] = yaml.safe_load(SECURITY.read_text())
    return rows


def security_page() -> str:
    rows = (
        f"| {row['requirement']} | {row['asks']} | {row['met']} | `{row['test']}` |\n"
        for row in sorted(security(), key=_place)
    )
    return STANDARD + "".join(rows)


def _place(row: Mapping[str, str]) -> list[int]:
    return [int(part) for part in row["requirement"].split(".")]


def questions_page() -> str:
    return INTRODUCTION + "".join(asked()) + COMPUTED + "".join(computed())


def asked() -> Iterator[str]:
    for name, accepted in choices().items():
        question = questions()[name]
        default = DERIVED.get(name) or code(question["default"])
        yield f"| `{name}` | {question['help']} | {takes(accepted)} | {default} |\n"
    yield "\n"
    for name, accepted in menus().items():
        if isinstance(accepted, dict):
            brings = (f"`{answer}`: {says}" for answer, says in accepted.items())
            yield f"- `{name}`\n" + "".join(f"  - {each}\n" for each in brings)
    yield "\n"
    for name, needed in conditions().items():
        each = (f"`{other}` is {no}`{answer}`" for other, no, answer in needed)
        yield f"`{name}` is asked only when {' and '.join(each)}.\n"


def computed() -> Iterator[str]:
    for name, question in questions().items():
        if question.get("when") is False:
            yield f"- `{name}`\n"


def modules_page() -> str:
    """Print anew what the page says of types, between two marks."""
    before, _, after = (PAGES / "modules.md").read_text().split(TYPES)
    known = types()
    return TYPES.join(
        [before, TYPES_HEAD + "".join(map(row, known, known.values())) + "\n", after]
    )


def row(kind: str, known: Mapping[str, Any]) -> str:
    flags = ", ".join(f"`{flag}`" for flag in known["flags"])
    return f"| `{kind}` | {known.get('takes', '')} | {known['holds']} | {flags} |\n"


def types() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load(TABLE.read_text())
    return found


def takes(accepted: str | list[str]) -> str:
    if isinstance(accepted, list):
        return ", ".join(f"`{answer}`" for answer in accepted)
    return RULES[accepted]


def code(default: object) -> str:
    return "`yes`" if default is True else f"`{default}`"


def questions() -> dict[str, dict[str, object]]:
    """Every question, asked or computed, in the order of copier.yml."""
    found = {}
    for file in ("choices", "project", "ports", "extras", "modules", "computed"):
        found |= yaml.safe_load((ROOT / f"questions/{file}.yml").read_text())
    return found


if __name__ == "__main__":
    for name, text in pages().items():
        (PAGES / name).write_text(text)
