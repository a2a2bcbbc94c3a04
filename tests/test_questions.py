"""What strata asks, what it accepts, and what it refuses before it writes anything."""

import ast
import os
import resource
import subprocess
import termios
import tomllib
from collections.abc import Iterator
from pathlib import Path

import copier
import pytest
import yaml
from copier.errors import UserMessageError

from tests.conftest import COPIER, contents, copy, copy_cli, git
from tests.updates import projects
from tests.updates.conftest import thin
from variants import ROOT, choices, menus

DEFAULTS = {
    "project_name": "Corner Shop",
    "project_slug": "corner-shop",
    "description": "An HTTP API with its own data and background work.",
    "author": "The Corner Shop team",
    "python_version": "3.13",
    "cache": "redis",
    "tasks": "celery",
    "broker": "redis",
    "identity": "jwt",
    "api_keys": False,
    "secrets": "environment",
    "telemetry": "opentelemetry",
    "rate_limits": True,
    "webhooks": False,
    "cdn": "none",
    "monitoring": True,
    "traces": "otlp",
    "logs": "stdout",
    "deploy": "none",
    "gateway": "none",
    "ci": "github",
    "example": True,
    "platform_tests": False,
    "modules": {},
}

NO_BROKER = {"tasks": "inline"}
NO_TELEMETRY = {"telemetry": "none"}

# What may be said of a question that is skipped, because it is so anyway.
REDUNDANT: list[tuple[dict[str, str], str, object]] = [
    (NO_BROKER, "broker", "redis"),
    (NO_BROKER, "broker", "none"),
    (NO_BROKER, "webhooks", "no"),
    ({"identity": "none"}, "webhooks", "no"),
    (NO_TELEMETRY, "monitoring", "no"),
    (NO_TELEMETRY, "monitoring", "Off"),
    (NO_TELEMETRY, "monitoring", False),
    (NO_TELEMETRY, "traces", "otlp"),
    ({"monitoring": "no"}, "traces", "otlp"),
]

# What a validator says at most: the longest word, name or value that it may quote.
WORST = [
    ("project_name", " "),
    ("project_name", "x" * 300),
    ("project_name", "a bell \a"),
    ("project_slug", "1shop"),
    ("project_slug", "shop_" * 50),
    ("project_slug", "x" * 300),
    ("project_slug", "nonlocal"),
    ("description", "x" * 300),
    ("description", "a bell \a"),
    ("author", "x" * 300),
    ("author", "a bell \a"),
]
TERMINAL_COLUMNS = 100

REFUSALS = [
    ("project_name", "", {}),
    ("project_name", "   ", {}),
    ("project_name", "Two\nlines", {}),
    ("project_name", "x" * 201, {}),
    ("project_slug", "", {}),
    ("project_slug", "app", {}),
    ("project_slug", "test", {}),
    ("project_slug", "tests", {}),
    ("project_slug", "import", {}),
    ("project_slug", "none", {}),
    ("project_slug", "nonlocal", {}),
    ("project_slug", "Shop", {}),
    ("project_slug", "corner_shop", {}),
    ("project_slug", "1shop", {}),
    ("project_slug", "shop-", {}),
    ("project_slug", "shop\n", {}),
    ("project_slug", "../shop", {}),
    ("project_slug", "x" * 41, {}),
    ("description", "Two\nlines", {}),
    ("description", "a bell \a", {}),
    ("author", "Two\rlines", {}),
    ("author", "a separator \u2028", {}),
    ("python_version", "3.11", {}),
    ("cache", "memcached", {}),
    ("cache", "", {}),
    ("tasks", "dramatiq", {}),
    ("broker", "kafka", {}),
    ("broker", "none", {}),
    ("example", "perhaps", {}),
    # Skipped, and not what is so anyway.
    ("broker", "rabbitmq", NO_BROKER),
    ("webhooks", "yes", {**NO_BROKER, "identity": "jwt"}),
    ("webhooks", "yes", {"identity": "none"}),
    ("monitoring", "yes", NO_TELEMETRY),
    ("traces", "jaeger", NO_TELEMETRY),
    ("traces", "zipkin", {"monitoring": "no"}),
    ("traces", "tempo", {}),
    ("logs", "splunk", {}),
    # Computed from the answers.
    ("choices", "{}", {}),
    ("given", "x", {}),
    ("ports", "[]", {}),
    ("parts", "[]", {}),
    ("requirements", "[]", {}),
    # Too far from where its secrets are.
    ("deploy", "cloud_run", {"secrets": "aws_ssm"}),
    ("deploy", "aks", {"secrets": "aws_ssm"}),
    # A typing error.
    ("cahce", "none", {}),
    ("Cache", "none", {}),
]

