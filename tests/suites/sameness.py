"""Which test files of a row can only repeat what those of an earlier row have shown."""

import ast
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path

# The service's own packages; what else it imports is the same for all rows.
OWN = ("app", "dev", "tests")
MODULE = re.compile(rf"\b(?:{'|'.join(OWN)})(?:\.\w+)+")
FOLDER, SUITE = "tests", "tests/**/test_*.py"
# A test that does such things may meet files that nothing imports. The platform's own
# read code alone, but for what `make` runs: others may meet anything, and always run.
READS_FILES = re.compile(r"__file__|\bglob\(|rglob\(|iterdir\(")
STARTS_PROCESSES = r"subprocess|sys\.executable"
SEES_EVERY_TABLE = r"Base\.registry|alembic|\bbranches\b|pg_tables|information_schema"
MAKES = re.compile('"make"')
MEETS_CODE = re.compile(f"{STARTS_PROCESSES}|{SEES_EVERY_TABLE}")
OF_CODE = ("tests/platform/", "tests/faults/", "tests/dev/", "tests/fixtures/")
CODE = ("app/**/*.py", "migrations/*", "*.ini", "tests/conftest.py")
SERVERS = "dev/__main__.py"
# Each takes longer than most of the others together, as it starts, kills and waits for
# processes. In the first row that has it, it is run; beside all else, by `make suites`.
DRILLS = (
    "tests/dev/test_coverage.py",
    "tests/faults/test_celery.py",
    "tests/platform/database/test_backfill.py",
    "tests/platform/database/test_migrations.py",
    "tests/platform/test_autogenerate.py",
    "tests/platform/test_cli.py",
    "tests/platform/test_cli_back.py",
)
# It makes the database of a test from the platform's revisions. That of a row with
# modules has their tables besides, which only a test that sees every table can meet.
CONFTEST, DATABASE = "tests/conftest.py", "tests/fixtures/database.py"
REVISIONS = ("migrations/*", "app/platform/migrations/*.py")

type Function = ast.FunctionDef | ast.AsyncFunctionDef
# What a test file consists of, by path; nothing stands for a file that always runs.
type Closure = Mapping[str, bytes] | None


@dataclass(frozen=True, eq=False)
class Source:
    """A Python file: what it imports, and which fixtures it has and asks for."""

    name: str
    content: bytes

    @property
    def is_conftest(self) -> bool:
        return self.name.endswith("/conftest.py")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.content)

    @cached_property
    def meets_all_code(self) -> bool:
        return self._does(MEETS_CODE) or self._does(READS_FILES)

    @cached_property
    def meets_anything(self) -> bool:
        return self._does(MAKES) or (
            self._does(READS_FILES) and not self.name.startswith(OF_CODE)
        )

    def _does(self, such: re.Pattern[str]) -> bool:
        tests = self.name.startswith(FOLDER) and self.name != DATABASE
        return tests and such.search(self.content.decode()) is not None

    @cached_property
    def imports(self) -> set[str]:
        """Name modules, and what may be one: a name from one, a path in a string."""
        found = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                home = ".".join(filter(None, [self._above(node.level), node.module]))
                found |= {home, *(f"{home}.{alias.name}" for alias in node.names)}
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found |= set(MODULE.findall(node.value))
        return found

    @cached_property
    def fixtures(self) -> set[str]:
        return {each.name for each in self._functions() if _is_fixture(each)}

    @cached_property
    def asks_for(self) -> set[str]:
        """Name the fixtures that its tests and fixtures take, or call by name."""
        found = {
            argument.arg
            for each in self._functions()
            if _is_fixture(each) or each.name.startswith("test")
            for argument in (*each.args.args, *each.args.kwonlyargs)
        }
        calls = (each for each in ast.walk(self.tree) if isinstance(each, ast.Call))
        named = (
            argument
            for call in calls
            if ast.unparse(call.func).endswith(("usefixtures", "getfixturevalue"))
            for argument in call.args
        )
        return found | {ast.unparse(each).strip("'\"") for each in named}

    def _above(self, levels: int) -> str:
        return ".".join(self.name.split("/")[:-levels]) if levels else ""

    def _functions(self) -> Iterator[Function]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node


# Rows have most of their files in common.
source_of = cache(Source)


def _is_fixture(function: Function) -> bool:
    return any("fixture" in ast.unparse(each) for each in function.decorator_list)


