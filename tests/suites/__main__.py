"""`python -m tests.suites`: run the generated suites on rows of a covering array."""

import argparse
import os
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from functools import partial
from pathlib import Path
from threading import Lock

from tests.suites import pythons, rendering
from tests.suites.array import STRENGTHS, commit, committed, rows_for, rows_of
from tests.suites.environment import Servers
from tests.suites.rows import Isolated, Outcome, Row, Shared, run
from tests.variants.variants import Variants
from variants import ROOT, Answers, render, snapshot

FOLDER = ROOT / "build/suites"
# Copier changes the working directory, which belongs to all threads.
rendering_one = Lock()


def main() -> int:
    options = parse()
    if options.write:
        template = snapshot(fresh(FOLDER / "template"))
        variants = Variants.of(template)
        every = rows_of(variants)
        for strength in STRENGTHS:
            rows = rows_for(every, strength, variants.space)
            print(f"{commit(rows, strength)}: {len(rows)} rows")
        return 0
    if options.python and pythons.find(options.python) is None:
        sys.exit(f"No Python {options.python} was found.")
    rows = list(pick(committed(options.strength), options))
    if not rows:
        sys.exit("No row is picked: see --help.")
    return report(run_all(rows, options), total=len(rows))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.suites", description=__doc__.split(": ")[1]
    )
    option = parser.add_argument
    option("--strength", type=int, choices=STRENGTHS, default=2, help="tuples covered")
    option("--row", type=int, help="run one row, by its number")
    option("--shard", type=shard, default=(1, 1), help="run one part of many: 3/8")
    option(
        "-k", dest="word", default="", help="run the rows that have this: cache=none"
    )
    option("--python", help="run the rows that this Python can, on it: 3.14")
    option("--jobs", type=int, default=os.cpu_count(), help="rows at the same time")
    option("--isolated", action="store_true", help="an environment for each row")
    option("--write", action="store_true", help="write the arrays anew and end")
    return parser.parse_args()


def shard(text: str) -> tuple[int, int]:
    part, _, parts = text.partition("/")
    if not (part.isdigit() and parts.isdigit() and 1 <= int(part) <= int(parts)):
        raise argparse.ArgumentTypeError(f"{text!r} is not like 3/8")
    return int(part), int(parts)


def pick(array: Sequence[Answers], options: argparse.Namespace) -> Iterator[Row]:
    part, parts = options.shard
    for number, answers in enumerate(array, start=1):
        row = Row(number, answers)
        asked_for = options.row in {None, number} and options.word in str(row)
        if (
            asked_for
            and runs_on(options.python, row)
            and number % parts == part % parts
        ):
            yield row


def runs_on(python: str | None, row: Row) -> bool:
    """Say whether a Python is new enough; `None` is the one that the row asks for."""
    if python is None:
        return True
    needed, offered = (
        [int(part) for part in version.split(".")]
        for version in (row.answers["python_version"], python)
    )
    return needed <= offered


def run_all(rows: Sequence[Row], options: argparse.Namespace) -> Iterator[Outcome]:
    """Yield each as it ends: what goes wrong in one leaves the others alone."""
    template = snapshot(fresh(FOLDER / "template"))
    with (
        Servers.open(fresh(FOLDER / "servers")) as servers,
        ThreadPoolExecutor(options.jobs, thread_name_prefix="row") as pool,
    ):
        mode = Isolated() if options.isolated else Shared(FOLDER, servers)
        render_row = partial(render_alone, template)
        where = {"folder": FOLDER, "python": options.python}
        take = partial(run, mode=mode, render=render_row, **where)
        futures = {pool.submit(take, row): row for row in rows}
        try:
            for future in as_completed(futures):
                yield outcome(future, futures[future])
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            rendering.stop()


def render_alone(template: Path, into: Path, answers: Answers) -> Path:
    with rendering_one:
        return render(template, into, answers)


def fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def outcome(future: Future[Outcome], row: Row) -> Outcome:
    if error := future.exception():
        log = FOLDER / f"{row.number:03}" / "log"
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(f"{type(error).__name__}: {error}\n")
        return Outcome(row, log, 0, "copier copy")
    return future.result()


def report(outcomes: Iterator[Outcome], total: int) -> int:
    """Say how it goes; return how many rows failed, for the exit code."""
    begin = time.monotonic()
    failures = []
    for done, ended in enumerate(outcomes, start=1):
        if ended.failed:
            failures.append(ended)
        left = (time.monotonic() - begin) / done * (total - done)
        say(ended, f"{done}/{total}, {len(failures)} failed, {left:.0f} s left")
    for failure in failures:
        what = rendering.complaint(failure.failed, failure.row.answers, failure.log)
        print(f"\nrow {failure.row}\n{what}")
    seconds = time.monotonic() - begin
    print(f"{total - len(failures)} of {total} rows passed in {seconds:.0f} s")
    return min(len(failures), 1)


def say(ended: Outcome, progress: str) -> None:
    result = f"FAILED at {ended.failed}: {ended.log}" if ended.failed else "passed"
    line = f"[{progress}] {result} in {ended.seconds:.0f} s: {ended.row}"
    print(line, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("Stopped; what was started has been ended.")
