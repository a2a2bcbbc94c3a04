"""What becomes of your answers when the questions change."""

from pathlib import Path

from tests.edits import Edit, append, replace, write
from tests.updates.projects import (
    answers_of,
    committed,
    conflicts,
    project,
    released,
    status,
    update,
)

PROJECT = "questions/project.yml"
PORTS = "questions/ports.yml"
CHOICES = "questions/choices.yml"


def asking(name: str, body: str, accepts: str) -> list[Edit]:
    """Add a question, and what it accepts."""
    return [
        append("questions/extras.yml", f"\n{name}:\n{body}"),
        append_choice(f"    {name}: {accepts}\n"),
    ]


def append_choice(line: str) -> Edit:
    return replace(CHOICES, "    example: switch\n", f"    example: switch\n{line}")


class TestARenamedQuestion:
    def test_keeps_its_answer(self, template: Path, tmp_path: Path) -> None:
        """A question is renamed.

        Happens: The new one takes the answer that you gave the old one.
        Do: Nothing.
        """
        service = project(template, tmp_path / "service", author="Ada")

        released(
            template,
            "v2.0.0",
            replace(PROJECT, "author:\n", "owner:\n"),
            replace(
                PROJECT,
                "default: The {{ project_name }} team",
                "default: \"{{ author | default('The ' ~ project_name ~ ' team') }}\"",
            ),
            replace(PROJECT, "line(author)", "line(owner)"),
            append_choice("    owner: line\n"),
            replace("template/README.md.jinja", "{{ author }}", "{{ owner }}"),
            replace("template/pyproject.toml.jinja", "author |", "owner |"),
        )
        update(service)

        assert answers_of(service)["owner"] == "Ada"
        assert "author" not in answers_of(service)
        assert status(service) == [" M .copier-answers.yml"]


class TestAChoiceThatIsGone:
    def test_becomes_what_the_release_maps_it_to(
        self, template: Path, tmp_path: Path
    ) -> None:
        """The answer that you gave can no longer be given.

        Happens: Its release says what becomes of it; without that it is the default.
        Do: Read the release notes; `--data` takes another.
        """
        service = project(template, tmp_path / "service", python_version="3.12")

        released(
            template,
            "v2.0.0",
            replace(
                CHOICES, '      "3.12": has security fixes until October 2028\n', ""
            ),
            replace(PROJECT, 'default: "3.13"', 'default: "3.14"'),
        )
        update(service)

        assert answers_of(service)["python_version"] == "3.14"
        assert conflicts(service) == set()


class TestAChangedType:
    def test_takes_the_answer_over(self, template: Path, tmp_path: Path) -> None:
        """A question that took yes or no takes words now.

        Happens: Its release gives the question another name and reads the old answer.
        Do: Nothing.
        """
        body = "  type: bool\n  help: Measure?\n  default: false\n"
        for change in asking("measure", body, "switch"):
            change(template)
        released(template, "v1.1.0")
        service = project(template, tmp_path / "service", measure=True)

        words = """  type: str
  help: How is it measured?
  choices: "{{ choices.measures }}"
  default: "{{ 'all' if measure | default(false) else 'none' }}"
"""
        released(
            template,
            "v2.0.0",
            replace("questions/extras.yml", f"measure:\n{body}", f"measures:\n{words}"),
            append_choice("    measures: [none, all]\n"),
        )
        update(service)

        assert answers_of(service)["measures"] == "all"


class TestANewQuestion:
    def test_takes_its_default(self, template: Path, service: Path) -> None:
        """There is a new question, and files that depend on its answer.

        Happens: `copier update` asks it; with `--defaults` it takes its default. The
            files that the answer declines do not appear.
        Do: Answer with `--data` when the default is not what you want.
        """
        body = "  type: bool\n  help: Keep time?\n  default: false\n"
        rule = "  - \"{{ '' if timed | default(true) else '/app/clock.py' }}\"\n"
        released(
            template,
            "v2.0.0",
            *asking("timed", body, "switch"),
            append("questions/ownership.yml", rule),
            write("template/app/clock.py", "OURS = 1\n"),
        )

        update(service)

        assert answers_of(service)["timed"] is False
        assert not (service / "app/clock.py").exists()
        update(committed(service), timed=True)
        assert (service / "app/clock.py").exists()


class TestANewDefault:
    def test_does_not_change_your_answer(self, template: Path, service: Path) -> None:
        """A question has another default.

        Happens: You keep your answer, given or taken by default.
        Do: `--data` takes the new one.
        """
        before = (template / PORTS).read_text()
        assert "default: redis" in before

        released(
            template,
            "v2.0.0",
            write(PORTS, before.replace("default: redis", "default: none", 1)),
        )
        update(service)

        assert answers_of(service)["cache"] == "redis"


class TestAnAnswerThatIsNoLongerAskedFor:
    def test_is_forgotten(self, template: Path, tmp_path: Path) -> None:
        """You decline what a question depends on, and take it again.

        Happens: The dependent answer is forgotten: it is the default again.
        Do: Name both with `--data`.
        """
        service = project(template, tmp_path / "service", broker="rabbitmq")
        update(service, tasks="inline")
        assert "broker" not in answers_of(service)

        update(committed(service), tasks="celery")

        assert answers_of(service)["broker"] == "redis"


class TestTheRecord:
    def test_edited_by_hand_changes_nothing_else(self, service: Path) -> None:
        """You edited `.copier-answers.yml` by hand.

        Happens: The next update believes that the answers were always so: no file
            changes to match them.
        Do: Put it back with Git, then use `--data`.
        """
        replace(".copier-answers.yml", "cache: redis", "cache: none")(service)
        committed(service)

        update(service)

        assert (service / "app/platform/cache/redis.py").exists()
