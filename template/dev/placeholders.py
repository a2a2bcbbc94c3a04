"""What only its owner can know: `make deploy-check` lists what is not filled in."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

OPS = Path(__file__).parents[1] / "ops"
STAGES = frozenset({"dev", "stage", "prod"})
# A host that cannot exist, an account of nobody, and a name that says so itself.
UNKNOWN = re.compile(r"[\w.@*:/-]*(?:\.invalid\b|0{12}|fill-in)[\w.@*:/-]*")


def placeholders(folder: Path, others: frozenset[str]) -> Iterator[str]:
    """Name each with its place, but those that other stages have for themselves."""
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        if others & {*file.relative_to(folder).parts, file.stem}:
            continue
        for number, line in enumerate(file.read_text().splitlines(), start=1):
            if line.partition(".")[0] not in others:
                for found in UNKNOWN.findall(line):
                    yield f"{file.relative_to(folder.parent)}:{number}: {found}"


def main(*stages: str) -> int:
    others = STAGES - set(stages) if stages else frozenset[str]()
    found = list(placeholders(OPS, others))
    if not found:
        return 0
    print(f"{len(found)} values are still to be filled in:", *found, sep="\n  ")
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
