"""Faults in the questions, and in what a template makes of the answers."""

from tests.edits import append, both, replace, write
from tests.variants.samples.faults.injected import Injected

QUESTIONS = [
    Injected(
        "a question that changes nothing",
        append("questions/extras.yml", "\nidle:\n  type: bool\n  default: false\n"),
        "copier.yml",
        "idle changes no file",
    ),
    Injected(
        "a wrong condition",
        replace(
            "questions/computed.yml",
            "rabbitmq: [dev/rabbitmq.py,",
            "rabbitmq: [app/platform/outbox, dev/rabbitmq.py,",
        ),
        "app/relay.py",
        r"imports app\.platform\.outbox",
        sometimes=True,
    ),
    Injected(
        "a dependency that is missing in one combination",
        replace(
            "questions/computed.yml",
            'cache-redis: ["redis[hiredis]',
            'cache-ready: ["redis[hiredis]',
        ),
        "app/platform/cache/redis.py",
        "imports redis, which pyproject.toml does not declare",
        sometimes=True,
    ),
    Injected(
        "a dependency that nothing needs",
        replace(
            "questions/computed.yml", "- alembic>=", "- tornado>=6\n      - alembic>="
        ),
        "pyproject.toml",
        "declares tornado, which nothing imports",
    ),
    Injected(
        "a plugin that is not there",
        replace(
            "questions/computed.yml",
            "- fixtures.service",
            "- fixtures.post",
        ),
        "tests/conftest.py",
        r'names "tests\.fixtures\.post"',
    ),
    Injected(
        "a process that is not there",
        replace(
            "questions/computed.yml",
            "command: python -m app.relay",
            "command: python -m app.relai",
        ),
        "dev/servers.py",
        r"runs app\.relai",
        sometimes=True,
    ),
    Injected(
        "a file that no variant has",
        both(
            replace(
                "questions/computed.yml",
                "    catalog: [app/modules",
                "    ghost: [app/ghost.py]\n    catalog: [app/modules",
            ),
            write("template/app/ghost.py", '"""Never seen."""\n'),
        ),
        "app/ghost.py",
        "in no variant",
    ),
]

TEMPLATES = [
    Injected(
        "two owners of one path",
        write(
            "template/app/{% if cache == 'none' %}main.py{% endif %}",
            '"""Another."""\n',
        ),
        "app/main.py",
        "is made by both",
        sometimes=True,
    ),
    Injected(
        "a typo in a variable",
        replace(
            "template/app/composition.py.jinja",
            "sort if telemetry ==",
            "sort if telemtry ==",
        ),
        "app/composition.py",
        "'telemtry' is undefined",
    ),
    Injected(
        "a variable that only some answers define",
        append(
            "template/README.md.jinja", "{% if cache == 'none' %}{{ why }}{% endif %}\n"
        ),
        "README.md",
        "'why' is undefined",
        sometimes=True,
    ),
    Injected(
        "a tag in a file that is not rendered",
        append("template/AGENTS.md", "\nThe cache is {{ cache }}.\n"),
        "AGENTS.md",
        "still has the tag cache",
    ),
    Injected(
        "a word of a declined option",
        append("template/docs/howto/database.md", "\nAs in Redis.\n"),
        "docs/howto/database.md",
        'says "redis"',
        sometimes=True,
    ),
]
