"""
Asks the process of its own container how it is: `python -m app.probe /readyz`.

It runs every few seconds, so it imports nothing that takes long.
"""

import os
import sys
from http.client import HTTPConnection

TIMEOUT_SECONDS = 3
OK = 200
# Where a server that is on every address can be reached from here.
NEAREST = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


def main(path: str) -> int:
    """Return 0 if the answer is a 200, else 1, as `HEALTHCHECK` wants it."""
    host, port = os.environ["ADMIN__HOST"], int(os.environ["ADMIN__PORT"])
    connection = HTTPConnection(NEAREST.get(host, host), port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", path)
        return int(connection.getresponse().status != OK)
    except OSError as error:
        sys.stderr.write(f"{host} port {port}: {error}\n")
        return 1
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
