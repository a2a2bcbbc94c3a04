"""Faults in what other programs read."""

from tests.edits import append, replace
from tests.variants.samples.faults.injected import Injected

FORMATS = [
    Injected(
        "a broken TOML file",
        append("template/pyproject.toml.jinja", "x = \n"),
        "pyproject.toml",
        "cannot be parsed",
    ),
    Injected(
        "a broken JSON file",
        append("template/ops/monitoring/grafana/dashboards/api.json", "}\n"),
        "ops/monitoring/grafana/dashboards/api.json",
        "cannot be parsed",
        sometimes=True,
    ),
    Injected(
        "a broken YAML file",
        append("includes/compose/postgres.yaml", "  x: [\n"),
        "compose.yaml",
        "cannot be parsed",
    ),
    Injected(
        "a key that is there twice",
        append("template/compose.yaml.jinja", "volumes: {}\n"),
        "compose.yaml",
        "volumes is there twice",
    ),
    Injected(
        "a Compose file that Compose refuses",
        replace("includes/compose/postgres.yaml", "image:", "imagge:"),
        "compose.yaml",
        "is not a compose-spec file",
    ),
    Injected(
        "a dependency on a service that was declined",
        replace(
            "includes/compose/process.yaml",
            "    depends_on:\n",
            "    depends_on:\n      worker: {condition: service_started}\n",
        ),
        "compose.yaml",
        "depends on the service worker",
        sometimes=True,
    ),
    Injected(
        "a volume that is not declared",
        replace("includes/compose/postgres.yaml", '["postgres:/', '["postgress:/'),
        "compose.yaml",
        "mounts the volume postgress",
    ),
    Injected(
        "a workflow that GitHub refuses",
        replace("template/.github/workflows/ci.yml", "runs-on:", "run-on:"),
        ".github/workflows/ci.yml",
        "is not a github-workflows file",
        sometimes=True,
    ),
    Injected(
        "a pipeline that GitLab refuses",
        replace("template/.gitlab-ci.yml.jinja", "  script:\n", "  scripts:\n"),
        ".gitlab-ci.yml",
        "is not a gitlab-ci file",
        sometimes=True,
    ),
    Injected(
        "a Dockerfile with a typo",
        replace("template/Dockerfile.jinja", "\nWORKDIR ", "\nWORKDIRR "),
        "Dockerfile",
        "WORKDIRR is not an instruction",
    ),
]
