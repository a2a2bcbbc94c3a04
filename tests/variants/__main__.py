"""`python -m tests.variants [TEMPLATE] [--write]`: verify, and say what is wrong."""

import sys
from pathlib import Path
from time import perf_counter
from warnings import simplefilter

from copier.errors import DirtyLocalWarning

from tests import quick
from tests.variants.footprint import PAGE, page
from tests.variants.report import findings, summary
from tests.variants.variants import Variants

ROOT = Path(__file__).resolve().parents[2]


def main(*arguments: str) -> int:
    start = perf_counter()
    # The tree is verified as it is on disk, committed or not.
    simplefilter("ignore", DirtyLocalWarning)
    [root] = [Path(each) for each in arguments if not each.startswith("--")] or [ROOT]
    quick.install()
    variants = Variants.of(root)
    if "--write" in arguments:
        (root / PAGE).write_text(page(variants))
    found = findings(variants)
    print(*summary(variants, perf_counter() - start, found), sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
