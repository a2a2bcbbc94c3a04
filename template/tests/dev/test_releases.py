from dev.update import UNREADABLE, Release, between

CHANGELOG = """# Changelog

## Unreleased

- Not yet.

## [2.0.0] - 2027-03-01

- New.

## v1.5.0

- Newer.

## 1.0.0

- Here.
"""


class TestBetween:
    def test_has_nothing_of_a_version_that_is_not_listed(self) -> None:
        assert between(CHANGELOG, Release("1.0.0", "3.0.0", is_new=True)) == UNREADABLE

    def test_begins_with_the_newest_and_ends_before_the_present(self) -> None:
        notes = between(CHANGELOG, Release("1.0.0", "2.0.0", is_new=True))

        assert notes.startswith("## [2.0.0]")
        assert notes.rstrip().endswith("- Newer.")

    def test_goes_to_the_end_when_the_present_is_not_listed(self) -> None:
        notes = between(CHANGELOG, Release("0.9.0", "1.5.0", is_new=True))

        assert notes.startswith("## v1.5.0")
        assert notes.rstrip().endswith("- Here.")
