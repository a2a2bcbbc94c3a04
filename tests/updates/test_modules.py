"""A service whose modules are declared: they come, grow and go."""

import re
import sys
from functools import partial
from pathlib import Path

import pytest

from tests.conftest import copy
from tests.edits import append, replace, write
from tests.updates.commands import (
    COPIER,
    go_back,
    make_module,
    make_module_by_hand,
)
from tests.updates.projects import (
    answers_of,
    committed,
    conflicts,
    project,
    status,
    told,
    tree,
    update,
)
from tests.updates.test_owner import shared_environment, typed

CUSTOMERS = {"name": "str(200) searchable", "email": "email unique"}
INVOICES = {"number": "str(32) unique", "customer": "ref(customers)"}
LATER = {"due": "date optional indexed", "amount": "money optional"}
SERVICE = "app/modules/invoices/service.py"
MIGRATIONS = "tests/architecture/test_migrations.py"
RULE = """
    async def remind(self, invoice_id: UUID) -> None:
        await self.get(invoice_id)
"""
REVISION = 'revision: str = "invoices_0001"'
# What `make module` types at its end is told to a file instead.
MAKEFILE = "migration:\n\t@echo $(module): $(m) >>typed\n"


@pytest.fixture
def service(template: Path, tmp_path: Path) -> Path:
    """One with two modules, to which its owner has added a rule and a file."""
    modules = {"customers": CUSTOMERS, "invoices": INVOICES}
    service = project(template, tmp_path / "service", example=False, modules=modules)
    replace(SERVICE, "\n\nclass InvoiceService", f"{RULE}\n\nclass InvoiceService")(
        service
    )
    write("app/modules/invoices/ours.py", "OURS = 1\n")(service)
    write("app/modules/invoices/migrations/first.py", f"{REVISION}\n")(service)
    append("app/main.py", "# Ours.\n")(service)
    write("Makefile", MAKEFILE)(service)
    write(".gitignore", "typed\n__pycache__/\n")(service)
    return committed(service)


class TestANewModule:
    def test_is_as_in_a_fresh_copy(self, template: Path, tmp_path: Path) -> None:
        """You declare a module.

        Happens: Its files are there, as in a fresh copy, and the seams name it. Nothing
            else changes.
        Do: `make module`, which also writes its migration.
        """
        plain = project(template, tmp_path / "plain", example=False)
        modules = {"customers": CUSTOMERS}
        fresh = copy(template, tmp_path / "fresh", example=False, modules=modules)

        update(plain, modules=modules)

        assert tree(plain) == tree(fresh)

    def test_leaves_what_is_there(self, service: Path) -> None:
        before = tree(service)

        run = make_module(
            service, copier=COPIER, name="people/person", fields="age: int, page: url"
        )

        assert run.returncode == 0, run.stderr
        assert answers_of(service)["modules"]["people/person"] == {
            "age": "int",
            "page": "url",
        }
        after = tree(service)
        assert {name for name in before if before[name] != after[name]} == {
            ".copier-answers.yml",
            # Where Alembic finds the module's migrations.
            "pyproject.toml",
        }
        assert "app/modules/people/router.py" in after
        assert told(service, "typed") == "people: create people\n"
        assert "app/modules/people/migrations/" in run.stdout
        (service / "typed").unlink()
        go_back(service, run.stdout)
        assert tree(service) == before

    @pytest.mark.parametrize(
        ("fields", "said"),
        [("age: number", "people.age"), ("boss: ref(nobody)", "people.boss")],
    )
    def test_is_refused_where_it_makes_no_sense(
        self, service: Path, fields: str, said: str
    ) -> None:
        run = make_module(service, name="people/person", fields=fields)

        assert run.returncode == 1
        assert said in run.stderr
        assert "Traceback" not in run.stderr
        assert status(service) == []


