"""Declarations that a user may write, and what a service made of them has to pass."""

import sys
from pathlib import Path

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from reference import types
from tests.conftest import copy
from tests.suites.environment import superset_environment
from tests.suites.rendering import complaint, make

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
        if earlier or kind != "ref"
    ]
    return st.one_of(*kinds, st.just(f"ref({own}) optional"))


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
        "UV_NO_SYNC": "1",
        "UV_PROJECT_ENVIRONMENT": str(superset_environment(python, service.parent)),
        "PYTEST_ADDOPTS": "--no-cov tests/modules tests/architecture",
        "PYTEST_XDIST_AUTO_NUM_WORKERS": "2",
    }
    for step in ("migrations", "check"):
        done = make(step, service, log, python=python, settings=settings)
        assert done, complaint(f"make {step}", answers, log)
