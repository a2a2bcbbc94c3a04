"""Faults that people make, as edits of the template."""

from tests.variants.samples.faults.formats import FORMATS
from tests.variants.samples.faults.injected import Injected
from tests.variants.samples.faults.places import PLACES
from tests.variants.samples.faults.promises import PROMISES
from tests.variants.samples.faults.python import PYTHON
from tests.variants.samples.faults.questions import QUESTIONS, TEMPLATES

FAULTS: list[Injected] = [*QUESTIONS, *TEMPLATES, *PYTHON, *FORMATS, *PLACES, *PROMISES]

__all__ = ["FAULTS", "Injected"]
