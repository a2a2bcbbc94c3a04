"""`make module`: declare a module anew, and have the template write it.

The declarations are the answer `modules`. This adds one, adds fields to one or takes
one away, and updates the service with it at the version of the template that it has.
"""

import argparse
import json
import os
import re
import shutil
import sys
from pathlib import Path

from dev.template import (
    CONFLICTS,
    GO_BACK,
    RECORD,
    Origin,
    Stopped,
    add_origin,
    changed_files,
    origin_on_record,
    report_files,
    require_clean_tree,
    run,
    update,
)

type Fields = dict[str, str]

USAGE = 'make module name=invoices fields="number: str(32) unique, due: date"'
NEXT = """
Next: read {migration}, then make migrate and make check."""
GONE = """
Its migrations went with it; Git keeps both. Its tables stay in every database until
you drop them. Next: make check."""
KEPT = """
Its migrations stay, because {others} builds on them. Next: write one that drops its
tables, make migration module={module} m="drop {module}", then make check."""
WRITE = """
The migration is still to be written. After that:
make migration module={module} m="what it does"."""
REQUIRED = """
{fields}: rows that are there already have no value. Make it optional, give
it a default, as in "status: enum(open, closed) = open", or take three steps: add the
column as nullable, fill the rows, then require it.
It is shown in docs/howto/database.md"""

SINGULAR = (
    '"{name}" has no plural; take the plural: {plural}. A plural with another singular '
    "is given with it, as in people/person."
)
NO_PAIR = '"{pair}" is no field; write its name, a colon and a type, as in due: date.'
TYPES = (
    "str(length), text, int, decimal(digits, decimals), money, bool, date, datetime, "
    "uuid, email, url, json, enum(values), ref(module), many(module), unique(fields), "
    "check(comparison), shared"
)
FLAGS = "optional, unique, indexed, searchable"

_BLOCK = re.compile(r"^modules:\n((?: .*\n)+)", re.MULTILINE)
_NAME = re.compile(r"^    (\S.*):$")
_FIELD = re.compile(r"^        (\S+): '?(.*?)'?$")
_REVISION = re.compile(r"^revision: str = \"(\w+)\"", re.MULTILINE)
_FIELD_NAME = re.compile(r"[a-z][a-z]+[0-9]?(_[a-z]+[0-9]?)*")
_WORD = re.compile(r"\w+")
_COLUMNLESS = re.compile(r"(many|unique|check)\(|shared$")
# Commas within parentheses belong to a type.
_COMMA = re.compile(r",(?![^()]*\))")


def main(options: argparse.Namespace) -> None:
    """Change the declarations, then write the code and its migration."""
    require_clean_tree()
    with origin_on_record(Origin("make module", options.source, options.version)):
        _change(options)


def _change(options: argparse.Namespace) -> None:
    declared = recorded(RECORD.read_text())
    name = _key(
        declared, options.name or _ask("Module, in the plural, such as invoices")
    )
    if options.remove:
        _remove(declared, name)
        return
    _require_plural(declared, name)
    fields = parsed(options.fields) if options.fields else _ask_fields(name)
    before = declared.get(name, {})
    module = name.partition("/")[0]
    _declare(declared | {name: before | fields}, then=WRITE.format(module=module))
    does = _does(module, before, fields)
    run("make", "migration", f"module={module}", f"m={does}")
    new = {field: spec for field, spec in fields.items() if field not in before}
    if before and (required := _required(new)):
        print(REQUIRED.format(fields=", ".join(required)))
    print(NEXT.format(migration=f"app/modules/{module}/migrations/"))


def recorded(answers: str) -> dict[str, Fields]:
    """Read the answer `modules` as the template's record spells it."""
    modules: dict[str, Fields] = {}
    fields: Fields = {}
    block = _BLOCK.search(answers)
    for line in block[1].splitlines() if block else ():
        if name := _NAME.match(line):
            fields = modules.setdefault(name[1], {})
        elif field := _FIELD.match(line):
            fields[field[1]] = field[2]
    return modules


def parsed(fields: str) -> Fields:
    """Read `number: str(32) unique, status: enum(draft, sent)`."""
    found: Fields = {}
    for pair in filter(None, map(str.strip, _COMMA.split(fields))):
        name, _, spec = map(str.strip, pair.partition(":"))
        if not name or not spec:
            raise Stopped(NO_PAIR.format(pair=pair))
        if spec.count("(") != spec.count(")"):
            raise Stopped(f"{name}: a parenthesis of {spec} has no partner.")
        if name in found:
            raise Stopped(f"{name}: it is there twice; give each field one name.")
        found[name] = spec
    return found


