"""A declaration that cannot become a module is refused before anything is written."""

import json
from pathlib import Path

import pytest
from copier.errors import UserMessageError

from tests.conftest import copy, copy_cli
from tests.test_questions import TERMINAL_COLUMNS, said_in_the_prompt

type Declared = object

CUSTOMERS = {"customers": {"name": "str(200)"}}


def fields(**specifications: str) -> Declared:
    return {"invoices": specifications}


# What is declared, and what the sentence names.
REFUSED: list[tuple[Declared, str]] = [
    (["invoices"], "modules"),
    (7, "modules"),
    ({"Invoices": {"due": "date"}}, '"Invoices"'),
    ({"in voices": {"due": "date"}}, '"in voices"'),
    ({"2invoices": {"due": "date"}}, '"2invoices"'),
    ({"invoices_": {"due": "date"}}, '"invoices_"'),
    ({"a" * 21: {"due": "date"}}, "20 characters"),
    ({"class": {"due": "date"}}, '"class"'),
    ({"filter": {"due": "date"}}, '"filter"'),
    ({"outbox": {"due": "date"}}, '"outbox"'),
    ({"orders": {"due": "date"}}, '"orders"'),
    ({"staff": {"due": "date"}}, "staff/staff_item"),
    ({"ticket": {"due": "date"}}, "take the plural: tickets"),
    ({"people/Person": {"due": "date"}}, '"people/Person"'),
    ({"boxes": {"due": "date"}, "crates/box": {"due": "date"}}, "boxes and crates/box"),
    ({"invoices": {}}, "invoices needs a field"),
    ({"invoices": "due: date"}, "invoices needs a field"),
    (fields(Due="date"), "invoices.Due"),
    (fields(**{"a" * 25: "date"}), "24 characters"),
    (fields(id="uuid"), "invoices.id"),
    (fields(created_at="datetime"), "invoices.created_at"),
    (fields(model_year="int"), "invoices.model_year"),
    (fields(date="date"), "invoices.date"),
    (fields(sort="int"), "invoices.sort"),
    (fields(due=""), "invoices.due"),
    (fields(due="day"), "invoices.due"),
    (fields(due="date unqiue"), '"unqiue"'),
    (fields(due="date " + "x" * 200), "cannot be"),
    ({"x" * 300: {"due": "date"}}, "20 characters"),
    (fields(**{"x" * 300: "date"}), "24 characters"),
    (fields(state="enum(" + "X" * 300 + ")"), "cannot have"),
    (fields(buyer="ref(" + "x" * 300 + ")"), "refers to no module"),
    (fields(due="date searchable"), '"searchable"'),
    (fields(extra="json unique"), '"unique"'),
    (fields(due="date(7)"), "takes no parentheses"),
    (fields(number="str"), "invoices.number"),
    (fields(number="str()"), "1 to 255"),
    (fields(number="str(0)"), "1 to 255"),
    (fields(number="str(256)"), "1 to 255"),
    (fields(number="str(x)"), "1 to 255"),
    (fields(rate="decimal"), "invoices.rate"),
    (fields(rate="decimal(3, 9)"), "invoices.rate"),
    (fields(rate="decimal(39, 2)"), "invoices.rate"),
    (fields(state="enum"), "invoices.state"),
    (fields(state="enum()"), "invoices.state"),
    (fields(state="enum(a, a)"), "same value twice"),
    (fields(state="enum(a-b, a_b)"), "same value twice"),
    (fields(state="enum(A)"), '"A"'),
    (fields(draft="enum(a)"), "invoices.draft"),
    (fields(due="date = 2030-01-31"), "takes no default"),
    (fields(number="int = "), "invoices.number"),
    (fields(number="int = 1.5"), 'default to "1.5"'),
    (fields(number="int = 007"), 'default to "007"'),
    (fields(number="int unique = 1"), "default in vain"),
    (fields(number="int optional = 1"), "default in vain"),
    (fields(number="str(3) = long"), 'default to "long"'),
    (fields(is_open="bool = yes"), 'default to "yes"'),
    (fields(state="enum(a, b) = c"), 'default to "c"'),
    (fields(amount="money", amount_minor="int"), "invoices.amount_minor"),
    (CUSTOMERS | fields(buyer="ref(customers)", buyer_id="uuid"), "invoices.buyer_id"),
    (fields(buyer="ref(customers)"), "invoices.buyer"),
    (fields(buyer="ref()"), "invoices.buyer"),
    (fields(parent="ref(invoices)"), "invoices.parent"),
    (CUSTOMERS | fields(buyers="many(buyers)"), "holds rows of no module"),
    (CUSTOMERS | fields(buyers="many"), "lacks its parentheses"),
    (CUSTOMERS | fields(buyers="many(customers) optional"), 'cannot be "optional"'),
    (CUSTOMERS | fields(buyer="many(customers)"), "take another plural"),
    (CUSTOMERS | fields(invoices="many(customers)"), "take another plural"),
    (
        CUSTOMERS | fields(buyers="many(customers)", buyer="ref(customers)"),
        "repeats a column",
    ),
    (fields(copies="many(invoices)"), "two references"),
    (
        fields(lines="many(invoice_lines)") | {"invoice_lines": {"due": "date"}},
        "needs the table invoice_lines",
    ),
    (fields(due="date", one="unique(due)"), "two fields or more"),
    (fields(due="date", one="unique(due, due)"), "each of them once"),
    (fields(due="date", one="unique(due, day)"), "not due and day"),
    (fields(due="date", note="text", one="unique(due, note)"), "can be indexed"),
    (fields(due="date", no="int unique", one="unique(due, no)"), "says nothing"),
    (fields(on="bool", by="enum(c)", one="unique(on, by)"), "room for a few"),
    (fields(no="int", plus="check(no)"), "takes a comparison"),
    (fields(no="int", plus="check(no > 0 or no < 9)"), "takes a comparison"),
    (fields(no="int", plus="check(no > 0; drop)"), "takes a comparison"),
    (fields(no="int", plus="check(number > 0)"), "cannot compare number"),
    (fields(on="bool", plus="check(on > 0)"), "cannot compare on"),
    (fields(due="date", plus="check(due > 0)"), "compared with another date"),
    (fields(due="date", no="int", plus="check(due <= no)"), "just the same type"),
    (fields(no="int", to="int", plus="check(no < to)"), "<= or >="),
    (fields(fee="money", to="money", plus="check(fee <= to)"), "just the same type"),
    (fields(fee="money", plus="check(fee >= 0)"), "cannot be"),
    (fields(no="int", plus="check(no > 1.5)"), "cannot be"),
    (fields(rate="decimal(3, 2)", plus="check(rate < 99)"), "cannot be"),
    (
        fields(no="int", plus="check(no > 5)", minus="check(no < 5)"),
        "no value for no",
    ),
    (fields(no="int = 3", plus="check(no > 5)"), "no value for no"),
    (
        {"letters": {"reply": "ref(replies)"}, "replies": {"letter": "ref(letters)"}},
        "letters.reply",
    ),
    (
        {"letters": {"replies": "many(answers)"}, "answers": {"to": "ref(letters)"}},
        "letters.replies",
    ),
]


