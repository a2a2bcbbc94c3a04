"""The connections of what ops/kubernetes describes."""

import re
from pathlib import Path

from tests.architecture.connections import POOLED, ConnectionsContract, Fleet

FOLDER = Path(__file__).parents[2] / "ops/kubernetes"
PATCH = re.compile(r"\{kind: \w+, name: (\w+)\}\n +patch: \|\n((?: {6}- .+\n)+)")
MOST = re.compile(r"/spec/(?:replicas|maxReplicas|maxReplicaCount), value: (\d+)")
SURGE = re.compile(r"maxSurge: (\d+)")
LITERAL = re.compile(r"^ +- ([A-Z_]+)=(.*)$", re.MULTILINE)


class TestConnections(ConnectionsContract):
    def fleet(self, stage: str) -> Fleet:
        overlay = (FOLDER / f"overlays/{stage}/kustomization.yaml").read_text()
        replicas = {
            name: int(most[1])
            for name, patch in PATCH.findall(overlay)
            if (most := MOST.search(patch))
        }
        base = (FOLDER / "base/processes.yaml").read_text()
        [surge] = {int(number) for number in SURGE.findall(base)}
        pooled = any(POOLED in file.read_text() for file in FOLDER.rglob("*.yaml"))
        settings = dict(LITERAL.findall(overlay)) | ({POOLED: ""} if pooled else {})
        return Fleet(replicas, dict.fromkeys(replicas, surge), settings)
