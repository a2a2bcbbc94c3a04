"""The budgets that keep the template and what it renders small enough to read."""

import ast
import re
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from statistics import median, quantiles

import jinja2
import pytest
import yaml
from jinja2.meta import find_undeclared_variables

from tests.suites.array import committed
from tests.variants.variants import Variants
from variants import ROOT, adapters, choices

TEMPLATE = ROOT / "template"
ANSWERS_FILE = "{{ _copier_conf.answers_file }}.jinja"
YIELD = "{% yield module from declared_modules %}{{ module.name }}{% endyield %}"
BRANCH = re.compile(r"{%-?\s*(if|elif|for)\b")
TAG = re.compile(r"{[{%]")
PORTS = adapters()

MINIMAL = {
    "cache": "none",
    "tasks": "inline",
    "identity": "none",
    "telemetry": "none",
    "rate_limits": False,
    "ci": "none",
    "example": False,
}

type Lengths = dict[str, int]


@pytest.fixture(scope="session")
def pythons(variants: Variants) -> list[dict[str, bytes]]:
    """The Python files of some variants, by path: every pair of answers is there."""
    some = [{}, MINIMAL, *committed(2), *variants.sample(50, seed=0)]
    renderings = map(variants.files, some)
    return [
        {name: text for name, text in files.items() if name.endswith(".py")}
        for files in renderings
    ]


class TestTemplate:
    def test_a_python_seam_has_no_branch(self) -> None:
        for seam in TEMPLATE.rglob("*.py.jinja"):
            assert not re.search(r"{%-?\s*(if|elif)\b", seam.read_text()), seam

    def test_a_seam_has_a_tag(self) -> None:
        for seam in TEMPLATE.rglob("*.jinja"):
            assert TAG.search(seam.read_text()), f"{seam} can be an ordinary file"

    def test_branches_and_loops_are_rare(self) -> None:
        text = [file.read_text() for file in texts(TEMPLATE)]
        lines = sum(content.count("\n") for content in text)

        tags = sum(len(BRANCH.findall(content)) for content in text)

        assert tags <= lines * 0.005, f"{tags} tags in {lines} lines"

    def test_seams_are_few(self) -> None:
        files = list(shipped(TEMPLATE))

        seams = [file for file in files if file.suffix == ".jinja"]

        assert len(seams) <= len(files) * 0.15

    def test_a_seam_reads_only_answers(self) -> None:
        # What a `yield` in the path gives to the files below it.
        known = {*questions(), "module"}
        environment = jinja2.Environment(
            extensions=["jinja2_ansible_filters.AnsibleCoreFiltersExtension"],
            autoescape=True,
        )
        for seam in TEMPLATE.rglob("*.jinja"):
            if seam.name != ANSWERS_FILE:
                tree = environment.parse(seam.read_text())
                assert find_undeclared_variables(tree) <= known, seam

    def test_file_names_are_plain(self) -> None:
        for path in shipped(TEMPLATE):
            if path.name != ANSWERS_FILE:
                name = str(path.relative_to(TEMPLATE)).replace(YIELD, "name")
                assert re.fullmatch(r"[A-Za-z0-9_./-]+", name), name

    @pytest.mark.parametrize("port", PORTS)
    def test_every_choice_of_a_port_has_its_adapter(self, port: str) -> None:
        registry = (ROOT / "questions/ports.yml").read_text()
        # With `none`, or what needs nothing, a port may be absent altogether.
        absent = set(re.findall(rf'{{% if {port} != "(\w+)" %}}', registry))
        for name in {*choices()[port]} - absent:
            adapter = TEMPLATE / f"app/platform/{port}/{name}.py"
            assert adapter.exists(), f"{port}={name} needs {adapter}"

    def test_every_adapter_is_a_choice(self) -> None:
        for port in PORTS:
            settings = re.compile(rf"class \w+{port.title()}Settings\b")
            for adapter in (TEMPLATE / f"app/platform/{port}").glob("*.py"):
                if settings.search(adapter.read_text()):
                    assert adapter.stem in choices()[port] or adapter.stem == "settings"

    def test_what_a_part_owns_is_there(self) -> None:
        for part, paths in owned().items():
            for path in paths:
                assert any(owns(path, name) for name in names()), f"{part}: {path}"

    def test_the_lock_holds_what_every_variant_needs(self, variants: Variants) -> None:
        lock = tomllib.loads((TEMPLATE / "uv.lock").read_text())
        packages = {package["name"]: package for package in lock["package"]}
        needs = packages["superset"]["metadata"]
        locked = named(needs["requires-dist"]) | named(needs["requires-dev"]["dev"])

        for text in variants.made["pyproject.toml"].versions():
            project = tomllib.loads(text.decode())
            asked = {
                *project["project"]["dependencies"],
                *project["dependency-groups"]["dev"],
            }
            assert asked <= locked, "run `make lock`"


