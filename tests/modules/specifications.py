"""Declarations that a user may write, and what a service made of them has to pass."""

import re
import sys
from itertools import combinations
from pathlib import Path

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from reference import types
from tests.conftest import copy
from tests.suites.environment import superset_environment
from tests.suites.rendering import complaint, make
from tests.suites.rows import mypy_cache
from variants import ROOT

SUITES = ROOT / "build/suites"

type Fields = dict[str, str]
type Declared = dict[str, Fields]

# Of every shape that a name may have, up to the longest.
MODULES = """
    cats categories_of_goods boxes2/box2 houses people/person staff/clerk status_words
    ab_c_words abcdefghijklmnopqrts mms ships berths harbours cargoes crews ports routes
    stops tolls fees ferries bridges canals locks pilots tides charts buoys anchors
    cranes customs_offices lines2_of_ships quays docks
"""
FIELDS = """
    name code due is_open note line1 line2 order user abcdefghijklmnopqrstuvwx value key
    status type total_minor_units group self_rating data kind text url email count
    number
"""
KINDS = types()
COLLECTIONS = "labels watchers abcdefghijklmnopqrstuvws"
# What is said of fields that are there, and what has a plural.
RULES = ("unique", "check", "many", "shared")
NUMBERS = ("int", "decimal", "money")
DEFAULTS = {"str": "x", "int": "-7", "bool": "true", "enum": ""}
VALUES = "open paid-late on_hold v2 a none abcdefghijklmnopqrstuvwxyz012345"


@st.composite
def declarations(draw: st.DrawFn, modules: int = 3) -> Declared:
    """Draw modules, each of which may refer to those before it and to itself."""
    plurals = st.sampled_from(MODULES.split())
    columns = st.sampled_from(FIELDS.split())
    names = draw(st.lists(plurals, min_size=modules, unique=True))
    declared: Declared = {}
    for name in names[:modules]:
        plural = name.partition("/")[0]
        earlier = [each.partition("/")[0] for each in declared]
        fields = draw(st.lists(columns, min_size=1, max_size=8, unique=True))
        declared[name] = {
            field: draw(specifications(earlier, plural)) for field in fields
        }
        free = [field for field in FIELDS.split() if field not in fields]
        said = zip(free, draw(rules(declared[name])), strict=False)
        declared[name] |= dict(said) | draw(collections(earlier))
    return declared


def specifications(earlier: list[str], own: str) -> st.SearchStrategy[str]:
    """Draw what a field holds: a type, what it takes, and flags that it can have."""
    listed = st.lists(st.sampled_from(VALUES.split()), min_size=1, unique=True)
    taking = {
        "str": st.integers(1, 255).map("str({})".format),
        "decimal": decimals(),
        "enum": listed.map(lambda values: f"enum({', '.join(values)})"),
        "ref": st.sampled_from(earlier).map("ref({})".format),
    }
    kinds = [
        flagged(taking.get(kind, st.just(kind)), known["flags"], kind)
        for kind, known in KINDS.items()
        if kind not in RULES and (earlier or kind != "ref")
    ]
    return st.one_of(*kinds, st.just(f"ref({own}) optional"))


def collections(earlier: list[str]) -> st.SearchStrategy[Fields]:
    held = st.sampled_from(earlier or [""]).map("many({})".format)
    return st.dictionaries(
        st.sampled_from(COLLECTIONS.split()), held, max_size=2 if earlier else 0
    )


@st.composite
def rules(draw: st.DrawFn, fields: Fields) -> list[str]:
    """Draw what must hold between fields, and between fields and numbers."""
    said = {name: spec.partition(" ") for name, spec in fields.items()}
    kinds = {name: re.split(r"\W", spec)[0] for name, spec in fields.items()}
    able = [
        name
        for name, kind in kinds.items()
        if "indexed" in KINDS[kind]["flags"] and "unique" not in fields[name].split()
    ]
    many = [name for name in able if kinds[name] not in {"bool", "enum"}]
    found = []
    if many and len(able) > 1:
        both = sorted({many[0], draw(st.sampled_from(able)), able[0], able[-1]})
        found.append(f"unique({', '.join(both)})")
    numbers = [name for name in fields if name in kinds and kinds[name] in NUMBERS]
    found += [f"check({name} {draw(compared(fields[name]))})" for name in numbers]
    pairs = [
        f"check({name} <= {other})"
        for name, other in combinations(fields, 2)
        if "compared" in KINDS[kinds[name]]
        and "less" in KINDS[kinds[name]]["compared"]
        and said[name][0] == said[other][0]
        and "=" not in fields[name] + fields[other]
    ]
    found += [*pairs[:1], "shared"]
    return draw(st.lists(st.sampled_from(found), unique=True))


def compared(spec: str) -> st.SearchStrategy[str]:
    """Draw with what a number is compared: such that it leaves room for many."""
    if spec.startswith("money"):
        return st.sampled_from(["> 0", ">= 10", "<= 100000"])
    if spec.startswith("int"):
        return st.sampled_from([">= -7", "<= 999", *["> 0"] * ("=" not in spec)])
    digits, decimals = map(int, re.findall(r"\d+", spec)[:2])
    small = digits > decimals and "unique" not in spec.split()
    return st.sampled_from(["> 0", *["< 1"] * small])


@st.composite
def decimals(draw: st.DrawFn) -> str:
    digits = draw(st.integers(1, 38))
    return f"decimal({digits}, {draw(st.integers(0, digits))})"


@st.composite
def flagged(
    draw: st.DrawFn, specification: st.SearchStrategy[str], flags: list[str], kind: str
) -> str:
    chosen = draw(st.lists(st.sampled_from(flags), unique=True))
    words = [draw(specification), *chosen]
    if kind in DEFAULTS and not {"optional", "unique"} & {*chosen}:
        # The first value of an enumeration, or whatever any of the type can have.
        default = DEFAULTS[kind] or words[0].partition("(")[2].split(",")[0].strip(")")
        words += draw(st.sampled_from([[], ["=", default]]))
    return " ".join(words)


def drawn(number: int, *, modules: int) -> list[Declared]:
    """Draw so many declarations; none is smaller for having been shrunk."""
    found: list[Declared] = []

    @settings(
        max_examples=number, phases=(Phase.generate,), database=None, deadline=None
    )
    @given(declarations(modules))
    def keep(declared: Declared) -> None:
        found.append(declared)

    keep()
    return found


def check(template: Path, service: Path, *, declared: Declared) -> None:
    """Render a service with these modules, write its migrations, and check it."""
    answers = {"example": False, "tasks": "inline", "modules": declared}
    copy(template, service, **answers)
    log = service.parent / "log"
    python = Path(sys.executable).resolve()
    settings = {
        "MYPY_CACHE_DIR": str(mypy_cache(SUITES)),
        "UV_NO_SYNC": "1",
        "UV_PROJECT_ENVIRONMENT": str(superset_environment(python, SUITES)),
        "PYTEST_ADDOPTS": "--no-cov tests/modules tests/architecture",
        "PYTEST_XDIST_AUTO_NUM_WORKERS": "2",
    }
    for step in ("migrations", "check"):
        done = make(step, service, log, python=python, settings=settings)
        assert done, complaint(f"make {step}", answers, log)
