"""The pages that are written from the questions say what the questions say."""

import pytest

from reference import PAGES, pages


@pytest.mark.parametrize("name", pages())
def test_a_page_is_up_to_date(name: str) -> None:
    written = (PAGES / name).read_text()

    assert written == pages()[name], "run `python scripts/reference.py`"
