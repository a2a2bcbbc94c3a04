"""Faults in what Python, and its linter, read."""

from tests.edits import append, replace
from tests.variants.samples.faults.injected import Injected

PYTHON = [
    Injected(
        "an import of no module",
        append("template/app/api.py.jinja", "from app.platform.nowhere import here\n"),
        "app/api.py",
        r"imports app\.platform\.nowhere",
    ),
    Injected(
        "an import of no name",
        append(
            "template/app/api.py.jinja", "from app.platform.errors import Nothing\n"
        ),
        "app/api.py",
        "imports Nothing from",
    ),
    Injected(
        "an import of what was declined",
        append(
            "template/app/api.py.jinja",
            "from app.platform.cache.redis import RedisCache\n",
        ),
        "app/api.py",
        r"imports app\.platform\.cache\.redis",
        sometimes=True,
    ),
    Injected(
        "a developer's package in production",
        append("template/app/api.py.jinja", "import pytest\n"),
        "app/api.py",
        "imports pytest, which",
    ),
    Injected(
        "a file that Python cannot read",
        append("template/app/platform/events.py", "def of(:\n"),
        "app/platform/events.py",
        "cannot be parsed",
    ),
    Injected(
        "a file that Python cannot read in one combination",
        append("template/app/api.py.jinja", "{{ '(' if not example }}\n"),
        "app/api.py",
        "cannot be parsed",
        sometimes=True,
    ),
    Injected(
        "a name that Python does not know",
        append(
            "template/app/platform/events.py",
            "\n\ndef now() -> str:\n    return later()\n",
        ),
        "app/platform/events.py",
        "F821",
    ),
    Injected(
        "an import that only some variants use",
        replace(
            "template/app/api.py.jinja",
            "router = Router(",
            "{{ 'import json\n' if not example }}router = Router(",
        ),
        "app/api.py",
        "F401",
        sometimes=True,
    ),
    Injected(
        "a file that the formatter would change",
        append("template/app/platform/events.py", "HERE = { 'a':1 }\n"),
        "app/platform/events.py",
        "would format",
    ),
]
