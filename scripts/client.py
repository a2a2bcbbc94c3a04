"""Requests to a service that was rendered here, on the standard library alone."""

import json
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPConnection
from typing import NamedTuple
from urllib.parse import urlsplit

READY_SECONDS = 60
REQUEST_SECONDS = 10

type Json = dict[str, object]
type Headers = Mapping[str, str]


class Failed(Exception):
    """What was promised did not happen; the message says what."""


class Answer(NamedTuple):
    status: int
    headers: Headers
    text: str

    @property
    def body(self) -> Json:
        found: Json = json.loads(self.text)
        return found


def await_readiness(url: str) -> None:
    wait_for("a ready service", lambda: _ready(url), seconds=READY_SECONDS)


def request(
    url: str, path: str, body: Json | None = None, headers: Headers | None = None
) -> Json:
    """Get, or post a body; the answer must be a success."""
    method = "GET" if body is None else "POST"
    answer = exchange(url, method, path, body, headers)
    if not HTTPStatus(answer.status).is_success:
        raise Failed(f"{path} answered {answer.status}: {answer.text}")
    return answer.body


def exchange(
    url: str,
    method: str,
    path: str,
    body: Json | str | None = None,
    headers: Headers | None = None,
) -> Answer:
    """Send one request, whatever it is answered with: JSON, or text as it is."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=REQUEST_SECONDS)
    data = json.dumps(body) if isinstance(body, dict) else body
    all_headers = {"Content-Type": "application/json", **(headers or {})}
    try:
        with closing(connection):
            connection.request(method, path, data, all_headers)
            answer = connection.getresponse()
            text = answer.read().decode(errors="replace")
            return Answer(answer.status, answer.headers, text)
    except OSError as error:
        raise Failed(f"{path} did not answer: {error}") from None


def wait_for[T](what: str, look: Callable[[], T | None], *, seconds: float) -> T:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.05)
    raise Failed(f"{what} did not come within {seconds:.0f} s.")


def pretty(value: Json) -> str:
    return json.dumps(value, indent=2)


def _ready(url: str) -> bool:
    try:
        return exchange(url, "GET", "/readyz").status == HTTPStatus.OK
    except Failed:
        return False