HOSTILE = [
    'O\'Neill "the" Shop',
    "back\\slash \\n \\u0041",
    "{{ braces }} {% endraw %} {# comment #} ${HOME} $(id) `id`",
    "Ünïcödé 測試 🛒",
    "- yaml: [flow] # comment & *anchor !tag | > %",
    "]] [tool.uv] = ''' \"\"\" <&>",
]


@pytest.fixture
def destination(tmp_path: Path) -> Path:
    return tmp_path / "service"


def answers_of(service: Path) -> dict[str, object]:
    recorded = yaml.safe_load((service / ".copier-answers.yml").read_text())
    return {k: v for k, v in recorded.items() if not k.startswith("_")}


@pytest.fixture(scope="module")
def small(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release with all questions and few files, for what happens to no file."""
    into = tmp_path_factory.mktemp("small") / "strata"
    kept = ("{{ _copier_conf.answers_file }}.jinja", "README.md.jinja", "uv.lock")
    return thin(folder, into, keep=lambda path: path.name in kept)


class TestRefusals:
    @pytest.mark.parametrize(("question", "value", "others"), REFUSALS)
    def test_the_api_raises_one_sentence_that_names_the_question(
        self,
        folder: Path,
        destination: Path,
        question: str,
        value: str,
        others: dict[str, str],
    ) -> None:
        with pytest.raises(UserMessageError) as refusal:
            copy(folder, destination, **others, **{question: value})

        assert is_one_sentence(str(refusal.value), question)
        assert not destination.exists()

    @pytest.mark.parametrize(
        ("question", "value", "others"),
        [
            ("cache", "memcached", {}),
            ("project_slug", "app", {}),
            ("example", "perhaps", {}),
            ("broker", "rabbitmq", NO_BROKER),
            ("servers", "{}", {}),
            ("cahce", "none", {}),
        ],
    )
    def test_the_command_prints_one_sentence_and_writes_nothing(
        self,
        small: Path,
        destination: Path,
        question: str,
        value: str,
        others: dict[str, str],
    ) -> None:
        data = {**others, question: value}

        run = copy_cli(small, destination, *options(data))

        assert run.returncode == 1
        assert is_one_sentence(run.stderr, question)
        assert run.stdout == ""
        assert not destination.exists()

    def test_a_folder_that_exists_keeps_what_it_has_and_gets_nothing(
        self, folder: Path, destination: Path
    ) -> None:
        destination.mkdir()
        (destination / "mine").touch()

        run = copy_cli(folder, destination, "--data", "cache=memcached")

        assert run.returncode == 1
        assert [path.name for path in destination.iterdir()] == ["mine"]

    def test_an_update_refuses_as_a_copy_does(
        self, small: Path, destination: Path
    ) -> None:
        committed(copy(small, destination))

        run = update_cli(destination, "--data", "cache=memcached")

        assert run.returncode == 1
        assert is_one_sentence(run.stderr.splitlines()[-1], "cache")
        assert git(destination, "status", "--porcelain") == ""


class TestAnswers:
    def test_the_defaults_are_recorded(self, folder: Path, destination: Path) -> None:
        copy(folder, destination)

        assert answers_of(destination) == DEFAULTS

    def test_a_skipped_question_is_not_recorded(
        self, folder: Path, destination: Path
    ) -> None:
        copy(folder, destination, **NO_BROKER)

        assert "broker" not in answers_of(destination)

    @pytest.mark.parametrize(("answers", "question", "value"), REDUNDANT)
    def test_what_is_so_anyway_may_be_said(
        self,
        folder: Path,
        tmp_path: Path,
        answers: dict[str, str],
        question: str,
        value: object,
    ) -> None:
        silent = copy(folder, tmp_path / "silent", **answers)

        said = copy(folder, tmp_path / "said", **answers, **{question: value})

        assert contents(said) == contents(silent)
        assert answers_of(said) == answers_of(silent)

    @pytest.mark.parametrize("answers", [{}, NO_BROKER, NO_BROKER | NO_TELEMETRY])
    def test_a_record_is_a_file_of_answers(
        self, checkout: Path, tmp_path: Path, answers: dict[str, str]
    ) -> None:
        first = copy(checkout, tmp_path / "first", **answers)

        record = first / ".copier-answers.yml"
        run = copy_cli(checkout, tmp_path / "second", "--data-file", str(record))

        assert run.returncode == 0, run.stderr
        assert contents(tmp_path / "second") == contents(first)
        assert answers_of(tmp_path / "second") == answers_of(first)

    def test_a_users_defaults_answer_no_question_that_is_skipped(
        self, folder: Path, tmp_path: Path
    ) -> None:
        usual = copier.Settings(defaults={"broker": "rabbitmq", "monitoring": True})
        answers = NO_BROKER | NO_TELEMETRY

        copier.run_copy(
            str(folder),
            tmp_path / "theirs",
            data=answers,
            settings=usual,
            defaults=True,
            quiet=True,
        )

        ours = copy(folder, tmp_path / "ours", **answers)
        assert contents(tmp_path / "theirs") == contents(ours)

    @pytest.mark.parametrize("example", ["no", "No", "false", "off", False])
    def test_a_switch_takes_the_usual_words(
        self, folder: Path, destination: Path, example: object
    ) -> None:
        copy(folder, destination, example=example)

        assert answers_of(destination)["example"] is False

    @pytest.mark.parametrize(
        ("name", "slug"),
        [
            ("Corner Shop", "corner-shop"),
            ("  Billing & Tax (EU)  ", "billing-tax-eu"),
            ("2nd Shop", "nd-shop"),
            ("測試", "service"),
            ("Test", "test-service"),
            ("Import", "import-service"),
            ("a" * 39 + " b", "a" * 39),
        ],
    )
    def test_the_slug_is_derived_from_the_name(
        self, folder: Path, destination: Path, name: str, slug: str
    ) -> None:
        copy(folder, destination, project_name=name)

        assert answers_of(destination)["project_slug"] == slug

    @pytest.mark.parametrize("package", ["Coverage", "stamina", "PyTest", "FastAPI"])
    def test_a_service_may_be_called_as_a_package_that_it_needs(
        self, folder: Path, destination: Path, package: str
    ) -> None:
        """No package may need itself, whatever its name is."""
        lock = tomllib.loads((ROOT / "template/uv.lock").read_text())
        locked = {entry["name"] for entry in lock["package"]}
        assert package.lower() in locked

        copy(folder, destination, project_name=package)

        project = tomllib.loads((destination / "pyproject.toml").read_text())["project"]
        assert project["name"] == f"{package.lower()}-app"
        assert not [name for name in locked if name.endswith("-app")]

    @pytest.mark.parametrize("value", HOSTILE)
    def test_any_line_of_text_renders_into_valid_files(
        self, folder: Path, destination: Path, value: str
    ) -> None:
        text = {"project_name": value, "description": value, "author": value}

        copy(folder, destination, **text)

        project = tomllib.loads((destination / "pyproject.toml").read_text())["project"]
        assert answers_of(destination).items() >= text.items()
        assert project["description"] == value
        assert project["authors"] == [{"name": value}]
        for source in destination.rglob("*.py"):
            ast.parse(source.read_text(), filename=str(source))
        for document in destination.rglob("*.y*ml"):
            list(yaml.safe_load_all(document.read_text()))


class TestSources:
    def test_a_plain_folder_renders_what_a_checkout_renders(
        self, folder: Path, checkout: Path, tmp_path: Path
    ) -> None:
        plain = copy(folder, tmp_path / "plain")
        released = copy(checkout, tmp_path / "released")

        assert contents(plain) == contents(released)

    @pytest.mark.parametrize(
        ("where", "typed"), [("", "strata"), ("", "./strata"), ("strata", ".")]
    )
    def test_a_path_is_recorded_as_one_that_leads_there_from_anywhere(
        self, small: Path, destination: Path, where: str, typed: str
    ) -> None:
        command = [COPIER, "copy", "--defaults", "--quiet", typed, str(destination)]

        subprocess.run(command, cwd=small.parent / where, check=True)

        record = yaml.safe_load((destination / ".copier-answers.yml").read_text())
        assert record["_src_path"] == str(small.resolve())
        projects.update(committed(destination))
        assert git(destination, "status", "--porcelain") == ""

    def test_the_command_renders_without_trust_and_says_what_to_type_next(
        self, checkout: Path, destination: Path
    ) -> None:
        run = copy_cli(checkout, destination)

        assert run.returncode == 0, run.stderr
        assert [line.strip() for line in run.stderr.splitlines() if line][-3:] == [
            f"cd {destination}",
            "make setup",
            "make dev",
        ]

    def test_the_template_runs_nothing_on_a_users_machine(self) -> None:
        settings = (ROOT / "copier.yml").read_text()

        assert "_tasks" not in settings
        assert "_jinja_extensions" not in settings

    def test_copying_costs_little_more_than_its_files(
        self, checkout: Path, folder: Path, tmp_path: Path
    ) -> None:
        """In processor time, beside a checkout of as many empty files."""
        rendered = tmp_path / "rendered"
        copy(folder, rendered)
        files = sum(path.is_file() for path in rendered.rglob("*"))
        reference = committed(empty_files(tmp_path / "reference", files))

        turns = [
            [
                processor_seconds(source, tmp_path / f"{source.name}-{turn}")
                for source in (checkout, reference)
            ]
            for turn in range(2)
        ]

        ours, floor = map(min, zip(*turns, strict=True))
        print(f"{files} files: {ours:.2f} s, as many empty ones: {floor:.2f} s")
        assert ours < 4.5 * floor


@pytest.fixture(scope="module")
def conversation(
    checkout: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path]:
    """All that was said when each question was answered with Enter, and the service."""
    service = tmp_path_factory.mktemp("accepted") / "service"
    return accept_every_default(checkout, service), service


class TestPrompts:
    def test_accepting_every_default_renders_the_defaults(
        self, conversation: tuple[str, Path]
    ) -> None:
        transcript, service = conversation

        assert answers_of(service) == DEFAULTS
        for question, answers in choices().items():
            assert help_of(question) in transcript, f"{question} was not asked"
            assert answers

    def test_each_choice_says_what_it_brings(
        self, conversation: tuple[str, Path]
    ) -> None:
        transcript, _ = conversation

        menus_only = {q: menu for q, menu in menus().items() if isinstance(menu, dict)}
        for question, answers in menus_only.items():
            chosen = str(DEFAULTS[question])
            assert f"{chosen}: {answers[chosen]}" in transcript
            assert len(set(answers.values())) == len(answers)
            for answer, brings in answers.items():
                assert len(f" » {answer}: {brings}") <= TERMINAL_COLUMNS - 20

    @pytest.mark.parametrize(("question", "value"), WORST)
    def test_a_validators_sentence_fits_a_terminal(
        self, folder: Path, destination: Path, question: str, value: str
    ) -> None:
        """A prompt shows one line of it, and cuts the rest."""
        sentence = said_in_the_prompt(folder, destination, question, value)

        assert sentence.endswith(".")
        assert len(sentence) <= TERMINAL_COLUMNS

    def test_every_question_has_help_and_a_default(self) -> None:
        for question in choices():
            assert help_of(question).endswith("?")
            assert "default" in questions()[question]


class TestUpdates:
    def test_an_update_to_the_same_version_changes_nothing(
        self, checkout: Path, destination: Path
    ) -> None:
        committed(copy(checkout, destination))

        projects.update(destination)

        assert git(destination, "status", "--porcelain") == ""

    def test_an_answer_can_change_and_change_back(
        self, checkout: Path, tmp_path: Path
    ) -> None:
        service = committed(copy(checkout, tmp_path / "service"))
        before = contents(service)
        fresh = copy(checkout, tmp_path / "fresh", tasks="inline", example=False)

        projects.update(service, tasks="inline", example=False)

        assert contents(service) == contents(fresh)
        projects.update(committed(service), tasks="celery", example=True)
        assert contents(service) == before


def is_one_sentence(text: str, question: str) -> bool:
    """Whether the text is a single line with a single sentence about the question."""
    return text.count("\n") <= 1 and f"'{question} " in text and "Traceback" not in text


def said_in_the_prompt(template: Path, into: Path, question: str, value: object) -> str:
    """Suggest the answer, for the question's validator to judge as it is typed."""
    with pytest.raises(ValueError, match="Validation error") as refusal:
        copier.run_copy(
            str(template),
            into,
            user_defaults={question: value},
            settings=copier.Settings(),
            defaults=True,
            quiet=True,
        )
    return str(refusal.value)


def options(data: dict[str, str]) -> list[str]:
    return [word for k, v in data.items() for word in ("--data", f"{k}={v}")]


def questions() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for file in ROOT.glob("questions/*.yml"):
        found |= yaml.safe_load(file.read_text())
    return found


def help_of(question: str) -> str:
    return questions()[question]["help"]


def committed(service: Path) -> Path:
    git(service, "init", "--quiet")
    return projects.committed(service)


def update_cli(service: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [COPIER, "update", "--defaults", *arguments]
    return subprocess.run(
        command, cwd=service, capture_output=True, text=True, check=False
    )


def empty_files(template: Path, count: int) -> Path:
    """Make a template without questions whose files lie side by side."""
    (template / "template").mkdir(parents=True)
    (template / "copier.yml").write_text("_subdirectory: template\n")
    for number in range(count):
        (template / "template" / f"{number}.txt").touch()
    return template


def processor_seconds(template: Path, into: Path) -> float:
    """Copy, and say what it took of the processor, whoever else wanted it meanwhile."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run = copy_cli(template, into, "--quiet")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert run.returncode == 0, run.stderr
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def accept_every_default(template: Path, into: Path) -> str:
    """Run the command in a terminal and press Enter whenever it waits for an answer."""
    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (40, TERMINAL_COLUMNS))
    command = [COPIER, "copy", str(template), str(into)]
    session = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
    with subprocess.Popen(command, **session, start_new_session=True) as process:
        os.close(theirs)
        transcript = "".join(said_to_enter(ours))
    assert process.returncode == 0, transcript
    return transcript


def said_to_enter(terminal: int) -> Iterator[str]:
    """Answer what the command says until it has hung up."""
    while True:
        try:
            said = os.read(terminal, 65536).decode(errors="replace")
        except OSError:
            return
        if "\x1b[6n" in said:
            # The prompt asks where the cursor is, and waits for the answer.
            os.write(terminal, b"\x1b[1;1R")
        if any(help_of(question) in said for question in choices()):
            os.write(terminal, b"\r")
        yield said
