"""What a second row leaves out has been run by an earlier one, byte for byte."""

import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.edits import append, delete, replace, write
from tests.suites.environment import superset_environment
from tests.suites.pythons import nearest
from tests.suites.rendering import developer
from tests.suites.sameness import DRILLS, Rendering, repeated
from variants import ROOT, choices

ADAPTERS = [
    f"app/platform/{port}/{adapter}.py"
    for port in ("cache", "tasks", "broker", "telemetry")
    for adapter in choices()[port]
]
FAULTS = [
    ("app/platform/cdn/vercel.py", ("OK = 200", "OK = 201")),
    ("app/platform/telemetry/none.py", ("yield cls()", "yield None")),
]
NOWHERE = {"DATABASE__URL": "postgresql://nobody@127.0.0.1:1/nothing"}
COMPOSITION = "app/composition.py"
TEST = "tests/shop/test_price.py"
SERVICE = {
    "app/__init__.py": "",
    "app/shop/__init__.py": "from app.shop import tax\n",
    "app/shop/price.py": "PRICE = 2\n",
    "app/shop/tax.py": "TAX = 1\n",
    "app/others.py": "",
    "migrations/env.py": "",
    "pyproject.toml": "[tool.pytest.ini_options]\n",
    "dev/__main__.py": "from dev import postgres\n",
    "dev/postgres.py": "",
    "dev/others.py": "",
    "tests/conftest.py": (
        "pytest_plugins = ['tests.fixtures.shop', 'tests.fixtures.database']\n"
    ),
    "tests/fixtures/shop.py": (
        "import pytest\nfrom app import till\n\n"
        "@pytest.fixture\ndef shop(database):\n    return till\n"
    ),
    "tests/fixtures/database.py": (
        "import pytest\nfrom pathlib import Path\nHERE = Path(__file__)\n\n"
        "@pytest.fixture\ndef database():\n    return HERE\n"
    ),
    "tests/fixtures/others.py": (
        "import pytest\n\n@pytest.fixture\ndef others():\n    return 1\n"
    ),
    "app/till.py": "NAMED = 'app.drawer.SIZE'\n",
    "app/drawer.py": "SIZE = 1\n",
    "tests/shop/conftest.py": (
        "import pytest\n\n@pytest.fixture(autouse=True)\ndef clean(): ...\n"
    ),
    TEST: (
        "from app.shop.price import PRICE\n\n"
        "def test_price(shop):\n    assert PRICE == 2\n"
    ),
}


@pytest.fixture
def service(tmp_path: Path) -> Callable[[str], Path]:
    def render(name: str) -> Path:
        for path, text in SERVICE.items():
            write(path, text)(tmp_path / name)
        return tmp_path / name

    return render


class TestRepeated:
    def test_is_a_test_whose_row_differs_elsewhere(
        self, service: Callable[[str], Path]
    ) -> None:
        first, second = service("first"), service("second")
        append("app/others.py", "OTHER = 1\n")(second)
        append("tests/fixtures/others.py", "OTHER = 1\n")(second)
        append("tests/conftest.py", "pytest_plugins += ['tests.fixtures.others']\n")(
            second
        )

        again = repeated(Rendering(second), {1: Rendering(first)})

        assert again == {TEST: 1}

    def test_is_named_after_the_first_row_that_has_it(
        self, service: Callable[[str], Path]
    ) -> None:
        rows = {number: Rendering(service(str(number))) for number in (1, 2, 3)}
        append("app/shop/price.py", "\n")(rows[1].folder)

        assert repeated(rows[3], {1: rows[1], 2: rows[2]}) == {TEST: 2}

    @pytest.mark.parametrize(
        "edit",
        [
            pytest.param(append(TEST, "\n"), id="the test"),
            pytest.param(append("app/shop/price.py", "\n"), id="what it imports"),
            pytest.param(append("app/shop/tax.py", "\n"), id="what a package imports"),
            pytest.param(append("app/__init__.py", "\n"), id="a package around it"),
            pytest.param(append("tests/shop/conftest.py", "\n"), id="its conftest"),
            pytest.param(append("tests/fixtures/shop.py", "\n"), id="its fixture"),
            pytest.param(append("app/till.py", "\n"), id="what a fixture imports"),
            pytest.param(append("app/drawer.py", "\n"), id="what a string names"),
            pytest.param(
                append("tests/fixtures/database.py", "\n"), id="a fixture's fixture"
            ),
            pytest.param(append("migrations/env.py", "\n"), id="its database"),
            pytest.param(delete("app/drawer.py"), id="a file that is gone"),
            pytest.param(
                write("app/shop/price/__init__.py", ""), id="a file that is new"
            ),
            pytest.param(
                append("pyproject.toml", "timeout = 1\n"), id="how tests are run"
            ),
        ],
    )
    def test_is_none_that_has_something_of_its_own(
        self, service: Callable[[str], Path], edit: Callable[[Path], object]
    ) -> None:
        first, second = service("first"), service("second")
        edit(second)

        assert not repeated(Rendering(second), {1: Rendering(first)})

    @pytest.mark.parametrize(
        "line",
        [
            "FILES = Path().rglob('*')",
            "HERE = Path(__file__)",
            "import subprocess",
            "COMMAND = (sys.executable, '-m', 'app.main')",
            "MAPPERS = Base.registry.mappers",
        ],
    )
    @pytest.mark.parametrize(
        "code", ["app/others.py", "migrations/env.py", "dev/postgres.py"]
    )
    def test_is_none_that_may_meet_code_that_it_does_not_import(
        self, service: Callable[[str], Path], line: str, code: str
    ) -> None:
        rows = {number: service(str(number)) for number in (1, 2, 3)}
        for each in rows.values():
            append("tests/fixtures/shop.py", line)(each)
        append(code, "\n")(rows[1])
        append("dev/others.py", "\n")(rows[3])
        renderings = {number: Rendering(folder) for number, folder in rows.items()}

        assert not repeated(renderings[2], {1: renderings[1]})
        assert repeated(renderings[3], renderings) == {TEST: 2}

    def test_is_a_drill_wherever_its_own_text_is_the_same(
        self, service: Callable[[str], Path]
    ) -> None:
        drill = DRILLS[0]
        rows = {number: service(str(number)) for number in (1, 2, 3)}
        for each in rows.values():
            write(drill, "def test_all(shop): ...\n")(each)
        append("app/till.py", "\n")(rows[2])
        append(drill, "\n")(rows[3])
        renderings = {number: Rendering(folder) for number, folder in rows.items()}

        assert repeated(renderings[2], {1: renderings[1]}) == {drill: 1}
        assert drill not in repeated(renderings[3], {1: renderings[1]})

    @pytest.mark.parametrize(
        "line", ["FILES = Path().rglob('*')", "COMMAND = ('make', 'check')"]
    )
    def test_is_none_that_may_meet_anything(
        self, service: Callable[[str], Path], line: str
    ) -> None:
        first, second = service("first"), service("second")
        for each in (first, second):
            append(TEST, line.replace("'", '"'))(each)

        assert not repeated(Rendering(second), {1: Rendering(first)})