@pytest.mark.parametrize(("declared", "named"), REFUSED)
def test_the_sentence_names_what_is_wrong(
    folder: Path, tmp_path: Path, declared: Declared, named: str
) -> None:
    with pytest.raises(UserMessageError) as refusal:
        copy(folder, tmp_path / "service", modules=declared)

    sentence = str(refusal.value)
    assert "'modules: " in sentence
    assert named in sentence
    assert "\n" not in sentence.strip()
    assert not (tmp_path / "service").exists()


# The longest names that there are, in everything that can be wrong with a field.
LONGEST = ("m" * 19 + "s", "f" * 24)
SPECIFICATIONS = [
    "", "day", "date " + "x" * 99, "date(7)", "str", "str(0)", "str(256)", "decimal",
    "decimal(3, 9)", "enum(a, a)", "enum(" + "X" * 99 + ")", "ref()",
    "ref(" + "x" * 99 + ")", "ref(" + LONGEST[0] + ")", "date = 1", "int unique = 1",
    "int = " + "x" * 99,
]  # fmt: skip


@pytest.mark.parametrize(
    "declared",
    [
        *(declared for declared, _ in REFUSED),
        *({LONGEST[0]: {LONGEST[1]: spec}} for spec in SPECIFICATIONS),
        {"a" * 18 + "es/" + "b" * 19: {"due": "date"}, "b" * 19 + "s": {"due": "date"}},
        {
            LONGEST[0]: {LONGEST[1]: "ref(letters)"},
            "letters": {"reply": f"ref({LONGEST[0]})"},
        },
    ],
)
def test_a_prompt_shows_what_is_wrong_in_one_line(
    folder: Path, tmp_path: Path, declared: Declared
) -> None:
    sentence = said_in_the_prompt(folder, tmp_path / "service", "modules", declared)

    assert sentence.endswith(".")
    assert len(sentence) <= TERMINAL_COLUMNS


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (json.dumps(fields(due="day")), "invoices.due"),
        ("{invoices: {due: date}", "no partner"),
        ('{invoices: {due: "date}}', "no partner"),
    ],
)
def test_the_command_prints_it_and_nothing_else(
    checkout: Path, tmp_path: Path, given: str, named: str
) -> None:
    run = copy_cli(checkout, tmp_path / "service", "--data", f"modules={given}")

    assert run.returncode == 1
    assert named in run.stderr
    assert run.stderr.strip().count("\n") == 0
    assert run.stdout == ""
    assert not (tmp_path / "service").exists()


def test_a_module_may_begin_as_a_part_that_was_declined(
    folder: Path, tmp_path: Path
) -> None:
    names = ["celery_stalks", "orders_notes", "redis_keys", "telemetry_points"]
    declined = {"cache": "none", "tasks": "inline", "telemetry": "none"}

    modules = {name: {"due": "date"} for name in names}
    service = copy(folder, tmp_path / "service", modules=modules, **declined)

    for name in names:
        assert (service / f"app/modules/{name}/router.py").exists()
        assert (service / f"tests/modules/{name}/test_add.py").exists()
