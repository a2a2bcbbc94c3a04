"""`make bench`: what the service takes for its work, beside FastAPI and drivers alone.

Each round measures every workload at every server, one after the other, so that the
machine's moods meet all alike: the ratios are the result, and the rates belong to the
machine.
"""

import argparse
from pathlib import Path

from benchmarks import growth, guard, report, rounds, tasks, template
from benchmarks.prepared import prepared, say


def main() -> None:
    asked = arguments()
    sections = MEASURED[asked.what](asked)
    for title, text in sections.items():
        print(f"\n## {title}\n\n{text}")
        if asked.page:
            page = report.rewritten(asked.page.read_text(), title, text)
            asked.page.write_text(page)


def guarded(asked: argparse.Namespace) -> dict[str, str]:
    with prepared(asked.row) as (rendering, urls, logs):
        say("measuring each kind of request several times")
        with guard.Stand.built(rendering, urls, logs) as stand:
            print(guard.commit(stand))
    return {}


MEASURED = {
    "requests": rounds.measured,
    "guard": guarded,
    "tasks": tasks.measured,
    "growth": growth.measured,
    "template": template.measured,
}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument(
        "what",
        nargs="?",
        default="requests",
        choices=MEASURED,
        help="default: requests",
    )
    parser.add_argument("--quick", action="store_true", help="3 rounds of 1 s")
    parser.add_argument("--rounds", type=int, default=5, help="default: 5")
    parser.add_argument("--seconds", type=float, default=3.0, help="of a burst")
    parser.add_argument("--only", nargs="*", default=[], help="how workloads begin")
    parser.add_argument(
        "--row", nargs="*", default=[], metavar="QUESTION=ANSWER", help="of a variant"
    )
    parser.add_argument(
        "--peer", type=Path, help="the recipe of another service: benchmarks/README.md"
    )
    parser.add_argument(
        "--rows", nargs="*", type=int, help="of growth; default: 10000 1000000"
    )
    parser.add_argument("--page", type=Path, help="whose sections are written anew")
    parser.add_argument("--json", type=Path, help="a file for all figures")
    parser.add_argument("--svg", type=Path, help="a file for a plot of the ratios")
    return parser.parse_args()


if __name__ == "__main__":
    main()
