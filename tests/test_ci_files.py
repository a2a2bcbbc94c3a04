"""The pipelines of a service: accepted by their checkers, and true to its files."""

import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import copy, git, passes

type Pipelines = Callable[[str], Path]

MINIMAL = {"cache": "none", "tasks": "inline", "telemetry": "none", "example": "false"}
RENDERINGS = {
    "github": {},
    "github, rabbitmq": {"broker": "rabbitmq"},
    "github, minimal": MINIMAL,
    "github, aks": {"deploy": "aks"},
    "github, cloud_run": {"deploy": "cloud_run"},
    "github, ecs": {"deploy": "ecs"},
    "github, kubernetes": {"deploy": "kubernetes"},
    "gitlab": {"ci": "gitlab"},
    "gitlab, aks": {"ci": "gitlab", "deploy": "aks"},
    "gitlab, ecs": {"ci": "gitlab", "deploy": "ecs"},
    "gitlab, minimal": {"ci": "gitlab"} | MINIMAL,
}
GITHUB = [name for name in RENDERINGS if name.startswith("github")]
GITLAB = [name for name in RENDERINGS if name.startswith("gitlab")]
ACTION = re.compile(r"uses: ([\w-]+/[\w-]+)@([0-9a-f]{40}) # (v\d+\.\d+\.\d+)$", re.M)
IMAGE = re.compile(r"\b((?:[\w.-]+/)*[\w-]+):(v?\d[\w.-]*)")
PATH = re.compile(r"[ \[\"]((?:\.\w[\w-]+|app|dev|docs|ops|tests)/[\w./*-]+)")
MODULE = re.compile(r"-m (app\.\w+)")


@pytest.fixture(scope="session")
def pipelines(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Pipelines:
    """A service for each of the renderings, as a Git repository."""

    @cache
    def render(name: str) -> Path:
        where = tmp_path_factory.mktemp("pipelines") / "service"
        service = copy(folder, where, **RENDERINGS[name])
        git(service, "init", "--quiet")
        return service

    return render


@pytest.mark.parametrize("name", GITHUB)
class TestGitHub:
    def test_passes_the_checkers(self, pipelines: Pipelines, name: str) -> None:
        service = pipelines(name)
        workflows = sorted((service / ".github/workflows").iterdir())

        passes("actionlint", "-no-color", cwd=service)
        passes("zizmor", "--offline", "--persona=regular", ".github", cwd=service)
        fits(service, "github-workflows", *workflows)
        fits(service, "dependabot", service / ".github/dependabot.yml")

    def test_pins_one_version_of_each_action(
        self, pipelines: Pipelines, name: str
    ) -> None:
        text = "".join(file.read_text() for file in files(pipelines(name)))
        pins = ACTION.findall(text)

        assert len(pins) == len(re.findall(r"uses: \w", text))
        assert len(set(pins)) == len({action for action, _, _ in pins})


@pytest.mark.parametrize("name", GITLAB)
class TestGitLab:
    def test_passes_the_checkers(self, pipelines: Pipelines, name: str) -> None:
        service = pipelines(name)
        included = sorted((service / ".gitlab-ci").iterdir())

        transform = ("--data-transform", "gitlab-ci")
        fits(service, "gitlab-ci", *transform, service / ".gitlab-ci.yml", *included)


@pytest.mark.parametrize("name", RENDERINGS)
class TestEveryPipeline:
    def test_asks_make_for_what_it_makes(self, pipelines: Pipelines, name: str) -> None:
        service = pipelines(name)
        targets = set(re.findall(r"^(\w+):", (service / "Makefile").read_text(), re.M))

        asked = {
            target
            for file in files(service)
            for target in re.findall(r"(?:run: |- )make (\w+)$", file.read_text(), re.M)
        }

        assert {"setup", "check", "test"} <= asked <= targets

    def test_names_files_that_are_there(self, pipelines: Pipelines, name: str) -> None:
        service = pipelines(name)
        text = "\n".join(file.read_text() for file in files(service))
        modules = (f"{name.replace('.', '/')}.py" for name in MODULE.findall(text))

        for path in {*PATH.findall(text), *modules}:
            assert any(service.glob(path)), path

    def test_uses_the_images_of_compose(self, pipelines: Pipelines, name: str) -> None:
        service = pipelines(name)
        composed = dict(
            image
            for file in [service / "compose.yaml", *service.glob("ops/*/compose.yaml")]
            for image in images(file)
        )

        for file in files(service):
            for image, tag in images(file):
                assert composed.get(image, tag) == tag, f"{file}: {image}:{tag}"


def fits(service: Path, schema: str, *arguments: str | Path) -> None:
    builtin = f"vendor.{schema}"
    passes("check-jsonschema", "--builtin-schema", builtin, *arguments, cwd=service)


def files(service: Path) -> Iterator[Path]:
    """Every file that a pipeline consists of."""
    for place in (".github/**/*.yml", ".gitlab-ci/*.yml", ".gitlab-ci.yml"):
        yield from sorted(service.glob(place))


def images(file: Path) -> Iterator[tuple[str, str]]:
    """The name and tag of each image, on the lines that name one."""
    for line in file.read_text().splitlines():
        if re.search(r"\b(image|name): |entrypoint|services: ", line):
            yield from IMAGE.findall(line)
