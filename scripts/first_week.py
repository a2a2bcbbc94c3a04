"""Write docs/reference/first-week.md: what each feature of a first week takes."""

from pathlib import Path

from pages import Step, steps
from variants import ROOT

PAGES = ROOT / "template/docs/howto"
REFERENCE = ROOT / "docs/reference/first-week.md"
PARENT = "A rule that depends on another module"
# What a team wrote by hand in its first week, where that is shown, and how many files
# each took when it was not shown anywhere.
FEATURES = (
    ("a rule across modules", "platform", "Ask another module", "4"),
    ("a rule of the parent", "add_a_module", PARENT, ""),
    ("an endpoint", "add_a_module", "HTTP", ""),
    ("a mail after an event", "platform", "Mail", ""),
    ("a nightly job", "platform", "A nightly job", "5"),
    ("a cached count", "platform", "Cache", ""),
    ("a setting", "platform", "Settings", ""),
    ("a third party", "platform", "A third party", "6"),
    ("a column on a full table", "database", "Columns", ""),
    ("an upload", "routes", "An upload", "8"),
    ("server-sent events", "routes", "Server-sent events", ""),
    ("a streamed export", "routes", "An export", ""),
    ("an admin route", "platform", "A route for operators", ""),
    ("a report in SQL", "database", "A report", ""),
    ("seed data", "add_a_module", "Seed data", ""),
)
HEAD = """# The first week

What a team writes beyond create, read, update and delete, built on a fresh service by
following its how-to pages alone: `tests/test_pages.py` and `tests/test_howto.py` do so,
and run the service's own checks on it. Many-to-many is no page but a word of a module's
declaration, `many(tags)`, where it took seven files: [modules.md](modules.md). Files
and lines are those that the page has its reader write, in the module and in what lists
it; one that a command writes, such as a migration, counts, too. `then` are the files
that it took before a page showed it. To follow all of the pages and run the tests of
what they write takes a machine with two cores some 75 seconds.

| feature | page | files | then | lines | test files | lines |
|---|---|---|---|---|---|---|
"""


def table() -> str:
    return HEAD + "".join(map(_row, FEATURES))


def _row(feature: tuple[str, str, str, str]) -> str:
    name, page, section, then = feature
    done = [step for step in steps(PAGES / f"{page}.md") if step.section == section]
    assert done, f"{page}.md has no section {section!r} with anything to do"
    where = f"[{page}.md](../../template/docs/howto/{page}.md): {section}"
    tests = [step for step in done if step.file.startswith("tests/")]
    code = [step for step in done if step not in tests]
    cells = (
        name,
        where,
        _files(code),
        then,
        _lines(code),
        _files(tests),
        _lines(tests),
    )
    return f"| {' | '.join(map(str, cells))} |\n"


def _files(done: list[Step]) -> int:
    """Count what is written to, by hand or by a command."""
    return len({step.file or step.text for step in done})


def _lines(done: list[Step]) -> int:
    return sum(step.lines for step in done if step.file)


if __name__ == "__main__":
    Path(REFERENCE).write_text(table())
