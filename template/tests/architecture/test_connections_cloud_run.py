"""The connections of what ops/cloud_run describes."""

from pathlib import Path

from tests.architecture.connections import POOLED, ConnectionsContract, Fleet

FOLDER = Path(__file__).parents[2] / "ops/cloud_run"


class TestConnections(ConnectionsContract):
    def fleet(self, stage: str) -> Fleet:
        lines = (FOLDER / "stages.env").read_text().splitlines()
        settings = dict(
            line.removeprefix(f"{stage}.").split("=", 1)
            for line in lines
            if line.startswith(f"{stage}.")
        )
        replicas = {
            name.removesuffix("_MAX").lower(): int(value)
            for name, value in settings.items()
            if name.endswith("_MAX")
        }
        if POOLED in (FOLDER / "run.yaml").read_text():
            settings[POOLED] = ""
        # A new revision has instances of its own before those of the old are gone.
        return Fleet(replicas, replicas, settings)
