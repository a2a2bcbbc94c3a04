"""Templates that the verifier is tested on."""

from pathlib import Path

type Template = dict[str, str]


def write(template: Template, folder: Path) -> Path:
    for name, content in template.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    return folder