class TestAModuleThatGrows:
    def test_keeps_what_you_wrote_into_it(self, service: Path) -> None:
        """You edited a module's files, and declare more fields of it.

        Happens: The new fields are in its files, beside your edits. A conflict is where
            both changed the same lines.
        Do: `make module` with the new fields. Make them `optional`, or let the
            migration fill them for the rows that are there.
        """
        fields = ", ".join(f"{name}: {spec}" for name, spec in LATER.items())

        run = make_module(service, name="invoices", fields=fields)

        assert run.returncode == 0, run.stderr
        assert conflicts(service) == set()
        assert answers_of(service)["modules"]["invoices"] == INVOICES | LATER
        assert RULE in told(service, SERVICE)
        assert "    due: Mapped[date | None]\n" in told(
            service, "app/modules/invoices/models.py"
        )
        assert told(service, "typed") == "invoices: add due and amount to invoices\n"
        assert "Make it optional" not in run.stdout

    def test_warns_of_rows_that_have_no_value_yet(self, service: Path) -> None:
        run = make_module(service, name="invoices", fields="due: date")

        assert "due: rows that are there already have no value." in run.stdout

    def test_says_which_fields_change(self, service: Path) -> None:
        given = "number: str(64) unique, due: date optional"

        run = make_module(service, name="invoices", fields=given)

        said = "invoices: add due to invoices and change number of invoices\n"
        assert told(service, "typed") == said
        assert "have no value" not in run.stdout


class TestAModuleThatGoes:
    def test_leaves_what_you_added(self, service: Path) -> None:
        """You declare a module no more.

        Happens: Its files go, with your edits of them and with its migrations; Git
            keeps those. Files that you added stay, and so do its tables: a database
            sets its branch of migrations aside.
        Do: `make module name=NAME remove=1`. Drop the tables when no version of the
            service needs them any more.
        """
        run = make_module(service, name="invoices", remove="1")

        assert run.returncode == 0, run.stderr
        assert list(answers_of(service)["modules"]) == ["customers"]
        left = (service / "app/modules/invoices").rglob("*.py")
        assert [path.name for path in left] == ["ours.py"]
        assert "# Ours." in told(service, "app/main.py")
        assert not conflicts(service)

    def test_leaves_migrations_that_others_build_on(self, service: Path) -> None:
        other = "app/modules/customers/migrations/second.py"
        write(other, 'depends_on = "invoices_0001"\n')(service)
        committed(service)

        run = make_module(service, name="invoices", remove="1")

        assert f"Its migrations stay, because {other} builds on them." in run.stdout
        assert (service / "app/modules/invoices/migrations/first.py").exists()

    def test_stays_while_another_refers_to_it(self, service: Path) -> None:
        run = make_module(service, name="customers", remove="1")

        assert run.returncode == 1
        assert "invoices.customer" in run.stderr
        assert status(service) == []

    def test_must_be_there(self, service: Path) -> None:
        run = make_module(service, name="ghosts", remove="1")

        assert run.stderr == (
            "There is no module ghosts; there are customers, invoices.\n"
        )


class TestMakeModule:
    def test_refuses_a_dirty_tree(self, service: Path) -> None:
        write("notes.txt", "Mine.\n")(service)

        assert "Commit or stash" in make_module(service, name="ghosts").stderr

    def test_says_what_it_needs_when_nobody_can_be_asked(self, service: Path) -> None:
        assert "make module name=invoices fields=" in make_module(service).stderr

    def test_says_when_nothing_has_changed(self, service: Path) -> None:
        run = make_module(service, name="customers", fields="email: email unique")

        assert run.stderr == "That is declared already: nothing has changed.\n"


