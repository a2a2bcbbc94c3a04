"""What has to be true in every variant."""

from tests.variants.checks import (
    compose,
    defaults,
    dependencies,
    environment,
    imports,
    metrics,
    ownership,
    paths,
    ports,
    schemas,
    sources,
    style,
    syntax,
    targets,
    words,
)
from tests.variants.checks.faults import Check, Fault

ALL: tuple[Check, ...] = (
    sources.owners,
    sources.rendering,
    sources.unused,
    sources.idle_questions,
    ownership.shared,
    ownership.kept,
    syntax.parsed,
    syntax.tags,
    imports.resolved,
    imports.named_in_strings,
    imports.run_by_name,
    dependencies.declared,
    dependencies.used,
    schemas.met,
    compose.depends,
    compose.volumes,
    paths.required,
    paths.mentioned,
    environment.agreed,
    environment.read,
    environment.spelled,
    defaults.repeated,
    targets.made,
    ports.kept,
    metrics.written,
    words.traces,
    style.clean,
)

__all__ = ["ALL", "Check", "Fault"]
