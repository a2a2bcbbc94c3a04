"""The verifier can fail: each fault that is put into the template is reported."""

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.variants.report import Finding, findings
from tests.variants.samples.faults import FAULTS, Injected
from tests.variants.samples.faults.questions import QUESTIONS
from tests.variants.variants import Variants

# They are put in together, those of one kind apart, as to verify takes seconds.
AT_ONCE = 4
OTHERS = [fault for fault in FAULTS if fault not in QUESTIONS]
TOGETHER = [OTHERS[first::AT_ONCE] for first in range(AT_ONCE)]
# Those of the questions change which variants there are: each is put in by itself, and
# what stands around the service is answered beforehand.
AROUND = {"deploy": "none", "gateway": "none", "cdn": "none", "secrets": "environment"}


@pytest.mark.parametrize("faults", TOGETHER, ids=lambda them: them[0].name)
def test_a_fault_is_reported(
    faults: Sequence[Injected], folder: Path, tmp_path: Path
) -> None:
    for number, fault in enumerate(complaints(faults, folder, tmp_path / "all")):
        # A file that cannot be read hides what else is wrong in it.
        alone = complaints([fault], folder, tmp_path / str(number))
        assert not alone, f"{fault.name}: {alone[fault]}"


@pytest.fixture(scope="session")
def known(folder: Path) -> list[Finding]:
    """What is wrong where some files are in no variant."""
    return findings(Variants.of(folder, **AROUND))


@pytest.mark.parametrize("fault", QUESTIONS, ids=lambda fault: fault.name)
def test_a_fault_of_the_questions_is_reported(
    fault: Injected, folder: Path, known: list[Finding], tmp_path: Path
) -> None:
    assert not any(is_it(each, fault) for each in known)

    said = complaints([fault], folder, tmp_path / "broken", **AROUND)

    assert not said, said[fault]


def complaints(
    faults: Sequence[Injected], folder: Path, into: Path, **answers: str
) -> dict[Injected, str]:
    """What is missing in the report on a template that has these faults."""
    broken = Path(shutil.copytree(folder, into))
    for fault in faults:
        fault.inject(broken)
    variants = Variants.of(broken, **answers)
    found = findings(variants)
    said = {fault: missing(fault, found, variants.count()) for fault in faults}
    return {fault: words for fault, words in said.items() if words}


def missing(fault: Injected, found: Sequence[Finding], variants: int) -> str:
    """Say what the report lacks; nothing, when all is there."""
    expected = next((each for each in found if is_it(each, fault)), None)
    if expected is None:
        return "\n".join(["it is not among these", *map(str, found)])
    right = (
        0 < expected.variants <= variants
        and (expected.variants < variants) == fault.sometimes
        and expected.reproduce.startswith("copier copy --defaults ")
    )
    return "" if right else str(expected)


def test_the_faults_are_many_and_different() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 60
    # One that is reported shows nothing of another.
    assert len({(fault.path, fault.reason) for fault in FAULTS}) == len(FAULTS)


def is_it(found: Finding, fault: Injected) -> bool:
    return found.path == fault.path and bool(
        re.search(fault.reason, f"{found.reason}: {found.detail}")
    )
