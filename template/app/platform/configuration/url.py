"""What makes the address of a server unsafe outside development."""

from collections.abc import Iterator
from ipaddress import ip_address
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import AfterValidator, HttpUrl, SecretStr

from app.platform.configuration.section import Refusal

KNOWN_TO_ALL = frozenset(
    {"admin", "changeme", "example", "guest", "password", "postgres", "root", "secret"}
)
INTERNAL = (".internal", ".local", ".svc")

type Url = SecretStr | HttpUrl | None


def refuse_url(
    name: str, url: Url, *, encrypted: bool | None = None
) -> Iterator[Refusal]:
    """
    Refuse this machine, a password that everybody knows, and an open conversation.

    Within a private network, plain text will do. Without `encrypted`, the scheme says
    whether it is.
    """
    if url is None:
        return
    parts = _parts(url)
    if encrypted is None:
        encrypted = _asks_for_tls(parts.scheme)
    if _is_this_machine(parts.hostname):
        yield Refusal(name, "names this machine, where only development has servers")
    if _is_known_to_all(parts):
        yield Refusal(name, "has a password that everybody knows")
    if _is_confidential(parts) and not encrypted and not _is_internal(parts.hostname):
        yield Refusal(name, "speaks to a public host without TLS")


def speaks(*schemes: str) -> AfterValidator:
    """Demand that an address begins with one of these."""
    wanted = " or ".join(f"{scheme}://" for scheme in schemes)

    def check(url: SecretStr) -> SecretStr:
        if _parts(url).scheme not in schemes:
            raise ValueError(f"must begin with {wanted}")
        return url

    return AfterValidator(check)


def _parts(url: SecretStr | HttpUrl) -> SplitResult:
    text = url.get_secret_value() if isinstance(url, SecretStr) else str(url)
    try:
        return urlsplit(text)
    except ValueError:
        # What urllib has to say may quote the password.
        raise ValueError("must be a URL") from None


def _asks_for_tls(scheme: str) -> bool:
    """The last letter of https and smtps, doubled where the plain name has it."""
    return scheme.endswith(("ps", "ss"))


def _is_confidential(parts: SplitResult) -> bool:
    return bool(parts.password) or parts.scheme == "http"


def _is_this_machine(host: str | None) -> bool:
    if host is None:
        return False
    try:
        address = ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    return address.is_loopback or address.is_unspecified


def _is_internal(host: str | None) -> bool:
    """A socket, a private address, or a name that no public resolver knows."""
    if host is None:
        return True
    try:
        return ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith(INTERNAL)


def _is_known_to_all(parts: SplitResult) -> bool:
    if not parts.password:
        return False
    password = unquote(parts.password).lower()
    return password in KNOWN_TO_ALL or password == unquote(parts.username or "").lower()
