"""A field type is one entry in one table: docs/how-to/add-a-field-type.md is true."""

import re
import shutil
from pathlib import Path
from textwrap import dedent

import pytest

from tests.edits import append
from tests.modules.specifications import check
from variants import ROOT

PAGE = ROOT / "docs/how-to/add-a-field-type.md"
STEP = re.compile(r"^\d\. [^`]*`(\S+)`[^`]*\n   ```\w+\n(.*?)   ```\n", re.M | re.S)
DECLARED = {
    "paints": {"shade": "colour unique", "rim": "colour optional indexed"},
    "walls": {"paint": "ref(paints)", "trim": "colour indexed", "back": "colour"},
}


@pytest.mark.timeout(300)
def test_who_follows_the_page_has_a_type_that_passes_every_check(
    folder: Path, tmp_path: Path
) -> None:
    template, service = tmp_path / "strata", tmp_path / "service"
    shutil.copytree(folder, template)
    table, fields = STEP.findall(PAGE.read_text())
    for file, added in (table, fields):
        append(file, dedent(added))(template)

    check(template, service, declared=DECLARED)

    schemas = (service / "app/modules/paints/schemas.py").read_text()
    assert "    shade: Colour\n    rim: Colour | None = None\n" in schemas
    assert "class PaintFilter" in schemas
    models = (service / "app/modules/paints/models.py").read_text()
    assert "    shade: Mapped[str] = mapped_column(String(7))\n" in models
