"""`python scripts/release.py v1.2.0`: print what the changelog says of a version.

Refuses a tag that is not the version of pyproject.toml, and one without an entry.
"""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def notes(version: str, changelog: str) -> str:
    """Cut out the entry of a version: what stands between its heading and the next."""
    entry = re.search(
        rf"^## {re.escape(version)}\b[^\n]*\n(.*?)(?=^## |\Z)",
        changelog,
        re.MULTILINE | re.DOTALL,
    )
    if entry is None or not entry[1].strip():
        sys.exit(f"CHANGELOG.md has no entry for {version}.")
    return entry[1].strip()


def main(tag: str) -> None:
    version = tag.removeprefix("v")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    if project["version"] != version:
        sys.exit(f"{tag} is tagged, but pyproject.toml says {project['version']}.")
    print(notes(version, (ROOT / "CHANGELOG.md").read_text()))


if __name__ == "__main__":
    main(*sys.argv[1:])
