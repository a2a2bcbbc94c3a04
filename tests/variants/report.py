"""The faults as a person reads them: what, in how many variants, and how to see one."""

import json
import shlex
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tests.variants.checks import ALL, Check, Fault
from tests.variants.engine.diagram import Diagram, any_of
from tests.variants.variants import Variants


@dataclass(frozen=True)
class Finding:
    """A fault that at least one valid variant has."""

    path: str
    reason: str
    detail: str
    variants: int
    reproduce: str

    def __str__(self) -> str:
        detail = f" ({self.detail})" if self.detail else ""
        return (
            f"{self.path}: {self.reason}{detail}\n"
            f"  in {self.variants:,} variants, e.g. {self.reproduce}"
        )


def findings(variants: Variants, checks: Iterable[Check] = ALL) -> list[Finding]:
    """Everything that is wrong with any variant; empty when all are well."""
    faults: dict[tuple[str, str], list[Fault]] = defaultdict(list)
    for check in checks:
        for fault in check(variants):
            if variants.count(fault.where):
                faults[fault.path, fault.reason].append(fault)
    return [finding(variants, alike) for alike in faults.values()]


def finding(variants: Variants, alike: list[Fault]) -> Finding:
    first = alike[0]
    where = any_of(each.where for each in alike)
    return Finding(
        first.path,
        first.reason,
        first.detail,
        variants.count(where),
        reproduce(variants, where),
    )


def reproduce(variants: Variants, where: Diagram) -> str:
    """The command that renders one of them, as near to the defaults as can be."""
    answers = variants.space.unusual(variants.space.example(where))
    data = [
        f"--data {name}={shlex.quote(spelled(value))}"
        for name, value in answers.items()
    ]
    return " ".join(["copier copy --defaults", *data, ". /tmp/service"])


def spelled(value: object) -> str:
    """Spell an answer as YAML, which a command line takes."""
    return value if isinstance(value, str) else json.dumps(value)


def summary(variants: Variants, seconds: float, found: list[Finding]) -> Iterator[str]:
    yield from map(str, found)
    yield (
        f"{variants.count():,} variants of {len(variants.made)} paths with "
        f"{variants.contents():,} different contents: {len(found)} problems, "
        f"{seconds:.1f} s"
    )
