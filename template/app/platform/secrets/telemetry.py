"""How old the secrets are that a process goes on with."""

from prometheus_client import Gauge

from app.platform.secrets import Secrets
from app.platform.telemetry.tracing import Watching


def watch(part: object, telemetry: Watching) -> None:
    """Measure the part, if it is what knows the secrets."""
    if not isinstance(part, Secrets):
        return
    age = Gauge(
        "secrets_age_seconds",
        "Since the manager last gave secrets that could be used.",
        registry=telemetry.metrics.registry,
        multiprocess_mode="livemax",
    )
    telemetry.metrics.on_refresh(lambda: age.set(part.age_seconds))
