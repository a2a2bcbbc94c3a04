"""The connections of what ops/ecs describes."""

import json
import re
from pathlib import Path

from tests.architecture.connections import POOLED, ConnectionsContract, Fleet

FOLDER = Path(__file__).parents[2] / "ops/ecs"
REPLICAS = re.compile(r"^  (\w+):\n(?:    .+\n)*?    replicas: (\{.+\})$", re.MULTILINE)
PERCENT = re.compile(r"deployment_maximum_percent += (\d+)")
SETTING = re.compile(r'^    ([A-Z_]+): "(.*)"$', re.MULTILINE)


class TestConnections(ConnectionsContract):
    def fleet(self, stage: str) -> Fleet:
        facts = (FOLDER / "facts.yaml").read_text()
        replicas = {
            name: json.loads(said)[stage]["max"]
            for name, said in REPLICAS.findall(facts)
        }
        [percent] = PERCENT.findall((FOLDER / "process/service.tf").read_text())
        surge = {
            name: most * (int(percent) - 100) // 100 for name, most in replicas.items()
        }
        own = facts.partition(f"\n  {stage}:\n")[2]
        settings = dict(SETTING.findall(re.split(r"^ {0,2}\w", own, flags=re.M)[0]))
        return Fleet(
            replicas, surge, settings | ({POOLED: ""} if POOLED in facts else {})
        )
