"""The template as it is here, and what Copier makes of it."""

import re
import shutil
import subprocess
from pathlib import Path

import copier
import yaml

ROOT = Path(__file__).resolve().parent.parent
SWITCH = ("true", "false")
# As the refusal of an answer to a question that is skipped says it.
CONDITION = re.compile(r"is asked only when (\w+) is (not )?(\w+)\.")

type Answers = dict[str, object]


def choices() -> dict[str, str | list[str]]:
    """What each question accepts: a list of answers, or the name of a rule."""
    return {
        name: accepted if isinstance(accepted, str) else list(accepted)
        for name, accepted in menus().items()
    }


def menus() -> dict[str, str | dict[str, str]]:
    """What each question accepts: answers with what they bring, or a rule's name."""
    questions = yaml.safe_load((ROOT / "questions/choices.yml").read_text())
    return yaml.safe_load(questions["choices"]["default"])


def adapters() -> list[str]:
    """The ports behind which there is a choice."""
    questions = yaml.safe_load((ROOT / "questions/ports.yml").read_text())
    return [name for name in questions if isinstance(menus().get(name), dict)]


def conditions() -> dict[str, list[tuple[str, str, str]]]:
    """Questions that are asked only beside answers of others, or "not " those."""
    found: dict[str, list[tuple[str, str, str]]] = {}
    for file in sorted(ROOT.glob("questions/*.yml")):
        for name, question in yaml.safe_load(file.read_text()).items():
            if name != "_exclude" and (said := CONDITION.findall(str(question))):
                found[name] = said
    return found


def snapshot(into: Path) -> Path:
    """Copy the template as a plain folder: what Git tracks, and what it is about to."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, into / name)
    return into


def render(
    template: Path, into: Path, answers: Answers, *, version: str | None = None
) -> Path:
    """Render through Copier's API, as a stranger would: no trust, no settings."""
    copier.run_copy(
        str(template),
        into,
        data=answers,
        defaults=True,
        quiet=True,
        settings=copier.Settings(),
        unsafe=False,
        vcs_ref=version,
    )
    return into
