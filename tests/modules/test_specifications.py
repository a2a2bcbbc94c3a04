"""Whatever is declared becomes modules that pass every check, on a real database."""

import ast
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.conftest import copy, passes
from tests.modules.specifications import Declared, check, declarations, drawn
from tests.updates.conftest import thin

WIDTH = 88
SEAMS = ("api.py.jinja", "tables.py.jinja", "pyproject.toml.jinja")


@pytest.fixture(scope="session")
def modules_alone(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template without the files that know no module."""
    into = tmp_path_factory.mktemp("alone") / "strata"
    return thin(folder, into, keep=lambda path: "{%" in str(path) or path.name in SEAMS)


@settings(
    max_examples=15,
    phases=[Phase.explicit, Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(declared=declarations())
def test_reads_as_if_written_by_hand(
    modules_alone: Path,
    tmp_path_factory: pytest.TempPathFactory,
    declared: Declared,
) -> None:
    service = tmp_path_factory.mktemp("drawn") / "service"

    copy(modules_alone, service, example=False, modules=declared)

    passes("ruff", "check", "--quiet", "app", "tests", cwd=service)
    passes("ruff", "format", "--check", "--quiet", "app", "tests", cwd=service)
    for file in service.rglob("*.py"):
        ast.parse(file.read_text())
        assert all(len(line) <= WIDTH for line in file.read_text().splitlines()), file


@pytest.mark.thorough
@pytest.mark.timeout(900)
def test_thirty_pass_their_own_checks(folder: Path, tmp_path: Path) -> None:
    declared = together(drawn(10, modules=3))
    assert len(declared) == 30
    print(json.dumps(declared))

    check(folder, tmp_path / "service", declared=declared)


def together(several: list[Declared]) -> Declared:
    """Make one declaration of many, in which modules of one name are numbered."""
    found: Declared = {}
    for number, declared in enumerate(several):
        plurals = {key.partition("/")[0]: key for key in declared}
        names = {plural: f"{'abcdefghij'[number]}{plural[-19:]}" for plural in plurals}
        for plural, key in plurals.items():
            one = key.partition("/")[2]
            new = names[plural] + (f"/{'abcdefghij'[number]}{one}" if one else "")
            found[new] = {
                field: referring(specification, names)
                for field, specification in declared[key].items()
            }
    return found


def referring(specification: str, names: dict[str, str]) -> str:
    for plural, name in names.items():
        specification = specification.replace(f"ref({plural})", f"ref({name})")
    return specification
