"""The way out to third parties over HTTP."""

from app.platform.http.breaker import BreakerState
from app.platform.http.client import HttpClient
from app.platform.http.errors import (
    CircuitOpen,
    HttpUnavailable,
    NoConnection,
    ThirdPartyErred,
    ThirdPartyFailed,
    ThirdPartyMisbehaved,
    ThirdPartyTimedOut,
    ThirdPartyUnreachable,
)
from app.platform.http.host import HttpSettings
from app.platform.http.transport import HttpResponse

__all__ = [
    "BreakerState",
    "CircuitOpen",
    "HttpClient",
    "HttpResponse",
    "HttpSettings",
    "HttpUnavailable",
    "NoConnection",
    "ThirdPartyErred",
    "ThirdPartyFailed",
    "ThirdPartyMisbehaved",
    "ThirdPartyTimedOut",
    "ThirdPartyUnreachable",
]