def run_in(row: int, renderings: Mapping[int, Rendering]) -> list[str]:
    again = repeated(
        renderings[row], {n: each for n, each in renderings.items() if n < row}
    )
    return [test for test in renderings[row].tests if test not in again]


def test_each_drill_is_run_in_a_row(renderings: Mapping[int, Rendering]) -> None:
    for drill in DRILLS:
        assert [row for row in renderings if drill in run_in(row, renderings)] == [1]


class TestAdapter:
    @pytest.mark.parametrize("adapter", ADAPTERS)
    def test_is_tested_by_the_first_row_that_has_it(
        self, renderings: Mapping[int, Rendering], adapter: str
    ) -> None:
        first = next(
            row for row, each in renderings.items() if (each.folder / adapter).is_file()
        )

        reached = [
            renderings[first].closures[test] for test in run_in(first, renderings)
        ]

        assert any(closure and adapter in closure for closure in reached)

    def test_is_tested_with_all_that_is_composed(
        self, renderings: Mapping[int, Rendering]
    ) -> None:
        composed: set[bytes] = set()
        for row, rendering in renderings.items():
            composition = (rendering.folder / COMPOSITION).read_bytes()
            tests = [rendering.closures[test] for test in run_in(row, renderings)]
            is_met = any(test and COMPOSITION in test for test in tests)
            assert is_met == (composition not in composed)
            composed.add(composition)

        assert len(composed) > 1

    @pytest.mark.parametrize(("adapter", "fault"), FAULTS)
    def test_that_is_broken_is_found_by_a_row_that_leaves_tests_out(
        self,
        renderings: Mapping[int, Rendering],
        tmp_path: Path,
        adapter: str,
        fault: tuple[str, str],
    ) -> None:
        has_it = (
            row for row in renderings if (renderings[row].folder / adapter).exists()
        )
        row = min(has_it)
        service = shutil.copytree(renderings[row].folder, tmp_path / "service")
        test = adapter.replace("app/", "tests/", 1)
        test = str(Path(test).with_name(f"test_{Path(test).name}"))

        whole = run_tests(service, [test])
        replace(adapter, *fault)(service)
        broken = run_tests(service, [test])

        assert row > min(renderings)
        assert test in set(run_in(row, renderings))
        assert whole.returncode == 0, whole.stdout
        assert f"FAILED {test}" in broken.stdout, broken.stdout


def run_tests(service: Path, tests: list[str]) -> subprocess.CompletedProcess[str]:
    python = nearest("")
    pytest_there = superset_environment(python, ROOT / "build/suites") / "bin/pytest"
    return subprocess.run(
        [pytest_there, "--numprocesses=0", *tests],
        cwd=service,
        env=developer(python) | NOWHERE,
        capture_output=True,
        text=True,
        check=False,
    )
