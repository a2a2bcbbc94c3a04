"""The pages that are written from the questions say what the questions say."""

import ast

import pytest

from reference import PAGES, pages, security
from variants import ROOT


@pytest.mark.parametrize("name", pages())
def test_a_page_is_up_to_date(name: str) -> None:
    written = (PAGES / name).read_text()

    assert written == pages()[name], "run `python scripts/reference.py`"


@pytest.mark.parametrize("test", sorted({row["test"] for row in security()}))
def test_what_is_said_of_security_has_its_test(test: str) -> None:
    file, *names = test.split("::")
    found: ast.AST = ast.parse((ROOT / "template/tests" / file).read_text())

    for name in names:
        within = [each for each in ast.iter_child_nodes(found) if _named(each, name)]
        assert within, f"{file} has no {name}"
        [found] = within


def _named(node: ast.AST, name: str) -> bool:
    return getattr(node, "name", None) == name
