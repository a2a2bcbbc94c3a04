"""Templates that the verifier is tested on."""

from pathlib import Path

from tests.variants.engine.templating import ANSWERS_FILE

type Template = dict[str, str]


def write(template: Template, folder: Path) -> Path:
    for name, content in template.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    return folder


def contents(service: Path) -> dict[str, bytes]:
    """Every file of a rendering but the answers file, which names the template."""
    return {
        path.relative_to(service).as_posix(): path.read_bytes()
        for path in service.rglob("*")
        if path.is_file() and path.name != ANSWERS_FILE
    }
