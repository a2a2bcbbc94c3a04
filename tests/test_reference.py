"""The pages that are written from the questions say what the questions say."""

import ast

import pytest

from proven import HOW, PINNED, Row, jobs, rows, versions
from reference import PAGES, pages, security
from tests.variants.footprint import PAGE, page
from tests.variants.variants import Variants
from variants import ROOT, choices


@pytest.mark.parametrize("name", pages())
def test_a_page_is_up_to_date(name: str) -> None:
    written = (PAGES / name).read_text()

    assert written == pages()[name], "run `python scripts/reference.py`"


@pytest.mark.parametrize("test", sorted({row["test"] for row in security()}))
def test_what_is_said_of_security_has_its_test(test: str) -> None:
    expect_test(f"template/tests/{test}")


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row['of']}: {row['part']}")
class TestProof:
    def test_was_had_by_a_test_that_is_there(self, row: Row) -> None:
        expect_test(row["test"])

    def test_says_how_far_it_goes_and_with_what(self, row: Row) -> None:
        assert row.keys() - {"beyond"} == {
            *("of", "part", "with", "how", "shows", "test")
        }
        assert row["how"] in HOW
        assert set(PINNED.findall(row["with"])) <= versions().keys()
        assert row.get("beyond") in {None, *jobs()}


def test_every_answer_has_a_proof() -> None:
    """Whoever adds one adds a row to scripts/proofs: see platform.yml there."""
    answers = {
        f"{question}={answer}"
        for question, accepted in choices().items()
        if isinstance(accepted, list) and question != "python_version"
        for answer in accepted
        if answer != "none"
    }

    proven = {row["of"] for row in rows()}
    assert not answers - proven
    assert not {of for of in proven if "=" in of} - answers


def expect_test(test: str) -> None:
    file, *names = test.split("::")
    found: ast.AST = ast.parse((ROOT / file).read_text())

    for name in names:
        within = [each for each in ast.iter_child_nodes(found) if _named(each, name)]
        assert within, f"{file} has no {name}"
        [found] = within


def _named(node: ast.AST, name: str) -> bool:
    return getattr(node, "name", None) == name


def test_the_footprint_page_is_up_to_date(variants: Variants) -> None:
    assert (ROOT / PAGE).read_text() == page(variants), "run `make footprint`"