def _key(declared: dict[str, Fields], name: str) -> str:
    """Find it as it was declared, perhaps with its singular: people/person."""
    plurals = {key.partition("/")[0]: key for key in declared}
    return plurals.get(name.partition("/")[0], name)


def _require_plural(declared: dict[str, Fields], name: str) -> None:
    plural = re.sub(r"([^aeiou])y$", r"\1ie", name) + "s"
    unknown = name not in declared and "/" not in name
    if unknown and (plural in declared or not name.endswith("s")):
        raise Stopped(SINGULAR.format(name=name, plural=plural))


def _remove(declared: dict[str, Fields], name: str) -> None:
    if name not in declared:
        raise Stopped(f"There is no module {name}; there are {', '.join(declared)}.")
    _declare({each: fields for each, fields in declared.items() if each != name})
    module = name.partition("/")[0]
    folder = Path("app/modules", module, "migrations")
    if others := _built_on(folder):
        print(KEPT.format(others=others[0], module=module))
        return
    # A database that has applied them sets their branch aside.
    shutil.rmtree(folder, ignore_errors=True)
    print(GONE)


def _built_on(folder: Path) -> list[Path]:
    """Find the migrations elsewhere that depend on one in this folder."""
    texts = (file.read_text() for file in folder.glob("*.py"))
    revisions = {name for text in texts for name in _REVISION.findall(text)}
    return [
        file
        for file in Path("app").rglob("migrations/*.py")
        if file.parent != folder and revisions & set(_WORD.findall(file.read_text()))
    ]


def _does(module: str, before: Fields, fields: Fields) -> str:
    """Say it for the migration's name: create_tickets, add_priority_to_tickets."""
    if not before:
        return f"create {module}"
    new = " and ".join(field for field in fields if field not in before)
    changed = " and ".join(field for field in fields if field in before)
    added = f"add {new} to {module}" if new else ""
    return " and ".join(
        filter(None, [added, f"change {changed} of {module}" if changed else ""])
    )


def _declare(modules: dict[str, Fields], then: str = "") -> None:
    update(Path(), "--vcs-ref", ":current:", "--data", f"modules={json.dumps(modules)}")
    if all(file.endswith(str(RECORD)) for file in changed_files(Path())):
        raise Stopped("That is declared already: nothing has changed.")
    conflicts = report_files(Path())
    print(GO_BACK, flush=True)
    if conflicts:
        raise Stopped(CONFLICTS + then)


def _ask(question: str) -> str:
    if not sys.stdin.isatty():
        raise Stopped(f"Which module, and which fields? {USAGE}")
    return input(f"{question}: ").strip()


def _ask_fields(name: str) -> Fields:
    """One a line, until an empty one."""
    print(f"Types: {TYPES}\nFlags: {FLAGS}")
    fields: Fields = {}
    while line := _ask(f"A field of {name}, such as due: date optional (none to end)"):
        try:
            fields |= _typed(line)
        except Stopped as mistake:
            print(mistake)
    return fields


def _typed(line: str) -> Fields:
    """Read a line, and refuse at once what the template would in the end."""
    given = parsed(line)
    for name, spec in given.items():
        if not _FIELD_NAME.fullmatch(name):
            raise Stopped(f"{name}: take lower-case words with underscores between.")
        if not _has_type(spec):
            raise Stopped(f"{name}: take one of the types above.")
        said = re.sub(r"\(.*\)|=.*", " ", spec).split()[1:]
        if strange := [flag for flag in said if flag not in FLAGS.split(", ")]:
            raise Stopped(f"{name}: {strange[0]} is no flag; take one of those above.")
    return given


def _has_type(spec: str) -> bool:
    kind = _WORD.match(spec)
    return kind is not None and kind[0] in re.sub(r"\(.*?\)", "", TYPES).split(", ")


def _required(fields: Fields) -> list[str]:
    return [
        name
        for name, spec in fields.items()
        if "optional" not in spec.split()
        and not _COLUMNLESS.match(spec)
        and "=" not in spec
    ]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m dev.module", description=__doc__)
    given = os.environ
    parser.add_argument("--name", default=given.get("name"), help="in the plural")
    parser.add_argument(
        "--fields", default=given.get("fields"), help="NAME: TYPE, NAME: TYPE"
    )
    parser.add_argument(
        "--remove", action="store_true", default=bool(given.get("remove"))
    )
    add_origin(parser)
    return parser.parse_args()


if __name__ == "__main__":
    try:
        main(_options())
    except Stopped as stopped:
        sys.exit(str(stopped))
