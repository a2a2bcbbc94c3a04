"""Somebody who opens an account at a running service, and shows who they are."""

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as policy
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlencode

from client import Failed, Headers, Json, exchange, wait_for

LETTER_SECONDS = 30
# A sentence is as good as any other password, and this one is nobody's.
PASSWORD = "a sentence of the demo"  # noqa: S105
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def arrive(url: str, email: str, *, mails: Path) -> Headers:
    """Register, verify the address, log in; give the header that proves it."""
    _told(url, "/v1/accounts", {"email": email, "password": PASSWORD})
    letter = wait_for(
        "the letter", lambda: _letter(mails, email), seconds=LETTER_SECONDS
    )
    token = text_of(letter).split()[-1]
    print(f"     a letter to {email}: {letter['Subject']}", flush=True)
    _told(url, "/v1/accounts/verifications", {"token": token})
    form = urlencode({"username": email, "password": PASSWORD})
    tokens = _told(url, "/v1/accounts/token", form)
    return {"Authorization": f"Bearer {tokens['access_token']}"}


def letters(mails: Path) -> list[EmailMessage]:
    """Give all that was mailed, in the order of its files."""
    files = sorted(mails.glob("*.eml"))
    return [message_from_bytes(file.read_bytes(), policy=policy) for file in files]


def text_of(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    return str(body.get_content() if body else "").strip()


def _letter(mails: Path, email: str) -> EmailMessage | None:
    return next((mail for mail in letters(mails) if mail["To"] == email), None)


def _told(url: str, path: str, body: Json | str) -> Json:
    answer = exchange(url, "POST", path, body, FORM if isinstance(body, str) else {})
    print(f"{answer.status}  POST {path}", flush=True)
    if not HTTPStatus(answer.status).is_success:
        raise Failed(f"{path} answered {answer.status}: {answer.text}")
    return answer.body if answer.status == HTTPStatus.OK else {}
