"""A small template with everything that Copier can do to a path or to a text."""
# ruff: noqa: E501 - templates are quoted as they are

from tests.variants.samples import Template

COPIER = """\
_min_copier_version: "9.19"
_subdirectory: template
_envops:
  undefined: jinja2.StrictUndefined
  trim_blocks: true
  lstrip_blocks: true
  keep_trailing_newline: true
_skip_if_exists: [kept.lock]
_exclude:
  - |
    {% for name in parts.keys() if not parts[name] %}
    {{ name }}.py
    {% endfor %}
  - "{% if store != 'disk' %}docs/disk.md{% endif %}"
name:
  type: str
  default: Odd Shop
store:
  type: str
  choices: [none, memory, disk]
  default: memory
size:
  type: int
  choices: {small: 1, large: 2}
  default: 1
  when: "{{ store != 'none' }}"
regions:
  type: str
  multiselect: true
  choices: [north, south, west]
  default: [north]
  when: "{{ store == 'disk' }}"
speed:
  type: str
  choices:
    slow: slow
    fast:
      value: fast
      validator: "{% if store == 'disk' %}A disk is not fast.{% endif %}"
  default: slow
loud:
  type: bool
  default: "{{ store == 'memory' }}"
greeting:
  type: str
  default: "Hello from {{ name }}"
parts:
  type: yaml
  when: false
  default: "{{ dict(cache=store == 'memory', horn=loud) }}"
modules:
  type: yaml
  when: false
  default: "{{ (regions if store == 'disk' else []) + (['horn'] if loud else []) }}"
"""

ODD: Template = {
    "copier.yml": COPIER,
    "includes/none.txt": "Nothing is kept.\n",
    "includes/memory.txt": "{{ name }} forgets.\n",
    "includes/disk.txt": "{% for region in regions %}- {{ region }} of {{ name }}\n{% endfor %}",
    "includes/shout.jinja": "{% macro shout(word) %}{{ word | upper if loud else word }}{% endmacro %}",
    "template/shop/__init__.py": "",
    "template/shop/cache.py": "CACHE = 1\n",
    "template/shop/horn.py": "HORN = 2\n",
    "template/docs/index.md": "Two pages.\n",
    "template/kept.lock": "as it is {{ here }}\n",
    "template/docs/disk.md": "A disk.\n",
    "template/notes.txt": "A sibling takes its place.\n",
    "template/notes.txt.jinja": "Size {{ size }}.\n{% include 'includes/' ~ store ~ '.txt' %}",
    "template/loud.txt.jinja": (
        "{% from 'includes/shout.jinja' import shout with context %}{{ shout(greeting) }}\n"
    ),
    "template/{% yield module from modules %}{{ module }}{% endyield %}/about.txt.jinja": (
        "{{ module }}, {{ speed }}\n"
    ),
    "template/{% if speed == 'fast' %}fast{% endif %}/engine.txt": "Vroom.\n",
    "template/set.txt.jinja": (
        "{% set big = size == 2 %}{% if big and loud %}big and loud{% else %}modest{% endif %}\n"
    ),
    "template/{{ _copier_conf.answers_file }}.jinja": "{{ _copier_answers | to_nice_yaml }}",
}
