"""The verifier can fail: each fault that is put into the template is reported."""

import re
import shutil
from pathlib import Path

import pytest

from tests.variants.report import Finding, findings
from tests.variants.samples.faults import FAULTS, Injected
from tests.variants.variants import Variants


@pytest.fixture(scope="session")
def known(folder: Path) -> set[tuple[str, str]]:
    """What is wrong before anything is injected."""
    return {(each.path, each.reason) for each in findings(Variants.of(folder))}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_is_reported(
    fault: Injected, folder: Path, known: set[tuple[str, str]], tmp_path: Path
) -> None:
    broken = Path(shutil.copytree(folder, tmp_path / "strata"))
    fault.inject(broken)

    variants = Variants.of(broken)

    found = [
        each for each in findings(variants) if (each.path, each.reason) not in known
    ]
    expected = next((each for each in found if is_it(each, fault)), None)
    assert expected, "\n".join(map(str, found))
    assert 0 < expected.variants <= variants.count()
    assert (expected.variants < variants.count()) == fault.sometimes, expected
    assert expected.reproduce.startswith("copier copy --defaults ")


def test_the_faults_are_many_and_different() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 60


def is_it(found: Finding, fault: Injected) -> bool:
    return found.path == fault.path and bool(
        re.search(fault.reason, f"{found.reason}: {found.detail}")
    )
