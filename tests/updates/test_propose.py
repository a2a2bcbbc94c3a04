"""The pipelines that propose an update, step by step on a remote of their own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.conftest import git
from tests.edits import replace, write
from tests.updates.projects import committed, project, released

BRANCH = "template-update"
RUN = '#!/bin/sh\nshift 2\nexec "$@"\n'
NOTE = '#!/bin/sh\necho "$@" >>"$CALLS"\n'
HOST = "https://update:secret@code.example/team/shop.git"


class Pipeline:
    """A clone of a service's remote, and the programs that its steps call."""

    def __init__(self, folder: Path, service: Path) -> None:
        self.remote = folder / "remote.git"
        self.clone = folder / "clone"
        self.calls = folder / "calls"
        git(folder, "clone", "--quiet", "--bare", str(service), str(self.remote))
        git(self.remote, "config", "receive.advertisePushOptions", "true")
        git(folder, "clone", "--quiet", str(self.remote), str(self.clone))
        self._programs = folder / "bin"
        self._programs.mkdir()
        for name, script in {"uv": RUN, "gh": NOTE}.items():
            (self._programs / name).write_text(script)
            (self._programs / name).chmod(0o755)

    def run(self, *steps: str) -> None:
        for step in steps:
            subprocess.run(
                ["bash", "-e", "-c", step],
                cwd=self.clone,
                env=os.environ | self._variables(),
                check=True,
            )

    def told(self) -> str:
        return self.calls.read_text() if self.calls.exists() else ""

    def branches(self) -> set[str]:
        listed = git(self.remote, "branch", "--format=%(refname:short)")
        return set(listed.split())

    def proposed(self, name: str) -> str:
        return git(self.remote, "show", f"{BRANCH}:{name}")

    def _variables(self) -> dict[str, str]:
        here = Path(sys.executable).parent
        return {
            "PATH": f"{self._programs}:{here}:{os.environ['PATH']}",
            "CALLS": str(self.calls),
            "COPIER": f"{sys.executable} -m copier",
            # GitHub's, then GitLab's.
            "NOTES": str(self.clone.parent / "notes.md"),
            "GITHUB_SHA": git(self.clone, "rev-parse", "main").strip(),
            "CI_PROJECT_DIR": str(self.clone),
            "CI_PROJECT_PATH": "team/shop",
            "CI_SERVER_HOST": "code.example",
            "CI_DEFAULT_BRANCH": "main",
            "CI_JOB_URL": "https://code.example/1",
            "UPDATE_TOKEN": "secret",
            "TITLE": "Update from the template",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"url.{self.remote}.insteadOf",
            "GIT_CONFIG_VALUE_0": HOST,
        }


def steps_on_github(service: Path) -> list[str]:
    workflow = yaml.safe_load((service / ".github/workflows/update.yml").read_text())
    steps = workflow["jobs"]["propose"]["steps"]
    return [step["run"] for step in steps if "run" in step]


def steps_on_gitlab(service: Path) -> list[str]:
    jobs = yaml.safe_load((service / ".gitlab-ci/update.yml").read_text())
    return jobs["update"]["script"]


STEPS = {"github": steps_on_github, "gitlab": steps_on_gitlab}


@pytest.mark.parametrize("ci", STEPS)
class TestAPipeline:
    def test_proposes_the_newest_version(
        self, template: Path, tmp_path: Path, ci: str
    ) -> None:
        service = project(template, tmp_path / "service", ci=ci)
        pipeline = Pipeline(tmp_path, service)
        released(template, "v2.0.0", write("template/app/clock.py", "OURS = 1\n"))

        pipeline.run(*STEPS[ci](service))

        assert pipeline.branches() == {"main", BRANCH}
        assert pipeline.proposed("app/clock.py") == "OURS = 1\n"
        assert ("pr create" in pipeline.told()) == (ci == "github")

    def test_proposes_nothing_when_nothing_is_new(
        self, template: Path, tmp_path: Path, ci: str
    ) -> None:
        service = project(template, tmp_path / "service", ci=ci)
        pipeline = Pipeline(tmp_path, service)

        pipeline.run(*STEPS[ci](service))

        assert pipeline.branches() == {"main"}
        assert "pr create" not in pipeline.told()

    def test_shows_a_conflict_for_others_to_resolve(
        self, template: Path, tmp_path: Path, ci: str
    ) -> None:
        service = project(template, tmp_path / "service", ci=ci)
        replace("Makefile", "# `make` alone", "# Mine")(service)
        pipeline = Pipeline(tmp_path, committed(service))
        change = replace("template/Makefile", "# `make` alone", "# Ours")
        released(template, "v2.0.0", change)

        pipeline.run(*STEPS[ci](service))

        assert "<<<<<<< before updating" in pipeline.proposed("Makefile")
        assert "UU Makefile" in (tmp_path / "notes.md").read_text()
