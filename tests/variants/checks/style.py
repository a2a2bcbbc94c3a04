"""Are all contents of all variants clean for ruff and formatted, in one run each?"""

import json
import subprocess
import tomllib
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.variants.checks.faults import Fault, found
from tests.variants.checks.syntax import complaints as unreadable
from tests.variants.engine.diagram import Diagram, both
from tests.variants.engine.files import Made
from tests.variants.variants import Variants

PROJECT = "pyproject.toml"

type Layers = dict[str, tuple[Made, bytes]]


def clean(variants: Variants) -> Iterator[Fault]:
    """Files of one path go to folders of their own, each with ruff's settings."""
    for settings, where in configurations(variants):
        with TemporaryDirectory() as folder:
            written = write(variants, settings, Path(folder).resolve())
            for name, reason, detail in complaints(written, Path(folder).resolve()):
                made, content = written[name]
                yield Fault(made.path, reason, both(where, made.where(content)), detail)


def configurations(variants: Variants) -> Iterator[tuple[bytes, Diagram]]:
    """One pyproject.toml for each way in which ruff is set up."""
    if PROJECT not in variants.made:
        return
    made = variants.made[PROJECT]
    alike = {section(PROJECT, content): content for content in made.versions()}
    for settings, where in found(
        made, lambda *file: frozenset({section(*file)})
    ).items():
        if settings:
            yield alike[settings], where


def section(path: str, content: bytes) -> str:
    """How ruff is set up; nothing, where the file cannot be read."""
    if unreadable(path, content):
        return ""
    project = tomllib.loads(content.decode())
    return json.dumps(project.get("tool", {}).get("ruff"), sort_keys=True)


def write(variants: Variants, settings: bytes, folder: Path) -> Layers:
    written: Layers = {}
    python = [made for path, made in variants.made.items() if path.endswith(".py")]
    for number, layer in enumerate(
        zip_longest(*(sorted(each.versions()) for each in python))
    ):
        base = folder / str(number)
        base.mkdir()
        (base / PROJECT).write_bytes(settings)
        for made, content in zip(python, layer, strict=True):
            if content is not None and not unreadable(made.path, content):
                file = base / made.path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)
                written[str(file)] = made, content
    return written


def complaints(written: Layers, folder: Path) -> Iterator[tuple[str, str, str]]:
    checked = ruff(folder, "check", "--no-cache", "--output-format=json")
    for each in json.loads(checked or "[]"):
        line = each["location"]["row"]
        yield (
            each["filename"],
            f"ruff: {each['code']} {each['message']}",
            f"line {line}",
        )
    ruff(folder, "format", "--no-cache")
    for name, (_, content) in written.items():
        if Path(name).read_bytes() != content:
            yield name, "ruff would format it otherwise", ""


def ruff(folder: Path, command: str, *options: str) -> str:
    run = subprocess.run(
        ["ruff", command, *options, "."],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode not in {0, 1}:
        raise RuntimeError(f"ruff {command} does not run: {run.stderr}")
    return run.stdout
