"""HTTP in: what every route of every module shares."""

from fastapi.telemetry import TelemetryConfig

from app.platform.web.edge import WebSettings
from app.platform.web.install import install, secure

__all__ = ["UNWATCHED", "WebSettings", "install", "secure"]

# FastAPI would look for somebody who watches at each request; who does is known here.
UNWATCHED: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}
