"""Where a URL leads, whether that is safe, and whose word there is taken."""

import os
import socket
import ssl
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

import certifi
from pydantic import AfterValidator, HttpUrl, SecretStr

from app.platform.configuration.section import Refusal

# Among them every password that compose.yaml, the pipelines and the documentation set.
KNOWN_TO_ALL = frozenset({
    "admin", "changeme", "example", "guest", "local-only", "password", "postgres",
    "root", "s3cret", "secret", "service", "test",
})  # fmt: skip
SHORTEST_PASSWORD = 12
INTERNAL = (".internal", ".local", ".svc")


class Address(NamedTuple):
    """What the library that will use a URL makes of it: no host is a socket."""

    hosts: tuple[str, ...]
    user: str | None = None
    password: str | None = None
    encrypted: bool = False
    confidential: bool = False


def refuse_address(name: str, address: Address) -> Iterator[Refusal]:
    """
    Refuse this machine, a password that everybody knows, and an open conversation.

    Within a private network, plain text will do.
    """
    if any(map(_is_this_machine, address.hosts)):
        yield Refusal(name, "names this machine, where only development has servers")
    if _is_known_to_all(address):
        yield Refusal(name, "has a password that everybody knows")
    elif address.password and len(address.password) < SHORTEST_PASSWORD:
        least = f"has a password of fewer than {SHORTEST_PASSWORD} characters"
        yield Refusal(name, least)
    if _is_open(address):
        yield Refusal(name, "speaks to a public host without TLS")


def refuse_url(name: str, url: HttpUrl | None) -> Iterator[Refusal]:
    """Judge the address of a web server, which is confidential in any case."""
    if url is not None:
        yield from refuse_address(name, _of_web(url))


def refuse_plain_text(name: str, url: HttpUrl | None) -> Iterator[Refusal]:
    """Refuse an open conversation alone, for what may run on this machine."""
    if url is not None and _is_open(_of_web(url)):
        yield Refusal(name, "speaks to a public host without TLS")


def readable_by(read: Callable[[str], object], *schemes: str) -> AfterValidator:
    """
    Demand a URL with one of these schemes that `read` can read.

    It raises a `ValueError` with a sentence that goes on from the setting's name.
    """

    def check(url: SecretStr) -> SecretStr:
        text = url.get_secret_value()
        if not text.startswith(tuple(f"{scheme}://" for scheme in schemes)):
            wanted = " or ".join(f"{scheme}://" for scheme in schemes)
            raise ValueError(f"must begin with {wanted}")
        read(text)
        return url

    return AfterValidator(check)


def refuse_arguments(names: Iterable[str], *, known: tuple[str, ...] = ()) -> None:
    """Raise for what follows the question mark of a URL and means nothing here."""
    for name in names:
        if name not in known:
            can = f"what can is {', '.join(known)}" if known else "nothing can"
            raise ValueError(f"cannot end in ?{name}=: {can}")


def split(url: str, *, arguments: tuple[str, ...] = ()) -> Address:
    """Read a URL of a host, with user and password if needed; raise for any other."""
    if "#" in url:
        raise ValueError("has a # in it: in a password, write %23")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        # What urllib has to say may quote the password.
        raise ValueError("has a host or a port that is none") from None
    if not host:
        raise ValueError("names no host")
    refuse_arguments(parse_qs(parts.query, keep_blank_values=True), known=arguments)
    return Address(
        (unquote(host),),
        unquote(parts.username) if parts.username else None,
        unquote(parts.password) if parts.password else None,
    )


def authorities() -> str:
    """
    Name the file of those who vouch for servers: `SSL_CERT_FILE`, or the usual ones.

    Every connection that leaves and speaks TLS asks them, and checks the host's name.
    """
    return os.environ.get("SSL_CERT_FILE") or certifi.where()


@cache
def tls_context(file: str) -> ssl.SSLContext:
    """Trust these authorities. Reading them takes 30 ms: once for a process."""
    try:
        return ssl.create_default_context(cafile=file)
    except OSError:
        raise ValueError(f"cannot be proven: {file} holds no certificates") from None


def _of_web(url: HttpUrl) -> Address:
    return Address(
        (url.host or "",),
        url.username and unquote(url.username),
        url.password and unquote(url.password),
        encrypted=url.scheme == "https",
        confidential=True,
    )


def _is_open(address: Address) -> bool:
    confidential = address.confidential or bool(address.password)
    public = not all(map(_is_internal, address.hosts))
    return confidential and public and not address.encrypted


def _is_this_machine(host: str) -> bool:
    address = _numeric(host)
    if isinstance(address, str):
        return address == "localhost" or address.endswith(".localhost")
    return address.is_loopback or address.is_unspecified


def _is_internal(host: str) -> bool:
    """A private address, or a name that no public resolver knows."""
    address = _numeric(host)
    if isinstance(address, str):
        return "." not in address or address.endswith(INTERNAL)
    return address.is_private


def _numeric(host: str) -> IPv4Address | IPv6Address | str:
    """Read an address as the system does, where 127.1 is this machine; or a name."""
    try:
        address = ip_address(host.strip("[]"))
    except ValueError:
        try:
            return IPv4Address(socket.inet_aton(host))
        except (OSError, UnicodeError):
            return host.lower().rstrip(".")
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _is_known_to_all(address: Address) -> bool:
    password = (address.password or "").lower()
    same = password == (address.user or "").lower()
    return password in KNOWN_TO_ALL or bool(password and same)
