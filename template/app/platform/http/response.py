"""What a third party answered, read up to a limit."""

from collections.abc import Mapping
from dataclasses import dataclass

import httpx
from pydantic import BaseModel, ValidationError

from app.platform.http.errors import ThirdPartyMisbehaved


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """An answer below 500; `headers` ignores case."""

    host: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    def parse[M: BaseModel](self, model: type[M]) -> M:
        """Raise `ThirdPartyMisbehaved` when the body is not such a JSON object."""
        try:
            return model.model_validate_json(self.body)
        except ValidationError:
            # The cause would carry the body into the logs.
            raise ThirdPartyMisbehaved(self.host) from None


async def read(response: httpx.Response, host: str, *, max_bytes: int) -> HttpResponse:
    """Stop, and refuse the answer, at the first byte too many."""
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > max_bytes:
            raise ThirdPartyMisbehaved(host, "sent an answer that is too large")
    return HttpResponse(host, response.status_code, response.headers, bytes(body))
