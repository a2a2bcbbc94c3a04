"""The page on adapters and ports, taken at its word."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import copy, snapshot
from tests.promises import servers
from tests.suites.environment import superset_environment
from tests.suites.rows import mypy_cache
from tests.variants.engine import explore
from tests.variants.report import findings
from tests.variants.variants import Variants
from variants import ROOT

PAGE = ROOT / "docs/how-to/add-an-adapter.md"
BLOCK = re.compile(r"^```\w+ (\S+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
CHECKED = ("app", "tests/platform/cache", "tests/platform/flags", "tests/conftest.py")
TRIED = ("tests/test_main.py", "tests/platform/cache/test_memory.py")


@pytest.fixture(scope="module")
def followed(machine: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the template on which all that the page says was done."""
    template = snapshot(tmp_path_factory.mktemp("followed") / "strata")
    for name, block in BLOCK.findall(PAGE.read_text()):
        file = template / name
        file.parent.mkdir(parents=True, exist_ok=True)
        text = file.read_text() if file.exists() else ""
        file.write_text(inserted(text, block, name) if text else block)
    return template


def inserted(text: str, block: str, name: str) -> str:
    """Put a block where its first lines are, as many as there are together."""
    lines = block.splitlines(keepends=True)
    for number in range(len(lines) - 1, 0, -1):
        known = "".join(lines[:number])
        if known in text:
            assert text.count(known) == 1, f"{name} has this more than once: {known}"
            return text.replace(known, block)
    raise AssertionError(f"{name} has no {lines[0]!r}: write the page anew")


def test_every_variant_of_what_it_makes_is_well(
    followed: Path, variants: Variants, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A third cache and another port at once: some files depend on more combinations.
    monkeypatch.setattr(explore, "LIMIT", 2_000)
    made = Variants.of(followed)

    found = findings(made)

    assert not found, "\n".join(map(str, found))
    # A third cache, and two kinds of flags.
    assert made.count() == 3 * variants.count()
    assert bringing(made, cache="memory") - bringing(made, cache="none") == {
        "app/platform/cache/memory.py",
        "docs/adapters/cache-memory.md",
        "tests/platform/cache/test_memory.py",
    }


def bringing(variants: Variants, **answers: str) -> set[str]:
    return set(variants.files({"platform_tests": True, **answers}))


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "answers",
    [
        {"cache": "memory", "flags": "listed"},
        pytest.param({"flags": "none"}, marks=pytest.mark.thorough),
    ],
)
def test_a_service_with_it_is_typed_and_ready(
    followed: Path, tmp_path: Path, answers: dict[str, str]
) -> None:
    service = copy(followed, tmp_path / "service", platform_tests=True, **answers)
    tests = [*TRIED, f"tests/platform/flags/test_{answers['flags']}.py"]
    there = [name for name in tests if (service / name).exists()]

    run(service, "python", "-c", "import app.main")
    run(service, "mypy", *CHECKED)
    run(service, "pytest", "--quiet", "--numprocesses=0", *there)

    assert len(there) == len(answers) + 1


def run(service: Path, command: str, *arguments: str) -> None:
    environment = superset_environment(
        Path(sys.executable).resolve(), ROOT / "build/suites"
    )
    done = subprocess.run(
        [environment / "bin" / command, *arguments],
        cwd=service,
        env=servers.clean()
        | {"MYPY_CACHE_DIR": str(mypy_cache(ROOT / "build/suites"))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
