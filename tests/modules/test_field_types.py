"""A field type is one entry in one table: docs/how-to/add-a-field-type.md is true."""

import re
import shutil
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from tests.conftest import copy
from tests.edits import append
from tests.suites.environment import superset_environment
from tests.suites.rendering import complaint, make
from variants import ROOT

PAGE = ROOT / "docs/how-to/add-a-field-type.md"
STEP = re.compile(r"^\d\. [^`]*`(\S+)`[^`]*\n   ```\w+\n(.*?)   ```\n", re.M | re.S)
DECLARED = {
    "paints": {"shade": "colour unique", "rim": "colour optional indexed"},
    "walls": {"paint": "ref(paints)", "trim": "colour indexed", "back": "colour"},
}
CHECKED = "tests/modules tests/architecture"


@pytest.mark.timeout(300)
def test_who_follows_the_page_has_a_type_that_passes_every_check(
    folder: Path, tmp_path: Path
) -> None:
    template, log = tmp_path / "strata", tmp_path / "log"
    shutil.copytree(folder, template)
    table, fields = STEP.findall(PAGE.read_text())
    for file, added in (table, fields):
        append(file, dedent(added))(template)
    answers = {"example": False, "tasks": "inline", "modules": DECLARED}
    service = copy(template, tmp_path / "service", **answers)
    python = Path(sys.executable).resolve()
    settings = {
        "UV_NO_SYNC": "1",
        "UV_PROJECT_ENVIRONMENT": str(superset_environment(python, tmp_path)),
        "PYTEST_ADDOPTS": f"--no-cov {CHECKED}",
        "PYTEST_XDIST_AUTO_NUM_WORKERS": "2",
    }

    for step in ("migrations", "check"):
        done = make(step, service, log, python=python, settings=settings)
        assert done, complaint(f"make {step}", answers, log)

    schemas = (service / "app/modules/paints/schemas.py").read_text()
    assert "    shade: Colour\n    rim: Colour | None = None\n" in schemas
    assert "class PaintFilter" in schemas
    models = (service / "app/modules/paints/models.py").read_text()
    assert "    shade: Mapped[str] = mapped_column(String(7))\n" in models
