"""Every variant of a template: counted, rendered, sampled, never listed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any

from tests.variants.engine.counting import Variant
from tests.variants.engine.diagram import TRUE, Diagram, any_of
from tests.variants.engine.explore import Run
from tests.variants.engine.files import Files, Made
from tests.variants.questions import Answers, Space


@dataclass(frozen=True)
class Variants:
    """What a template renders for each valid set of answers.

    `fixed` answers some questions beforehand, as `--data` does.
    """

    space: Space
    made: Mapping[str, Made]
    used: Mapping[str, Diagram]
    problems: Mapping[str, str]

    @classmethod
    def of(cls, root: Path, **fixed: Any) -> "Variants":
        space = Space(root, fixed)
        files = Files(space)
        return cls(space, files.made, files.used, files.problems)

    def count(self, where: Diagram = TRUE) -> int:
        return self.space.count(where)

    def files(self, answers: Answers) -> dict[str, bytes]:
        """What `copier copy` writes for these answers, but the answers file."""
        return self.files_of(self.space.variant(answers))

    def files_of(self, variant: Variant) -> dict[str, bytes]:
        texts = ((path, made.text(variant)) for path, made in self.made.items())
        return {path: text for path, text in texts if text is not None}

    def sample(self, size: int, seed: int) -> Iterator[Answers]:
        """Answers at random, every variant as likely as any other."""
        random = Random(seed)
        for _ in range(size):
            yield self.space.answers(self.space.sample(random))

    def every(self) -> Iterator[Answers]:
        """All of them, one by one: only for what is small enough to walk."""
        return map(self.space.answers, self.space.every())

    def contents(self) -> int:
        """How many different files there are in all variants together."""
        return sum(len(made.versions()) for made in self.made.values())

    def exists(self, path: str) -> Diagram:
        """Where the variant has this file, or a folder of this name."""
        return self._places.get(path.strip("/"), any_of([]))

    def read(self, name: str, variant: Variant) -> Any:
        """What a template reads under this name."""
        return self.space.read(Run(self.space, variant), name)

    @cached_property
    def _places(self) -> dict[str, Diagram]:
        places: dict[str, Diagram] = {}
        for path, made in self.made.items():
            for place in (Path(path), *Path(path).parents):
                known = places.get(place.as_posix(), any_of([]))
                places[place.as_posix()] = any_of([known, made.present])
        return places
