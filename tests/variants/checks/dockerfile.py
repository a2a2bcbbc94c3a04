"""The instructions of a Dockerfile."""

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

KNOWN = {
    "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK",
    "LABEL", "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
}  # fmt: skip


class Unreadable(Exception):
    """Docker would refuse to build it."""


class Instruction(NamedTuple):
    name: str
    flags: tuple[str, ...]
    arguments: str


def parse(content: bytes) -> list[Instruction]:
    instructions = list(_instructions(content.decode()))
    stages: set[str] = set()
    if not any(each.name == "FROM" for each in instructions):
        raise Unreadable("it has no FROM")
    for each in instructions:
        if each.name not in KNOWN:
            raise Unreadable(f"{each.name} is not an instruction")
        if not each.arguments:
            raise Unreadable(f"{each.name} has no arguments")
        _check_stage(each, stages)
        if named := re.search(r"\s+AS\s+(\S+)$", each.arguments, re.IGNORECASE):
            stages.add(named[1])
        if each.arguments.startswith("[") and each.name in {"CMD", "ENTRYPOINT"}:
            json.loads(each.arguments)
    return instructions


def copied(content: bytes) -> Iterator[str]:
    """The paths that a build takes from the folder in which it runs."""
    try:
        instructions = parse(content)
    except (Unreadable, ValueError):
        return
    for each in instructions:
        foreign = any(flag.startswith("--from") for flag in each.flags)
        if each.name in {"COPY", "ADD"} and not foreign:
            yield from each.arguments.split()[:-1]
        for flag in each.flags:
            bound = re.search(r"type=bind.*?source=([^,\s]+)", flag)
            if bound and "from=" not in flag:
                yield bound[1]


def _check_stage(each: Instruction, stages: set[str]) -> None:
    for flag in each.flags:
        stage = flag.removeprefix("--from=")
        if stage != flag and re.fullmatch(r"[a-z_-]+", stage) and stage not in stages:
            raise Unreadable(f"there is no stage {stage} before its {each.name}")


def _instructions(text: str) -> Iterator[Instruction]:
    kept = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n", " ", "\n".join(kept))
    joined = re.sub(
        r"<<-?['\"]?(\w+)['\"]?(.*?)\n\1\n", r"\2 ", joined, flags=re.DOTALL
    )
    for line in filter(str.strip, joined.splitlines()):
        name, *rest = line.split(maxsplit=1)
        words = " ".join(rest).split()
        flags = tuple(word for word in words if word.startswith("--"))
        leading = 0
        while leading < len(words) and words[leading].startswith("--"):
            leading += 1
        yield Instruction(name.upper(), flags[:leading], " ".join(words[leading:]))
