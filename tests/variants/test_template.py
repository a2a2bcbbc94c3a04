"""Every variant of the template is well, and is what Copier renders."""

from collections.abc import Iterator
from pathlib import Path
from random import SystemRandom
from time import process_time

import pytest

from tests.conftest import contents, copy
from tests.variants.quick import shared
from tests.variants.report import findings
from tests.variants.variants import Variants

SAMPLE = 200
PARTS = 8
SECONDS = 15


@pytest.fixture(scope="module", autouse=True)
def quicker_copies() -> Iterator[None]:
    with shared():
        yield


def test_every_variant_is_well(variants: Variants) -> None:
    started = process_time()

    found = findings(variants)

    assert not found, "\n".join(map(str, found))
    assert process_time() - started <= SECONDS


@pytest.mark.parametrize("part", range(PARTS))
def test_copier_renders_the_same(
    part: int, variants: Variants, folder: Path, tmp_path: Path
) -> None:
    seed = SystemRandom().randrange(10**6)
    print(f"part {part}: seed {seed}")

    for number, answers in enumerate(variants.sample(SAMPLE // PARTS, seed)):
        service = copy(folder, tmp_path / str(number), **answers)
        assert contents(service) == variants.files(answers), (seed, answers)
