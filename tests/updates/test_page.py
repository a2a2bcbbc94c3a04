"""The page about updates says what the tests show."""

import updates


def test_the_updates_page_is_up_to_date() -> None:
    assert updates.PAGE.read_text() == updates.page(), "run `python scripts/updates.py`"


def test_every_file_of_tests_is_a_chapter() -> None:
    files = {path.stem.removeprefix("test_") for path in updates.TESTS.glob("test_*")}

    assert (
        files - {"make_update", "page", "propose", "releases"} == updates.FILES.keys()
    )
