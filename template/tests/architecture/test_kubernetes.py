"""What the manifests say of the processes is what the processes are."""

import os
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from app.settings import Settings

SERVICE = Path(__file__).parents[2]
KUBERNETES = SERVICE / "ops/kubernetes"
STAGES = sorted(path.name for path in (KUBERNETES / "overlays").iterdir())
# What tells a process how long it has to end.
GRACE = {"api": "SERVER__GRACE_SECONDS", "worker": "TASKS__GRACE_SECONDS"}
LITERAL = re.compile(r"^ +- ([A-Z_]+)=(.*)$", re.MULTILINE)
SECRET = re.compile(r"\b(?:secretKey|key): (\w+__\w+)")
SERVERS = "somebody:a-password-of-one-s-own@servers.internal"

each_stage = pytest.mark.parametrize("stage", STAGES)


def told(stage: str) -> dict[str, str]:
    overlay = KUBERNETES / "overlays" / stage / "kustomization.yaml"
    return dict(LITERAL.findall(overlay.read_text()))


def secrets() -> set[str]:
    text = "".join(file.read_text() for file in KUBERNETES.rglob("*.yaml"))
    return set(SECRET.findall(text))


def tell(monkeypatch: pytest.MonkeyPatch, stage: str) -> None:
    """Give the tests' process what a pod of the stage has."""
    for name in secrets():
        monkeypatch.setenv(name, _secret(name))
    for name, value in told(stage).items():
        monkeypatch.setenv(name, value)


def _secret(name: str) -> str:
    if not name.endswith("URL"):
        return "a" * 20 + "-secret-of-one-s-own"
    there = os.environ.get(name, "smtp://localhost")
    return urlsplit(there)._replace(netloc=SERVERS).geturl()


def deployments() -> dict[str, str]:
    text = (KUBERNETES / "base/processes.yaml").read_text()
    documents = text.split("\n---\n")
    kind = "kind: Deployment\nmetadata:\n  name: "
    return {
        each.split(kind)[1].split("\n")[0]: each for each in documents if kind in each
    }


def number(pattern: str, text: str) -> int:
    [found] = re.findall(pattern, text) or [0]
    return int(found)


class TestStage:
    @each_stage
    def test_is_told_all_that_it_needs(
        self, monkeypatch: pytest.MonkeyPatch, stage: str
    ) -> None:
        tell(monkeypatch, stage)

        settings = Settings.load()

        assert settings.environment == told(stage)["ENVIRONMENT"]

    @each_stage
    def test_is_told_nothing_that_means_nothing(
        self,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        stage: str,
    ) -> None:
        tell(monkeypatch, stage)

        Settings.load()

        assert capsys.readouterr().err == ""

    @pytest.mark.parametrize("missing", sorted(secrets()))
    def test_does_not_start_without_one_of_its_secrets(
        self, monkeypatch: pytest.MonkeyPatch, missing: str
    ) -> None:
        tell(monkeypatch, "prod")
        monkeypatch.delenv(missing)

        with pytest.raises(SystemExit, match=missing):
            Settings.load()


class TestPod:
    @each_stage
    @pytest.mark.parametrize("name", sorted(GRACE.keys() & deployments().keys()))
    def test_has_the_time_that_its_process_takes(self, stage: str, name: str) -> None:
        text = deployments()[name]
        before = number(r"sleep: \{seconds: (\d+)\}", text)

        given = number(r"terminationGracePeriodSeconds: (\d+)", text)

        needed = before + int(told(stage)[GRACE[name]])
        assert given > needed, f"{name}: it is killed in the midst of its work."

    def test_of_the_api_is_asked_until_balancers_know_that_it_ends(self) -> None:
        assert "preStop" in deployments()["api"]

    @pytest.mark.parametrize("name", sorted(deployments()))
    def test_is_what_the_image_is(self, name: str) -> None:
        text, image = deployments()[name], (SERVICE / "Dockerfile").read_text()

        port = number(r"name: admin, containerPort: (\d+)", text)
        user = number(r"runAsUser: (\d+)", text)

        assert f"ADMIN__PORT={port} " in image
        assert f"USER {user}:" in image
