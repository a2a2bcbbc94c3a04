"""Write the rows of a service's table of settings, from the code that declares them."""

import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from variants import ROOT, Answers, adapters, choices, render, snapshot

ROWS = ROOT / "includes/settings"
UV = ROOT / ".venv/bin/uv"


def main() -> None:
    for name, rows in collected().items():
        (ROWS / f"{name}.md").write_text("".join(rows))


def collected() -> dict[str, list[str]]:
    """The rows of each section, and of each port's adapter."""
    files: dict[str, list[str]] = {}
    with TemporaryDirectory() as folder:
        template = snapshot(Path(folder, "strata"))
        for number, answers in enumerate(renderings()):
            service = render(template, Path(folder, str(number)), answers)
            run(service, str(UV), "sync", "--quiet", "--python", sys.executable)
            python = str(service / ".venv/bin/python")
            run(service, python, "-m", "app.cli", "settings")
            page = (service / "docs/settings.md").read_text()
            files |= by_section(page, recorded(service))
    return files


def renderings() -> Iterator[Answers]:
    """The defaults, and beside them each other adapter, and what has settings too."""
    yield {}
    for port in adapters():
        for adapter in choices()[port]:
            yield {port: adapter}
    yield {"identity": "jwt", "webhooks": True}


def run(service: Path, *command: str) -> None:
    subprocess.run(command, cwd=service, check=True)


def recorded(service: Path) -> Answers:
    return yaml.safe_load((service / ".copier-answers.yml").read_text())


def by_section(page: str, answers: Answers) -> dict[str, list[str]]:
    """Name a port's section by its adapter: `cache-redis`."""
    sections = defaultdict(list)
    for section, row in rows(page):
        adapter = answers.get(section)
        name = f"{section}-{adapter}" if isinstance(adapter, str) else section
        slug = f"`{answers['project_slug']}`"
        sections[name].append(row.replace(slug, "`{{ project_slug }}`"))
    return sections


def rows(page: str) -> Iterator[tuple[str, str]]:
    for line in page.splitlines(keepends=True):
        if line.startswith("| `"):
            variable = line.split("`")[1]
            section, nested, _ = variable.partition("__")
            yield section.lower() if nested else "service", line


if __name__ == "__main__":
    main()