@pytest.mark.timeout(900)
def test_a_module_lives_in_a_database(checkout: Path, tmp_path: Path) -> None:
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    answers = {"example": False, "tasks": "inline", "python_version": python}
    service = project(
        checkout, tmp_path / "service", **answers, modules={"customers": CUSTOMERS}
    )
    made = {"UV_PROJECT_ENVIRONMENT": str(shared_environment()), "UV_NO_SYNC": "1"}
    make = partial(typed, service, "make", **made)
    make("migrations", "migrate")
    committed(service)

    added = ", ".join(f"{name}: {spec}" for name, spec in INVOICES.items())
    declare(service, name="invoices", fields=added, **made)
    make("migrate")
    declare(service, name="invoices", fields="due: date optional indexed", **made)
    make("migrate", "test", f"ARGS=tests/modules {MIGRATIONS}")
    declare(service, name="invoices", remove="1", **made)
    make("migrate", "test", f"ARGS={MIGRATIONS}")


def declare(service: Path, **variables: str) -> None:
    run = make_module(service, **variables)
    assert run.returncode == 0, run.stdout + run.stderr
    committed(service)


class TestWhatIsAsked:
    @pytest.mark.parametrize(
        ("name", "plural"), [("ticket", "tickets"), ("city", "cities")]
    )
    def test_tells_who_gives_a_singular_to_take_the_plural(
        self, service: Path, name: str, plural: str
    ) -> None:
        run = make_module(service, name=name, fields="title: text")

        assert run.returncode == 1
        assert f"take the plural: {plural}" in run.stderr
        assert run.stderr.count("\n") == 1
        assert status(service) == []

    @pytest.mark.parametrize(
        ("name", "fields", "said"),
        [
            ("trips", "due", '"due" is no field; write its name, a colon'),
            ("trips", "to: enum(a, b", "to: a parenthesis of enum(a has"),
            ("trips", "to: int, to: date", "to: it is there twice"),
            ("trips", "to: int unqiue", 'trips.to cannot be "unqiue"'),
            ("trips", "to: int, up: check(to > x)", "trips.up cannot compare them"),
            ("trips", "stops: many(stops)", "trips.stops holds rows of no module"),
            ("Trips", "to: int", '"Trips" is no name for a module'),
        ],
    )
    def test_says_each_mistake_in_one_sentence(
        self, service: Path, name: str, fields: str, said: str
    ) -> None:
        run = make_module(service, name=name, fields=fields)

        assert run.returncode == 1
        assert run.stderr.startswith(said)
        assert run.stderr.count("\n") == 1
        assert status(service) == []

    def test_knows_the_singular_of_what_is_there(self, service: Path) -> None:
        run = make_module(service, name="invoice", fields="due: date optional")

        assert "take the plural: invoices" in run.stderr

    def test_lists_the_types_and_asks_again(self, service: Path) -> None:
        mistakes = ["to: strng(9)", "To: int", "to: int unqiue", "to"]
        lines = ["trips", *mistakes, "to: str(9), due: date optional", ""]

        code, said = make_module_by_hand(service, *lines)

        assert code == 0, said
        assert "Types: str(length), text, int" in said
        assert "to: take one of the types above." in said
        assert "To: take lower-case words with underscores between." in said
        assert "to: unqiue is no flag; take one of those above." in said
        assert '"to" is no field' in said
        declared = answers_of(service)["modules"]["trips"]
        assert declared == {"to": "str(9)", "due": "date optional"}

    def test_lists_every_type_that_there_is(self, service: Path) -> None:
        refused = make_module(service, name="trips", fields="to: nonsense").stderr

        [known] = re.findall(r"types are ([a-z, ]+)\.", refused)
        _, said = make_module_by_hand(service, "trips", "")
        [listed] = re.findall(r"Types: (.+)", said)
        assert re.sub(r"\([^)]*\)", "", listed).strip() == known


class TestAConflict:
    def test_leaves_the_migration_to_be_written(self, service: Path) -> None:
        ours = "\n    ours: Mapped[str]\n\n    # Loaded along"
        replace("app/modules/invoices/models.py", "\n\n    # Loaded along", ours)(
            service
        )
        committed(service)

        run = make_module(service, name="invoices", fields="due: date optional")

        assert run.returncode == 1
        assert conflicts(service) == {"app/modules/invoices/models.py"}
        assert "The migration is still to be written." in run.stderr
        assert "make migration module=invoices" in run.stderr
