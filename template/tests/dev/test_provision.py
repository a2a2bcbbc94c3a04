"""A server is started for what the environment leaves out, and only for that."""

import subprocess
from pathlib import Path

import pytest

from dev.process import Data, Server, provided


def start(directory: Path, _: Data) -> Server:
    bed = subprocess.Popen(["sleep", "9"])
    return Server("sleep", f"sleep://{directory.name}", bed)


class TestProviding:
    def test_each_server_that_is_not_named_is_started_in_a_folder_of_its_own(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("BED__URL", "its://own")
        monkeypatch.setenv("SOFA__URL", "")
        starts = dict.fromkeys(("BED__URL", "SOFA__URL", "MAT__URL"), start)

        with provided(starts, tmp_path, Data.DISPOSABLE) as urls:
            assert list(urls.values()) == ["its://own", "sleep://sofa", "sleep://mat"]

    def test_a_started_server_ends_with_the_block(self, tmp_path: Path) -> None:
        servers: list[Server] = []

        def start_noted(directory: Path, data: Data) -> Server:
            servers.append(start(directory, data))
            return servers[-1]

        with provided({"BED__URL": start_noted}, tmp_path, Data.DISPOSABLE):
            assert servers[0].process.poll() is None

        assert servers[0].process.poll() is not None
