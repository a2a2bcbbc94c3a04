"""A template in strata's style with far more variants than can be walked."""
# ruff: noqa: E501 - templates are quoted as they are

from tests.variants.samples import Template

PORTS = {
    "cache": ["none", "redis", "memcached"],
    "tasks": ["inline", "celery", "dramatiq"],
    "broker": ["none", "redis", "rabbitmq", "sqs"],
    "identity": ["none", "jwt", "session", "oidc"],
    "storage": ["local", "s3", "blob"],
    "streams": ["none", "kafka", "sqs", "pubsub"],
    "documents": ["none", "mongodb", "dynamodb"],
    "secrets": ["environment", "ssm", "vault"],
    "flags": ["none", "file", "remote"],
    "telemetry": ["none", "opentelemetry", "statsd"],
}
SWITCHES = [
    *("example", "gateway", "admin", "webhooks", "audit", "shipping", "replica"),
    *("search", "exports", "uploads", "events", "sagas", "tenants", "limits"),
    *("sessions", "reports", "imports"),
]
SETTINGS = """\
_min_copier_version: "9.19"
_subdirectory: template
_envops:
  undefined: jinja2.StrictUndefined
  trim_blocks: true
  lstrip_blocks: true
  keep_trailing_newline: true
_exclude:
  - |
    {% for port, chosen in (adapters | default({})).items() %}
    {% for name in choices[port] if name != chosen %}
    app/platform/{{ port }}/{{ name }}.py
    {{ port }}-{{ name }}.*
    {% endfor %}
    {% endfor %}
    {% for name in owners | default([]) if name not in parts | default([]) %}
    {{ name }}
    {{ name }}.*
    {% endfor %}
choices:
  type: yaml
  when: false
  default: |
"""


def wide() -> Template:
    """Each port has adapters, a seam, a page and a Compose file; each switch a folder."""
    template = {
        "copier.yml": "".join([SETTINGS, *_choices(), *_questions(), *_computed()])
    }
    template |= {
        "template/pyproject.toml.jinja": PROJECT,
        "template/app/__init__.py": "",
    }
    template |= {"template/app/platform/__init__.py": ""}
    for port, names in PORTS.items():
        template[f"template/app/{port}.py.jinja"] = _seam(port)
        template[f"template/app/platform/{port}/__init__.py"] = ""
        for name in names:
            template[f"template/app/platform/{port}/{name}.py"] = _adapter(port, name)
            template[f"template/docs/{port}-{name}.md"] = (
                f"# {name}\n\n[seam](../app/{port}.py)\n"
            )
    for switch in SWITCHES:
        template[f"template/app/{switch}/__init__.py"] = ""
        template[f"template/app/{switch}/api.py"] = f'"""{switch}."""\n'
    return template


PROJECT = """\
[project]
name = "wide"
version = "1"
dependencies = [
{% for requirement in requirements | sort %}
  "{{ requirement }}",
{% endfor %}
]
"""


def _choices() -> list[str]:
    return [f"    {port}: {names}\n" for port, names in PORTS.items()]


def _questions() -> list[str]:
    ports = [
        f'{port}:\n  type: str\n  choices: "{{{{ choices.{port} }}}}"\n  default: {names[0]}\n'
        for port, names in PORTS.items()
        if port != "broker"
    ]
    broker = (
        "broker:\n  type: str\n  when: \"{{ tasks != 'inline' }}\"\n"
        "  choices: \"{{ choices.broker[1:] if tasks != 'inline' else ['none'] }}\"\n"
        "  default: \"{{ 'redis' if tasks != 'inline' else 'none' }}\"\n"
    )
    switches = [f"{switch}:\n  type: bool\n  default: true\n" for switch in SWITCHES]
    return [*ports, broker, *switches]


def _computed() -> list[str]:
    adapters = ", ".join(f"{port}={port}" for port in PORTS)
    parts = " + ".join(f"(['{switch}'] if {switch} else [])" for switch in SWITCHES)
    needs = "\n".join(
        f"    {{% if {port} != '{names[0]}' %}}\n    - {port}_{{{{ {port} }}}}\n    {{% endif %}}"
        for port, names in PORTS.items()
    )
    return [
        f'adapters:\n  type: yaml\n  when: false\n  default: "{{{{ dict({adapters}) }}}}"\n',
        f'owners:\n  type: yaml\n  when: false\n  default: "{{{{ {SWITCHES} }}}}"\n',
        f'parts:\n  type: yaml\n  when: false\n  default: "{{{{ {parts} }}}}"\n',
        f"requirements:\n  type: yaml\n  when: false\n  default: |\n{needs}\n",
    ]


def _seam(port: str) -> str:
    return f"from app.platform.{port}.{{{{ {port} }}}} import Adapter\n\nadapter = Adapter()\n"


def _adapter(port: str, name: str) -> str:
    needed = f"import {port}_{name}\n\n\n" if name != PORTS[port][0] else ""
    used = f"\n\n    library = {port}_{name}" if needed else ""
    return f'{needed}class Adapter:\n    """{name}."""{used}\n'
