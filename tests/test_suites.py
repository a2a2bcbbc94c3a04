"""The covering arrays, and the suites of the rows in which every answer occurs."""

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.conftest import SUMMARY, copy
from tests.suites.array import (
    STRENGTHS,
    committed,
    cover,
    coverable,
    rows_for,
    rows_of,
    uncovered,
)
from tests.suites.environment import Servers
from tests.suites.rendering import complaint
from tests.suites.rows import Rest, Row, Shared, run
from tests.suites.sameness import Rendering, repeated, summed_up
from tests.variants.variants import Variants
from variants import ROOT, Answers

ROWS = [Row(number, answers) for number, answers in enumerate(committed(1), start=1)]
# All rows on one: another has a standard library of its own, and CI runs all of them.
PYTHON = "{}.{}".format(*sys.version_info)


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    with Servers.open(tmp_path_factory.mktemp("servers")) as servers:
        yield Shared(ROOT / "build/suites", servers)


@pytest.fixture(scope="session")
def every(variants: Variants) -> list[Answers]:
    return rows_of(variants)


class TestArray:
    @pytest.mark.parametrize("strength", STRENGTHS)
    def test_leaves_no_tuple_uncovered(
        self, every: list[Answers], strength: int
    ) -> None:
        missing = uncovered(committed(strength), every, strength)

        assert not missing, "run `make arrays`"

    @pytest.mark.parametrize("strength", STRENGTHS)
    def test_holds_only_valid_variants(self, variants: Variants, strength: int) -> None:
        for row in committed(strength):
            assert variants.space.takes(row), "run `make arrays`"
            assert row["platform_tests"], "run `make arrays`"

    @pytest.mark.parametrize("strength", STRENGTHS)
    def test_of_too_many_variants_leaves_nothing_uncovered_either(
        self, variants: Variants, every: list[Answers], strength: int
    ) -> None:
        some = rows_of(variants, enough=100)

        rows = cover(some, strength)

        assert len(some) < len(every)
        assert all(variants.space.takes(row) for row in rows)
        assert coverable(some, strength) == coverable(every, strength)
        assert not uncovered(rows, every, strength)

    @pytest.mark.parametrize("strength", STRENGTHS)
    def test_is_what_the_questions_give(
        self, variants: Variants, every: list[Answers], strength: int
    ) -> None:
        assert committed(strength) == rows_for(every, strength, variants.space)

    def test_covers_where_a_filtered_product_would_not(self) -> None:
        # b=1 is valid only with a=0 and c=0, so that its pairs have one row.
        variants: list[Answers] = [
            {"a": str(a), "b": str(b), "c": str(c)}
            for a in (0, 1)
            for b in (0, 1)
            for c in (0, 1)
            if not b or a == c == 0
        ]

        rows = cover(variants, 2)

        assert not uncovered(rows, variants, 2)
        assert all(row in variants for row in rows)

    def test_of_strength_1_begins_with_the_default_service_and_what_is_like_it(
        self, variants: Variants
    ) -> None:
        first, *others = committed(1)

        assert variants.space.unusual(variants.space.variant(first)) == {
            "platform_tests": True
        }
        differ = [
            sum(row.get(name) != answer for name, answer in first.items())
            for row in others
        ]
        # The second has a deployment of its own, and no other code.
        assert differ[0] == 1
        assert differ == sorted(differ)

    def test_a_lost_row_is_noticed(self, every: list[Answers]) -> None:
        for lost in range(len(committed(2))):
            rows = [row for n, row in enumerate(committed(2)) if n != lost]
            assert uncovered(rows, every, 2), "this row is not needed"


@pytest.mark.timeout(900)
@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_row_passes_its_own_checks(
    *,
    folder: Path,
    tmp_path: Path,
    shared: Shared,
    renderings: Mapping[int, Rendering],
    row: Row,
    record_property: Callable[[str, object], None],
) -> None:
    """Rows before it show what some of its test files would: these do not run again."""
    earlier = {n: each for n, each in renderings.items() if n < row.number}
    again = repeated(renderings[row.number], earlier)
    if again:
        files = len(renderings[row.number].tests)
        record_property(SUMMARY, f"row {row.number:03}: {summed_up(again, files)}")

    def render(into: Path, answers: Answers) -> Path:
        return copy(folder, into, **answers)

    ended = run(
        row,
        mode=Rest(shared, again) if again else shared,
        render=render,
        folder=tmp_path,
        python=PYTHON,
    )

    if ended.failed:
        pytest.fail(complaint(ended.failed, row.answers, ended.log), pytrace=False)
