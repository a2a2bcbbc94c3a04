"""`make bench`: what the service takes for its work, beside FastAPI and drivers alone.

Each round measures every workload at every server, one after the other, so that the
machine's moods meet all alike: the ratios are the result, and the rates belong to the
machine.
"""

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import report
from benchmarks.servers import Database, Measured, Server, serving, shop
from benchmarks.workloads import workloads
from tests.promises import servers as backing
from tests.promises.processes import run
from variants import ROOT, render, snapshot

UV = ROOT / ".venv/bin/uv"
PRODUCTS = 10_000
WARM_UP_SECONDS = 1.0


def main() -> None:
    asked = arguments()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        answers = dict(answer.split("=", 1) for answer in asked.row)
        say("rendering the service and installing its packages")
        rendering = render(snapshot(folder / "strata"), folder / "service", answers)
        run(UV, "sync", "--quiet", "--project", rendering, "--python", sys.executable)
        say("starting its servers")
        urls = stack.enter_context(backing.running(rendering, folder))
        database = Database(rendering, urls)
        database.seed(PRODUCTS)
        servers = stack.enter_context(serving(rendering, folder, urls))
        found = measure(asked, servers, database)
        memory = {name: server.megabytes for name, server in servers.items()}
    table = report.table(found, memory)
    print(table)
    if asked.page:
        asked.page.write_text(report.rewritten(asked.page.read_text(), table))
    if asked.json:
        asked.json.write_text(report.as_json(found, memory))
    if asked.svg:
        asked.svg.write_text(report.as_svg(found))


def measure(
    asked: argparse.Namespace, servers: dict[str, Server], database: Database
) -> report.Results:
    """Every workload at every server, round by round."""
    seconds, rounds = (1.0, 3) if asked.quick else (asked.seconds, asked.rounds)
    chosen = [
        work
        for work in workloads(shop(database, servers["service"]))
        if not asked.only or any(work.name.startswith(word) for word in asked.only)
    ]
    found: report.Results = {work: {} for work in chosen}
    for work in chosen:
        for name in work.asked:
            servers[name].burst(work, WARM_UP_SECONDS, database)
    for number in range(rounds):
        for work in chosen:
            say(f"round {number + 1} of {rounds}: {work.name}")
            for name in sorted(work.asked, reverse=bool(number % 2)):
                once: Measured = servers[name].burst(work, seconds, database)
                found[work].setdefault(name, []).append(once)
    say("")
    return found


def say(words: str) -> None:
    """Show what is done now, where somebody looks on."""
    if sys.stderr.isatty():
        print(f"\r\033[K{words}", end="", file=sys.stderr, flush=True)
    elif words:
        print(words, file=sys.stderr, flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="3 rounds of 1 s")
    parser.add_argument("--rounds", type=int, default=5, help="default: 5")
    parser.add_argument("--seconds", type=float, default=3.0, help="of a burst")
    parser.add_argument("--only", nargs="*", default=[], help="how workloads begin")
    parser.add_argument(
        "--row", nargs="*", default=[], metavar="QUESTION=ANSWER", help="of a variant"
    )
    parser.add_argument("--page", type=Path, help="whose table is to be this one")
    parser.add_argument("--json", type=Path, help="a file for all figures")
    parser.add_argument("--svg", type=Path, help="a file for a plot of the ratios")
    return parser.parse_args()


if __name__ == "__main__":
    main()
