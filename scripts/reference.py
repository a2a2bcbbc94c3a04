"""Write docs/reference/questions.md from the questions themselves."""

from collections.abc import Iterator

import yaml

from variants import ROOT, choices, conditions

PAGE = ROOT / "docs/reference/questions.md"
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
here, a question that is skipped, and a name that is not a question are refused before
anything is written.

| question | asks | takes | default |
| --- | --- | --- | --- |
"""
COMPUTED = """
## Computed answers

Never asked and never given: they hold what follows from the answers, and the seams of
the template print them or loop over them.

"""


def page() -> str:
    return INTRODUCTION + "".join(asked()) + COMPUTED + "".join(computed())


def asked() -> Iterator[str]:
    for name, accepted in choices().items():
        question = questions()[name]
        default = DERIVED.get(name) or code(question["default"])
        yield f"| `{name}` | {question['help']} | {takes(accepted)} | {default} |\n"
    yield "\n"
    for name, (other, answer) in conditions().items():
        yield f"`{name}` is asked only when `{other}` is `{answer}`.\n"


def computed() -> Iterator[str]:
    for name, question in questions().items():
        if question.get("when") is False:
            yield f"- `{name}`\n"


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
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page())