class TestRenderings:
    def test_python_files_are_short(
        self, pythons: list[dict[str, bytes]], variants: Variants
    ) -> None:
        for files in pythons:
            lengths = [lines(text) for text in files.values()]

            assert median(lengths) <= 120, median(lengths)
        for name, text in every_python(variants):
            assert not longer({name: lines(text)}, than=300)

    def test_files_are_few(self, variants: Variants) -> None:
        assert len(variants.files({})) <= 267
        assert len(variants.files(MINIMAL)) <= 131

    def test_lines_of_app_are_few(self, variants: Variants) -> None:
        """Raised by decisions: docs/adr/0015-what-the-lines-of-app-buy.md and later."""
        assert lines_of_app(variants.files({})) <= 16_945
        assert lines_of_app(variants.files(MINIMAL)) <= 10_390

    def test_functions_are_short(
        self, pythons: list[dict[str, bytes]], variants: Variants
    ) -> None:
        for files in pythons:
            found = map(functions, files.values())
            lengths = [length for each in found for length in each.values()]

            assert median(lengths) <= 6
            assert quantiles(lengths, n=10)[-1] <= 15
        for name, text in every_python(variants):
            assert not longer(functions(text), than=40), name


def every_python(variants: Variants) -> Iterator[tuple[str, bytes]]:
    """Every content that a Python file has in any variant."""
    for name, made in variants.made.items():
        if name.endswith(".py"):
            yield from ((name, text) for text in made.versions())


def lines_of_app(files: dict[str, bytes]) -> int:
    """Of every kind: code, blank lines, docstrings, imports and comments."""
    return sum(
        lines(text)
        for name, text in files.items()
        if name.startswith("app/") and name.endswith(".py")
    )


def shipped(root: Path) -> Iterator[Path]:
    """Every file that is Copier's to render, and none that a tool left behind."""
    left_behind = re.compile(r"__pycache__|\.\w+_cache|\.venv|\.dev|\.coverage|\.env")
    for path in root.rglob("*"):
        parts = path.relative_to(root).parts
        if path.is_file() and not any(left_behind.fullmatch(part) for part in parts):
            yield path


def owned() -> dict[str, list[str]]:
    """What leaves with each part besides its adapter."""
    computed = yaml.safe_load((ROOT / "questions/computed.yml").read_text())
    return yaml.safe_load(computed["owned"]["default"])


def names() -> Iterator[str]:
    for path in shipped(TEMPLATE):
        yield path.relative_to(TEMPLATE).as_posix().removesuffix(".jinja")


def owns(path: str, name: str) -> bool:
    return fnmatch(name, path) or name.startswith(f"{path}/")


def texts(root: Path) -> Iterator[Path]:
    return (path for path in shipped(root) if path.name != "uv.lock")


def longer(lengths: Lengths, *, than: int) -> Lengths:
    return {name: length for name, length in lengths.items() if length > than}


# Nearly every file is the same in nearly every variant.
@cache
def lines(text: bytes) -> int:
    return len(text.decode().splitlines())


@cache
def functions(text: bytes) -> Lengths:
    """The lines of each function, from `def` on without its docstring."""
    return {
        f"{node.lineno} {node.name}": length(node)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    lines = function.end_lineno - function.lineno + 1
    return lines - docstring_length(function)


def docstring_length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    if ast.get_docstring(function) is None:
        return 0
    docstring = function.body[0]
    return docstring.end_lineno - docstring.lineno + 1


def named(requirements: list[dict[str, str]]) -> set[str]:
    """Spell the requirements of a lock as a pyproject does."""
    return {
        package["name"]
        + (f"[{','.join(package['extras'])}]" if "extras" in package else "")
        + package.get("specifier", "")
        for package in requirements
    }


def questions() -> Iterator[str]:
    for file in ROOT.glob("questions/*.yml"):
        yield from yaml.safe_load(file.read_text())
