"""The budgets that keep the template and what it renders small enough to read."""

import ast
import re
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from statistics import median, quantiles

import jinja2
import pytest
import yaml
from jinja2.meta import find_undeclared_variables

from tests.conftest import copy
from variants import ROOT, Answers, choices, variants

TEMPLATE = ROOT / "template"
ANSWERS_FILE = "{{ _copier_conf.answers_file }}.jinja"
BRANCH = re.compile(r"{%-?\s*(if|elif|for)\b")
TAG = re.compile(r"{[{%]")
PORTS = ("cache", "tasks", "broker")

# What must not be said in a rendering that declined it.
WORDS = {
    "redis": "redis|valkey",
    "celery": "celery|kombu|outbox|relay",
    "rabbitmq": "rabbitmq|amqp",
    "example": "catalog|orders",
}

type Render = Callable[[Answers], Path]


@pytest.fixture(scope="session")
def render(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Render:
    """Render each set of answers once."""
    rendered = tmp_path_factory.mktemp("rendered")

    @cache
    def once(name: str) -> Path:
        answers = dict(pair.split("=") for pair in name.split())
        return copy(folder, rendered / name.replace(" ", "-"), **answers)

    return lambda answers: once(name_of(answers))


def name_of(answers: Answers) -> str:
    return " ".join(f"{question}={answer}" for question, answer in answers.items())


def every_variant() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("answers", list(variants()), ids=name_of)


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
        known = set(questions())
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
                name = str(path.relative_to(TEMPLATE))
                assert re.fullmatch(r"[A-Za-z0-9_./-]+", name), name

    @pytest.mark.parametrize("port", PORTS)
    def test_every_choice_of_a_port_has_its_adapter(self, port: str) -> None:
        for name in choices()[port]:
            adapter = TEMPLATE / f"app/platform/{port}/{name}.py"
            assert adapter.exists(), f"{port}={name} needs {adapter}"

    def test_every_adapter_is_a_choice(self) -> None:
        for port in PORTS:
            for adapter in (TEMPLATE / f"app/platform/{port}").glob("*.py"):
                if re.search(r"class \w+Settings\b", adapter.read_text()):
                    assert adapter.stem in choices()[port] or adapter.stem == "settings"

    def test_the_lock_holds_what_every_variant_needs(self, render: Render) -> None:
        lock = tomllib.loads((TEMPLATE / "uv.lock").read_text())
        packages = {package["name"]: package for package in lock["package"]}
        needs = packages["superset"]["metadata"]
        locked = named(needs["requires-dist"]) | named(needs["requires-dev"]["dev"])

        for answers in variants():
            project = pyproject(render(answers))
            asked = {
                *project["project"]["dependencies"],
                *project["dependency-groups"]["dev"],
            }
            assert asked <= locked, "run `uv run scripts/lock.py`"


class TestRenderings:
    @every_variant()
    def test_python_files_are_short(self, render: Render, answers: Answers) -> None:
        service = render(answers)
        lengths = {
            str(file.relative_to(service)): len(file.read_text().splitlines())
            for file in python(service)
        }

        assert median(lengths.values()) <= 40, median(lengths.values())
        assert not longer(lengths, than=200)

    @every_variant()
    def test_functions_are_short(self, render: Render, answers: Answers) -> None:
        service = render(answers)
        lengths = {
            f"{file.relative_to(service)}:{line} {name}": length
            for file in python(service)
            for line, name, length in functions(file)
        }

        assert median(lengths.values()) <= 6
        assert quantiles(lengths.values(), n=10)[-1] <= 15
        assert not longer(lengths, than=40)

    @every_variant()
    def test_what_was_declined_is_not_mentioned(
        self, render: Render, answers: Answers
    ) -> None:
        service = render(answers)
        words = re.compile("|".join(declined(answers)) or r"(?!)", re.IGNORECASE)

        said = [
            f"{path}:{number}: {line.strip()}"
            for path, number, line in lines(service)
            if words.search(line)
        ]

        assert not said, "\n".join(said)

    @every_variant()
    def test_no_tag_is_left_over(self, render: Render, answers: Answers) -> None:
        for file in python(render(answers)):
            assert not re.search(r"{%|{{ |{#", file.read_text()), file

    @every_variant()
    def test_no_folder_is_empty(self, render: Render, answers: Answers) -> None:
        for folder in render(answers).rglob("*"):
            assert not folder.is_dir() or any(folder.iterdir()), folder

    @every_variant()
    def test_ruff_finds_nothing(self, render: Render, answers: Answers) -> None:
        service = render(answers)

        for check in (["check"], ["format", "--check", "--diff"]):
            run = subprocess.run(
                ["ruff", *check, "--no-cache", "--quiet", "."],
                cwd=service,
                capture_output=True,
                text=True,
                check=False,
            )
            assert run.returncode == 0, run.stdout

    def test_every_file_belongs_to_some_variant(
        self, folder: Path, render: Render
    ) -> None:
        template = folder / "template"
        rendered = {
            str(path.relative_to(render(answers)))
            for answers in variants()
            for path in shipped(render(answers))
        }

        for path in shipped(template):
            name = str(path.relative_to(template)).removesuffix(".jinja")
            assert path.name == ANSWERS_FILE or name in rendered, name


def declined(answers: Answers) -> Iterator[str]:
    """The words of everything that these answers leave out."""
    broker = answers.get("broker")
    if "redis" not in {answers["cache"], broker}:
        yield WORDS["redis"]
    if answers["tasks"] != "celery":
        yield WORDS["celery"]
    if broker != "rabbitmq":
        yield WORDS["rabbitmq"]
    if answers["example"] == "false":
        yield WORDS["example"]


def lines(service: Path) -> Iterator[tuple[Path, int, str]]:
    """Every file name and line, but the lock's: a superset until the first sync."""
    for file in texts(service):
        path = file.relative_to(service)
        yield path, 0, str(path)
        for number, line in enumerate(file.read_text().splitlines(), start=1):
            yield path, number, line


def shipped(root: Path) -> Iterator[Path]:
    """Every file that is Copier's to render, and none that a tool left behind."""
    left_behind = re.compile(r"__pycache__|\.\w+_cache|\.venv|\.dev|\.coverage|\.env")
    for path in root.rglob("*"):
        parts = path.relative_to(root).parts
        if path.is_file() and not any(left_behind.fullmatch(part) for part in parts):
            yield path


def texts(root: Path) -> Iterator[Path]:
    return (path for path in shipped(root) if path.name != "uv.lock")


def python(service: Path) -> Iterator[Path]:
    return (path for path in shipped(service) if path.suffix == ".py")


def longer(lengths: dict[str, int], *, than: int) -> dict[str, int]:
    return {name: length for name, length in lengths.items() if length > than}


def functions(file: Path) -> Iterator[tuple[int, str, int]]:
    """The line, name and length of each function, from `def` on without docstring."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = node.end_lineno - node.lineno + 1 - docstring_length(node)
            yield node.lineno, node.name, length


def docstring_length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    if ast.get_docstring(function) is None:
        return 0
    docstring = function.body[0]
    return docstring.end_lineno - docstring.lineno + 1


def pyproject(service: Path) -> dict[str, dict[str, list[str]]]:
    return tomllib.loads((service / "pyproject.toml").read_text())


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
