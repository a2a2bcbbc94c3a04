"""What a team's own tests see that render the template with pytest-copie."""

from pathlib import Path

import pytest
from pytest_copie.plugin import Copie


class TestCopie:
    def test_renders_the_defaults(self, copie: Copie, folder: Path) -> None:
        result = copie.copy(template_dir=folder)

        assert result.exception is None
        assert result.project_dir is not None
        assert (result.project_dir / "app" / "celery.py").is_file()

    def test_renders_what_is_answered(self, copie: Copie, folder: Path) -> None:
        declined = dict.fromkeys(("cache", "identity"), "none")
        answers = {**declined, "tasks": "inline", "example": False}

        result = copie.copy(extra_answers=answers, template_dir=folder)

        assert result.exception is None
        assert result.project_dir is not None
        assert not (result.project_dir / "app" / "celery.py").exists()
        assert list((result.project_dir / "app" / "modules").iterdir()) == [
            result.project_dir / "app" / "modules" / "__init__.py"
        ]

    @pytest.mark.parametrize("slug", ["app", "Not A Slug", "class"])
    def test_reports_an_answer_that_is_refused(
        self, copie: Copie, folder: Path, slug: str
    ) -> None:
        result = copie.copy(extra_answers={"project_slug": slug}, template_dir=folder)

        assert result.exit_code != 0
        assert "project_slug" in str(result.exception)
