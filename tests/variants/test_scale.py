"""Variants multiply; what it costs to prove them does not."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import contents, copy, snapshot
from tests.variants.engine import explore
from tests.variants.engine.diagram import leaves
from tests.variants.engine.wide import Wide
from tests.variants.samples import write
from tests.variants.samples.grown import grow
from tests.variants.samples.wide import PORTS, SWITCHES, wide
from tests.variants.variants import Variants

SECONDS = 60
BYTES = 1 << 30
LIKELY = {"redis", "celery", "s3", "jwt", "session"}
# Of each port two lines, which come and go together.
EVERYTHING = """\
{% for port, name in adapters.items() %}
from app.platform.{{ port }} import {{ name }} as {{ port }}
{% endfor %}

{% for port, name in adapters.items() %}
{{ port }}_behind = {{ port }}.Adapter, "{{ name }}"
{% endfor %}
"""
# Runs alone, so that nobody else's memory counts.
VERIFY = """
import json, resource, sys
from pathlib import Path
from tests.variants.report import findings
from tests.variants.variants import Variants

resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[2]), int(sys.argv[2])))
variants = Variants.of(Path(sys.argv[1]))
found = [(each.path, each.reason, each.variants) for each in findings(variants)]
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps([variants.count(), found, used.ru_utime + used.ru_stime]))
"""


def test_ten_billion_variants_are_proven(tmp_path: Path) -> None:
    count, found, seconds = verify(write(wide(), tmp_path / "wide"))

    assert count >= 10**10
    assert not found
    assert seconds <= SECONDS


@pytest.mark.thorough
def test_ten_billion_variants_of_the_template_are_proven(tmp_path: Path) -> None:
    template = snapshot(tmp_path / "grown")
    grow(template, ports=15)

    count, found, seconds = verify(template)

    assert count >= 10**10
    assert not found
    assert seconds <= SECONDS


def test_what_is_taken_by_line_is_found_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = dict.fromkeys(SWITCHES, True) | {
        port: names[0] for port, names in list(PORTS.items())[5:]
    }
    root = write(wide() | {"template/app/everything.py.jinja": EVERYTHING}, tmp_path)
    whole = Variants.of(root, **few)
    monkeypatch.setattr(explore, "LIMIT", 20)
    by_line = Variants.of(root, **few)

    file = by_line.made["app/everything.py"]
    assert any(isinstance(content, Wide) for content in leaves(file.content))
    found, exact = (
        variants.made["app/everything.py"].found(names_in)
        for variants in (by_line, whole)
    )
    assert found.keys() == exact.keys()
    for name, where in exact.items():
        assert by_line.count(found[name]) == whole.count(where), name


def names_in(content: bytes) -> frozenset[str]:
    """Read its words, and whether it has one of several, which most variants have."""
    words = frozenset(re.findall(r"\w+", content.decode()))
    return words | {"likely"} if words & LIKELY else words


def test_a_fault_among_them_is_counted_exactly(tmp_path: Path) -> None:
    template = wide()
    adapter = "template/app/platform/cache/none.py"
    template[adapter] = template[adapter].replace("Adapter", "Adaptor")

    count, found, _ = verify(write(template, tmp_path / "wide"))

    reason = "imports Adapter from app.platform.cache.none, which has no such name"
    assert found == [["app/cache.py", reason, count // 3]]


def test_what_only_a_wide_file_misses_is_counted_exactly(tmp_path: Path) -> None:
    template = wide()
    template["copier.yml"] = template["copier.yml"].replace(
        "- cache_{{ cache }}", "- cash"
    )

    count, found, _ = verify(write(template, tmp_path / "wide"))

    missing = [each for each in found if "imports cache_" in each[1]]
    assert [each[2] for each in missing] == [count // 3] * 2
    assert [
        "pyproject.toml",
        "declares cash, which nothing imports",
        count * 2 // 3,
    ] in found


def test_copier_renders_the_same(tmp_path: Path) -> None:
    variants = Variants.of(write(wide(), tmp_path / "wide"))

    for number, answers in enumerate(variants.sample(10, seed=0)):
        service = copy(tmp_path / "wide", tmp_path / str(number), **answers)
        assert contents(service) == variants.files(answers), answers


def verify(template: Path) -> tuple[int, list[list[object]], float]:
    run = subprocess.run(
        [sys.executable, "-c", VERIFY, str(template), str(BYTES)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    count, found, seconds = json.loads(run.stdout)
    return count, found, seconds
