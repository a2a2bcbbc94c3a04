"""Amazon CloudFront, which forgets by cache tag."""

import hmac
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from hashlib import sha256
from typing import Self
from urllib.parse import urlsplit
from uuid import uuid4
from xml.sax.saxutils import escape

import structlog
from pydantic import Field, SecretStr

from app.platform.cdn import NotPurged, tagging
from app.platform.configuration import Refusal, Section
from app.platform.http import HttpClient

log = structlog.get_logger(__name__)

API = "2020-05-31"
# CloudFront is a global service, and signed for as if it stood here.
SCOPE = "us-east-1/cloudfront"
CREATED = 201


class CloudfrontCdnSettings(Section):
    """`CDN__*` in the environment."""

    distribution: str = Field("", pattern=r"^[A-Z0-9]*$")
    """The id of the distribution; empty purges nothing."""
    access_key_id: str = ""
    """Of a user who may do cloudfront:CreateInvalidation there, and nothing else."""
    secret_access_key: SecretStr = SecretStr("")
    """Of the same user."""
    session_token: SecretStr = SecretStr("")
    """If the two are temporary."""
    endpoint: str = Field("https://cloudfront.amazonaws.com", pattern=r"^https?://")
    """Where the API is."""

    def unsafe(self) -> Iterator[Refusal]:
        if self.distribution and not self.access_key_id:
            yield Refusal("access_key_id", "is to be set with CDN__DISTRIBUTION")


class CloudfrontCdn:
    """Makes one invalidation of each purge: it counts as one path for each key."""

    # The distribution's CacheTagConfig names the same header.
    tagged = staticmethod(tagging(b"cache-tag"))

    def __init__(self, settings: CloudfrontCdnSettings, http: HttpClient) -> None:
        self._settings = settings
        self._http = http

    @classmethod
    @asynccontextmanager
    async def open(
        cls, settings: CloudfrontCdnSettings, http: HttpClient
    ) -> AsyncIterator[Self]:
        if not settings.distribution:
            log.warning("cdn.not_purged", detail="CDN__DISTRIBUTION is not set.")
        yield cls(settings, http)

    async def purge(self, keys: Collection[str]) -> None:
        settings = self._settings
        if not settings.distribution:
            return
        path = f"/{API}/distribution/{settings.distribution}/invalidation"
        url, body = settings.endpoint + path, _batch(keys)
        headers = {"content-type": "application/xml"}
        if token := settings.session_token.get_secret_value():
            headers["x-amz-security-token"] = token
        signature = signed(
            "POST",
            url,
            headers,
            body,
            key=(settings.access_key_id, settings.secret_access_key.get_secret_value()),
        )
        answer = await self._http.post(url, headers=headers | signature, content=body)
        if answer.status != CREATED:
            raise NotPurged(f"CloudFront answered {answer.status}.")


def _batch(keys: Collection[str]) -> bytes:
    paths = "".join(f"<Path>#{escape(key)}</Path>" for key in keys)
    return (
        f'<InvalidationBatch xmlns="http://cloudfront.amazonaws.com/doc/{API}/">'
        f"<Paths><Quantity>{len(keys)}</Quantity><Items>{paths}</Items></Paths>"
        f"<CallerReference>{uuid4()}</CallerReference></InvalidationBatch>"
    ).encode()


def signed(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    key: tuple[str, str],
    scope: str = SCOPE,
    now: datetime | None = None,
) -> dict[str, str]:
    """Sign a request without a query (AWS Signature Version 4): headers to add."""
    where, moment = urlsplit(url), now or datetime.now(UTC)
    date = f"{moment:%Y%m%dT%H%M%SZ}"
    said = {**headers, "host": where.netloc, "x-amz-date": date}
    names = ";".join(sorted(said))
    lines = [f"{name}:{said[name]}\n" for name in sorted(said)]
    digest = sha256(body).hexdigest()
    canonical = f"{method}\n{where.path}\n\n{''.join(lines)}\n{names}\n{digest}"
    scope = f"{date[:8]}/{scope}/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{date}\n{scope}\n{_hash(canonical)}"
    own = b"AWS4" + key[1].encode()
    for part in scope.split("/"):
        own = hmac.digest(own, part.encode(), "sha256")
    signature = hmac.digest(own, text.encode(), "sha256").hex()
    credential = f"Credential={key[0]}/{scope}"
    proof = f"{credential}, SignedHeaders={names}, Signature={signature}"
    return {"x-amz-date": date, "authorization": f"AWS4-HMAC-SHA256 {proof}"}


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()
