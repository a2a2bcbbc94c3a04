"""Put the template's newest version on a branch and push it, for others to review.

`python -m dev.propose BRANCH NOTES [--push-option=...]`: what `make update` says goes
to the file NOTES. Conflicts are committed as they are, with their markers.
"""

import subprocess
import sys
from pathlib import Path

from dev.template import Stopped, git


def main(branch: str, notes: Path, *push_options: str) -> None:
    """Leave nothing behind when nothing is new, or when the update was refused."""
    git("switch", "--quiet", "--force-create", branch)
    code = _update(notes)
    print(notes.read_text(), flush=True)
    if not git("status", "--porcelain"):
        sys.exit(code)
    git("add", "--all")
    git("commit", "--quiet", "--message=Update from the template")
    git("push", "--quiet", "--force", *push_options, "origin", branch)


def _update(notes: Path) -> int:
    command = [sys.executable, "-m", "dev.update", "--no-check"]
    with notes.open("w") as output:
        run = subprocess.run(
            command, stdout=output, stderr=subprocess.STDOUT, check=False
        )
    return run.returncode


if __name__ == "__main__":
    try:
        main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])
    except Stopped as stopped:
        sys.exit(str(stopped))
