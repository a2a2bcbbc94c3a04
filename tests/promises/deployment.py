"""What questions/computed.yml says of the processes of a service."""

from functools import cache
from typing import Any

import yaml
from jinja2 import Environment

from variants import ROOT

FACTS = "questions/computed.yml"


@cache
def computed(name: str) -> dict[str, Any]:
    """What follows from the default answers."""
    question = yaml.safe_load((ROOT / FACTS).read_text())[name]
    text = Environment(autoescape=True).from_string(question["default"])
    return yaml.safe_load(text.render(tasks="celery"))


def processes() -> dict[str, dict[str, Any]]:
    return computed("processes")


def command(process: str) -> tuple[str, ...]:
    """As it is deployed."""
    return tuple(processes()[process]["command"].split())
