"""The pages that are written from the questions say what the questions say."""

from reference import PAGE, page


def test_the_questions_page_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "run `python scripts/reference.py`"