@dataclass(frozen=True)
class Rendering:
    """A row's files, and what each of its test files reaches by imports and fixtures.

    The fixtures of a folder's `conftest.py` count for all tests below it. The one at
    the top lists plugins: their fixtures count where they are asked for. What plugins
    do as a run begins is to start servers, which are the same for all rows.
    """

    folder: Path
    _read: dict[str, Source | None] = field(default_factory=dict)

    @cached_property
    def tests(self) -> list[str]:
        paths = sorted(self.folder.glob(SUITE))
        return [path.relative_to(self.folder).as_posix() for path in paths]

    @cached_property
    def closures(self) -> Mapping[str, Closure]:
        return {test: self._closure(test) for test in self.tests}

    @cached_property
    def _settings(self) -> bytes:
        project = tomllib.loads((self.folder / "pyproject.toml").read_text())
        return repr(project["tool"]["pytest"]).encode()

    @cached_property
    def _revisions(self) -> dict[str, bytes]:
        return self._files(REVISIONS)

    @cached_property
    def _code(self) -> dict[str, bytes]:
        [servers] = self._sources([SERVERS])
        started = self._reached([servers], passing=lambda _: True)
        return self._files(CODE) | {each.name: each.content for each in started}

    @cached_property
    def _plugins(self) -> list[Source]:
        [uppermost] = self._sources([CONFTEST])
        return list(self._imported(uppermost))

    def _closure(self, test: str) -> Closure:
        homes = list(self._sources([test, *self._conftests(test)]))
        # What a conftest imports is for some of its tests: those name its types too.
        named = self._reached(homes, passing=lambda each: not each.is_conftest)
        if any(each.meets_anything for each in named):
            return None
        reached = self._reached(homes, passing=lambda _: True)
        files = {each.name: each.content for each in reached}
        if any(each.meets_all_code for each in named):
            files |= self._code
        revisions = self._revisions if DATABASE in files else {}
        return files | revisions | {"pyproject.toml": self._settings}

    def _reached(
        self, homes: Sequence[Source], passing: Callable[[Source], bool]
    ) -> set[Source]:
        waiting, seen = list(homes), set()
        while waiting:
            source = waiting.pop()
            if source in seen:
                continue
            seen.add(source)
            if passing(source):
                waiting += self._imported(source)
            if source.name.startswith(FOLDER):
                waiting += self._asked_for(source, homes)
        return seen

    def _conftests(self, test: str) -> list[str]:
        """List those above the test, the nearest first, but for the uppermost."""
        folders = [each.as_posix() for each in Path(test).parents]
        return [f"{each}/conftest.py" for each in folders if each.startswith("tests/")]

    def _imported(self, source: Source) -> Iterator[Source]:
        for module in source.imports:
            parts = module.split(".")
            if parts[0] in OWN:
                packages = ["/".join(parts[:n]) for n in range(1, len(parts) + 1)]
                yield from self._sources(f"{each}/__init__.py" for each in packages)
                yield from self._sources(f"{each}.py" for each in packages)

    def _asked_for(self, source: Source, homes: Sequence[Source]) -> Iterator[Source]:
        for fixture in source.asks_for:
            near = [each for each in homes if fixture in each.fixtures]
            yield from near or [p for p in self._plugins if fixture in p.fixtures]

    def _sources(self, names: Iterable[str]) -> Iterator[Source]:
        for name in names:
            if name not in self._read:
                path = self.folder / name
                self._read[name] = (
                    source_of(name, path.read_bytes()) if path.is_file() else None
                )
            if source := self._read[name]:
                yield source

    def _files(self, globs: Iterable[str]) -> dict[str, bytes]:
        paths = (path for glob in globs for path in self.folder.glob(glob))
        return {self._name(path): path.read_bytes() for path in paths if path.is_file()}

    def _name(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()


def repeated(row: Rendering, earlier: Mapping[int, Rendering]) -> dict[str, int]:
    """
    Name the test files that are, with all that they reach, those of another row.

    Drills are those of another row when they are so by themselves.
    """
    return {
        test: number
        for test, closure in row.closures.items()
        for number in [_first_with(test, closure, earlier)]
        if number is not None
    }


def summed_up(again: Mapping[str, int], files: int) -> str:
    rows = sorted(Counter(again.values()).items())
    where = " and ".join(f"{count} in row {number:03}" for number, count in rows)
    drills = len(again.keys() & {*DRILLS})
    left = f"; {drills} of them are drills" if drills else ""
    return f"{len(again)} of {files} test files have run already, {where}{left}"


def _first_with(
    test: str, closure: Closure, rows: Mapping[int, Rendering]
) -> int | None:
    found = ((number, row.closures.get(test)) for number, row in rows.items())
    same = (number for number, other in found if _is_same(test, closure, other))
    return next(same, None)


def _is_same(test: str, one: Closure, other: Closure) -> bool:
    if one is None or other is None:
        return False
    return one[test] == other[test] if test in DRILLS else one == other
