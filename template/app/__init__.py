"""The service, whose processes say everything in plain text."""

import os
import sys

# Structlog, httpx and Typer load what colours a console wherever it is installed, and
# nothing here asks for it: 9 MB of each process, and a tenth of a second.
os.environ.setdefault("TYPER_USE_RICH", "0")
for _name in ("rich", "pygments"):
    if _name not in sys.modules:
        sys.modules[_name] = None  # type: ignore[assignment]
