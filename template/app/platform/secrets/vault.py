"""Secrets in HashiCorp Vault or OpenBao: one entry of a KV store, version 2."""

import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Literal

import httpx
from pydantic import (
    BaseModel,
    Field,
    HttpUrl,
    SecretStr,
    ValidationError,
    model_validator,
)

from app.platform.configuration import Refusal, authorities, tls_context
from app.platform.secrets import (
    Held,
    NoAnswerError,
    NotReadError,
    Secrets,
    SecretsSettings,
    shared,
)

# A sidecar that knows the way may be on this machine.
BESIDE = ("localhost", "127.0.0.1", "[::1]")
MOST_BYTES = 1 << 20
# A token is not used to its last second.
SHARE_OF_LEASE = 2 / 3
# What a refusal is about, by the way in which this service says who it is.
CREDENTIALS = {
    "token": "SECRETS__TOKEN",
    "approle": "SECRETS__SECRET_ID",
    "kubernetes": "SECRETS__ROLE",
}
NEEDED = {
    "token": ("path", "token"),
    "approle": ("path", "role_id", "secret_id"),
    "kubernetes": ("path", "role"),
}
REFUSED, NOT_FOUND, BAD_REQUEST, FAILED = 403, 404, 400, 300


class VaultSecretsSettings(SecretsSettings):
    """`SECRETS__*` in the environment."""

    url: HttpUrl | None = None
    """Where the manager is, with https://. Without it, nothing comes from there."""
    mount: str = "secret"
    """Where the KV store, version 2, is mounted."""
    path: str = ""
    """The entry whose keys are named as the variables are: shop/production."""
    namespace: str = ""
    """The namespace of all that, where there are namespaces."""
    method: Literal["token", "approle", "kubernetes"] = "token"
    """How this service says who it is."""
    login_mount: str = ""
    """Where that method is mounted, if not under its own name."""
    token: SecretStr | None = None
    """For `token`: one that may read the entry, and be renewed."""
    role_id: str = ""
    """For `approle`: which role."""
    secret_id: SecretStr | None = None
    """For `approle`: what proves it."""
    role: str = ""
    """For `kubernetes`: which role, bound to the service account."""
    jwt_file: str = "/var/run/secrets/kubernetes.io/serviceaccount/token"
    """For `kubernetes`: where the service account's token is."""

    @model_validator(mode="after")
    def _demand_what_the_method_needs(self) -> "VaultSecretsSettings":
        needed = NEEDED[self.method] if self.url else ()
        missing = [name for name in needed if not getattr(self, name)]
        if missing:
            names = " and ".join(f"SECRETS__{name.upper()}" for name in missing)
            raise ValueError(f"needs {names} with SECRETS__METHOD={self.method}")
        return self

    def unsafe(self) -> Iterator[Refusal]:
        # Without one, each secret that the environment lacks is refused itself.
        url = self.url
        if url is not None and url.scheme != "https" and url.host not in BESIDE:
            yield Refusal("url", "is not https://")

    @property
    def place(self) -> str:
        return f"{self.mount}/data/{self.path}" if self.url else ""

    def opened(self) -> Secrets:
        return shared(VaultSecrets, self)


class Entry(BaseModel):
    data: dict[str, str]


class Answer(BaseModel):
    """What is read of any answer: an entry, or a token and how long it lasts."""

    class Auth(BaseModel):
        client_token: str = Field(min_length=1)
        lease_duration: float

    data: Entry | None = None
    auth: Auth | None = None


