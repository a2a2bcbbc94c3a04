"""`make update`: take the template's newest version, and say what came of it."""

import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from dev.releases import newest_release, release_notes
from dev.template import (
    CONFLICTS,
    COPIER,
    GO_BACK,
    RECORD,
    UV,
    Origin,
    Stopped,
    add_origin,
    git,
    origin_on_record,
    report_files,
    require_clean_tree,
    run,
    show,
    update,
)


def main(options: argparse.Namespace) -> None:
    """Take the template's newest version, or only show it."""
    require_clean_tree()
    given = options.source, options.version
    with origin_on_record(Origin("make update", *given, options.dry_run)):
        _update(options)


def _update(options: argparse.Namespace) -> None:
    release = newest_release(COPIER)
    if not release.is_new:
        print(f"This is the template's newest version: {release.current}.")
        return
    print(f"The template: {release.current} -> {release.latest}\n")
    print(release_notes(release, RECORD), flush=True)
    trust = ["--trust"] if options.trust else []
    if options.dry_run:
        _rehearse(*trust)
    else:
        _take(*trust, check=options.check)


def _take(*trust: str, check: bool) -> None:
    update(Path(), *trust)
    conflicts = _report(Path())
    print(GO_BACK, flush=True)
    if conflicts:
        raise Stopped(CONFLICTS)
    if git("status", "--porcelain", "pyproject.toml"):
        run(UV, "lock")
    if check:
        run("make", "setup", "check")


def _rehearse(*trust: str) -> None:
    """Update a clone, which shows files and conflicts as they would be."""
    top, here = git("rev-parse", "--show-toplevel"), git("rev-parse", "--show-prefix")
    with TemporaryDirectory(prefix="update-") as folder:
        git("clone", "--quiet", "--local", top, folder)
        shutil.copy(RECORD, Path(folder, here))
        update(Path(folder, here), *trust)
        _report(Path(folder, here))
    print("\nNothing has changed here. To take it: make update")


def _report(where: Path) -> list[str]:
    """Show answers and files, and return the files in conflict."""
    record = git("diff-index", "--patch", "-U0", "HEAD", "--", str(RECORD), cwd=where)
    show(
        "Answers that are new or changed", re.findall(r"(?m)^[+-][a-z]\w*: .*$", record)
    )
    return report_files(where)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m dev.update", description=__doc__)
    parser.add_argument("--dry-run", action="store_true", help="change nothing here")
    parser.add_argument("--trust", action="store_true", help="let the template migrate")
    add_origin(parser)
    parser.add_argument(
        "--no-check", dest="check", action="store_false", help="leave out make check"
    )
    return parser.parse_args()


if __name__ == "__main__":
    try:
        main(_options())
    except Stopped as stopped:
        sys.exit(str(stopped))
    except subprocess.CalledProcessError:
        sys.exit("Copier cannot look for a newer version: see above.")
