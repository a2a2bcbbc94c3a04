"""Faults in what a file says about others."""

from tests.edits import append, replace
from tests.variants.samples.faults.injected import Injected

PLACES = [
    Injected(
        "a link to a page that is gone",
        append("template/README.md.jinja", "[more](docs/gone.md)\n"),
        "README.md",
        r"needs docs/gone\.md",
    ),
    Injected(
        "a link to a page of a declined option",
        append("template/AGENTS.md", "[more](docs/runbooks/outbox.md)\n"),
        "AGENTS.md",
        r"needs docs/runbooks/outbox\.md",
        sometimes=True,
    ),
    Injected(
        "a stale path in prose",
        append("template/AGENTS.md", "\nSee `app/platform/old/place.py`.\n"),
        "AGENTS.md",
        r"mentions app/platform/old/place\.py",
    ),
    Injected(
        "a stale path in a command",
        append("template/Makefile", "\t$(RUN) pytest tests/gone/now\n"),
        "Makefile",
        "mentions tests/gone/now",
    ),
    Injected(
        "a COPY of what is not there",
        replace("template/Dockerfile.jinja", "COPY app app", "COPY application app"),
        "Dockerfile",
        "needs application",
    ),
    Injected(
        "a mounted folder that is not there",
        replace(
            "template/ops/monitoring/compose.yaml.jinja",
            "./grafana/dashboards:",
            "./grafana/boards:",
        ),
        "ops/monitoring/compose.yaml",
        "needs ops/monitoring/grafana/boards",
        sometimes=True,
    ),
    Injected(
        "a variable that no settings declare",
        append("template/.env.example.jinja", "DATABASE__POOOL_SIZE=5\n"),
        ".env.example",
        "sets DATABASE__POOOL_SIZE",
    ),
    Injected(
        "a variable of a declined adapter",
        append("includes/compose/mail.yaml", "# CACHE__URL\n"),
        "compose.yaml",
        "sets CACHE__URL",
        sometimes=True,
    ),
]