class VaultSecrets(Secrets):
    """Says who it is when its token has ended, and else only reads."""

    def __init__(self, settings: VaultSecretsSettings) -> None:
        super().__init__(settings)
        self._vault = settings
        self._lasts_until = 0.0
        self._token = settings.token.get_secret_value() if settings.token else ""

    def ask(self) -> Held:
        settings = self._vault
        headers = {"X-Vault-Request": "true"}
        if settings.namespace:
            headers["X-Vault-Namespace"] = settings.namespace
        with httpx.Client(
            base_url=f"{str(settings.url).rstrip('/')}/v1/",
            headers=headers,
            timeout=settings.timeout_seconds,
            verify=tls_context(authorities()),
            follow_redirects=False,
            trust_env=False,
        ) as client:
            return self._read(client)

    def _read(self, client: httpx.Client) -> Held:
        if self._vault.method == "token":
            held = self._entry(client)
            # One that may not be renewed, or need not, lasts as long as it lasts.
            with suppress(NoAnswerError):
                self._send(client, "POST", "auth/token/renew-self", {})
            return held
        if time.monotonic() < self._lasts_until:
            try:
                return self._entry(client)
            except NoAnswerError:
                raise
            except NotReadError:
                # It was revoked before its time, if another one may read.
                self._lasts_until = 0.0
        self._log_in(client)
        return self._entry(client)

    def _entry(self, client: httpx.Client) -> Held:
        status, body = self._send(client, "GET", self._vault.place, None)
        if status == NOT_FOUND:
            sentence = f"SECRETS__PATH leads to nothing: there is no {self._place}."
            raise NotReadError(sentence)
        if entry := self._understood(status, body).data:
            return entry.data
        raise self._garbage()

    def _log_in(self, client: httpx.Client) -> None:
        settings = self._vault
        if settings.method == "kubernetes":
            proof = {"role": settings.role, "jwt": _text(settings.jwt_file)}
        else:
            secret = settings.secret_id.get_secret_value() if settings.secret_id else ""
            proof = {"role_id": settings.role_id, "secret_id": secret}
        path = f"auth/{settings.login_mount or settings.method}/login"
        self._token = ""
        auth = self._understood(*self._send(client, "POST", path, proof)).auth
        if auth is None:
            raise self._garbage()
        self._token = auth.client_token
        self._lasts_until = time.monotonic() + SHARE_OF_LEASE * auth.lease_duration

    def _send(
        self,
        client: httpx.Client,
        method: str,
        path: str,
        body: Mapping[str, str] | None,
    ) -> tuple[int, bytes]:
        """Ask once, within the timeout from the first byte to the last."""
        ends = time.monotonic() + self._vault.timeout_seconds
        headers = {"X-Vault-Token": self._token} if self._token else {}
        read = b""
        try:
            with client.stream(method, path, json=body, headers=headers) as response:
                for chunk in response.iter_bytes():
                    read += chunk
                    if time.monotonic() > ends or len(read) > MOST_BYTES:
                        raise httpx.ReadTimeout("It does not end.")
        except (httpx.HTTPError, ValueError) as error:
            # What it says may quote what was sent.
            reason = _reason(error)
            sentence = f"SECRETS__URL gives no answer ({reason}) about {self._place}."
            raise NoAnswerError(sentence) from None
        return response.status_code, read

    def _understood(self, status: int, body: bytes) -> Answer:
        if status in {BAD_REQUEST, REFUSED}:
            name = CREDENTIALS[self._vault.method]
            raise NotReadError(
                f"{name} is refused, has expired or may not read {self._place}."
            )
        if status >= FAILED:
            sentence = f"SECRETS__URL answers {status} when asked for {self._place}."
            raise NoAnswerError(sentence)
        try:
            return Answer.model_validate_json(body)
        except ValidationError:
            raise self._garbage() from None

    def _garbage(self) -> NoAnswerError:
        return NoAnswerError(
            "SECRETS__URL answers, but not as Vault does, or not with texts alone, "
            f"when asked for {self._place}."
        )

    @property
    def _place(self) -> str:
        return self._vault.place


def _text(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError):
        raise NotReadError(f"SECRETS__JWT_FILE cannot be read: {file}.") from None


def _reason(error: BaseException | None) -> str:
    kind = type(error).__name__
    while error is not None:
        # httpx has wrapped it.
        if isinstance(error, ssl.SSLError):
            return "certificate refused"
        error = error.__cause__ or error.__context__
    return kind
