"""The Docker engine, where one answers."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest


def docker(*words: str | Path, timeout: float = 300, **options: Any) -> str:
    """Run one command to its end and give what it says; raise when it fails."""
    run = try_docker(*words, timeout=timeout, **options)
    assert run.returncode == 0, f"docker {' '.join(map(str, words))}\n{run.stderr}"
    return run.stdout.strip()


def try_docker(
    *words: str | Path, timeout: float = 300, **options: Any
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["docker", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
        **options,
    )


@cache
def absence() -> str:
    """Why there is no engine with Compose; empty when there is one."""
    if shutil.which("docker") is None:
        return "docker is not installed"
    for question in (("info",), ("compose", "version"), ("buildx", "version")):
        run = try_docker(*question, timeout=30)
        if run.returncode != 0:
            return f"docker {' '.join(question)}: {run.stderr.strip()[-300:]}"
    return ""


def require_engine() -> None:
    if reason := absence():
        pytest.skip(f"NOT TESTED, no container was built or run: {reason}")


class Project:
    """A rendering's compose.yaml, under a name and with an image of its own."""

    def __init__(self, service: Path, name: str, **variables: str) -> None:
        self._service = service
        self._name = name
        self._variables = variables

    @property
    def image(self) -> str:
        """What its own processes run."""
        return self._variables["IMAGE"]

    def compose(self, *words: str, timeout: float = 300) -> str:
        command = ("compose", "--project-name", self._name, *words)
        return docker(*command, cwd=self._service, env=self._env, timeout=timeout)

    def images(self) -> list[str]:
        """What it needs from elsewhere."""
        return sorted({*self.compose("config", "--images").split()} - {self.image})

    @contextmanager
    def running(self) -> Iterator[None]:
        try:
            self.compose("up", "--wait", timeout=400)
            yield
        except BaseException:
            print(self.compose("ps", "--all"), self.compose("logs", "--tail=30"))
            raise
        finally:
            self.compose("down", "--volumes", "--timeout=5")

    def container(self, service: str) -> str:
        return self.compose("ps", "--all", "--quiet", service)

    @property
    def _env(self) -> Mapping[str, str]:
        return os.environ | self._variables


def inspect(thing: str) -> dict[str, Any]:
    [description] = json.loads(docker("inspect", thing))
    return description
