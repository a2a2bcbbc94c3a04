"""Moves a rendered file to its new name with whatever its owner made of it."""

import subprocess
from pathlib import Path


def move(old: str, new: str) -> None:
    """
    Put what is committed under the old name under the new one.

    The release renames the file and changes nothing in it: Copier has rendered the new
    name without the owner's edits and deleted the old one. May run twice.
    """
    edited = _committed(old)
    if edited is None or _committed(new) is not None or not Path(new).exists():
        return
    if Path(new).read_bytes() == edited:
        return
    Path(new).write_bytes(edited)
    Path(old).unlink(missing_ok=True)
    print(f"{old} is now {new}, with your edits.")


def _committed(name: str) -> bytes | None:
    """Read a file of the last commit; the service may be a folder of a repository."""
    show = ["git", "cat-file", "blob", f"HEAD:./{name}"]
    run = subprocess.run(show, capture_output=True, check=False)
    return run.stdout if run.returncode == 0 else None
