"""Who asks: an account of the service, and the header that proves who bears it."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.promises.load import bearing

EMAIL, PASSWORD = "admin@example.com", "correct horse battery"
# They last as long as a run: whoever measures does not log in again meanwhile.
SETTINGS = {"IDENTITY__ACCESS_MINUTES": "60"}
ACCOUNTS = "app/modules/accounts"
TOKENS = f"{ACCOUNTS}/tokens.py"
PROVIDER = "app/platform/identity/oidc.py"


def are_known(rendering: Path) -> bool:
    """Tell whether its routes want to know who asks, by a token that it gives."""
    if (rendering / TOKENS).is_file():
        return True
    if (rendering / ACCOUNTS).is_dir() or (rendering / PROVIDER).is_file():
        raise SystemExit("Who asks here logs in with identity=jwt, or not at all.")
    return False


def register(rendering: Path, urls: Mapping[str, str]) -> None:
    """Let an operator make an account, which may do everything."""
    words = ("accounts", "create-admin", EMAIL, "--password", PASSWORD)
    subprocess.run(
        [".venv/bin/python", "-m", "app.cli", *words],
        cwd=rendering,
        env={**os.environ, **urls},
        stdout=subprocess.DEVNULL,
        check=True,
    )


def log_in(address: str) -> dict[str, str]:
    return bearing(address, username=EMAIL, password=PASSWORD)
