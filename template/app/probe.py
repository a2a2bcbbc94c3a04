"""Asks the API of its own container how it is: `python -m app.probe /readyz`.

It runs every few seconds, so it imports nothing that takes long, and it reads the
variables that tell the server where to listen.
"""

import os
import sys
from http.client import HTTPConnection
from ipaddress import ip_address

TIMEOUT_SECONDS = 3
OK = 200


def main(path: str) -> int:
    """Return 0 if the answer is a 200, else 1, as `HEALTHCHECK` wants it."""
    address = reachable(os.environ["SERVER__HOST"])
    port = int(os.environ["SERVER__PORT"])
    connection = HTTPConnection(address, port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", path)
        return int(connection.getresponse().status != OK)
    except OSError as error:
        sys.stderr.write(f"{address} port {port}: {error}\n")
        return 1
    finally:
        connection.close()


def reachable(host: str) -> str:
    """Give an address that a server on this host answers at: `::` is all, not one."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if not address.is_unspecified:
        return host
    return "127.0.0.1" if address.version == 4 else "::1"  # noqa: PLR2004


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
