from pathlib import Path

from app.platform.configuration.description import describe
from app.settings import Settings

SERVICE = Path(__file__).parents[1]


class TestPage:
    def test_says_what_the_code_says(self) -> None:
        page = (SERVICE / "docs/settings.md").read_text()

        assert page == describe(Settings), (
            "Run `uv run python -m app.cli settings > docs/settings.md`."
        )

    def test_explains_every_setting(self) -> None:
        for row in describe(Settings).splitlines():
            assert not row.endswith("|  |"), f"Write a line under the field of {row}"
