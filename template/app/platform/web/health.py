"""Is the process alive; can it serve."""

from typing import Literal

from fastapi import APIRouter, Request, Response, status
from pydantic import BaseModel

from app.platform.web.readiness import Dependency, Readiness

router = APIRouter(include_in_schema=False)
# Some load balancers ask for the headers only.
PROBED_BY = ["GET", "HEAD"]


class DependencyRead(BaseModel):
    status: Literal["ok", "failing"]
    required: bool
    reason: str | None

    @classmethod
    def of(cls, dependency: Dependency) -> "DependencyRead":
        return cls(
            status="failing" if dependency.reason else "ok",
            required=dependency.check.required,
            reason=dependency.reason,
        )


class ReadinessRead(BaseModel):
    status: Literal["ready", "not ready", "stopping"]
    dependencies: dict[str, DependencyRead]

    @classmethod
    def of(cls, readiness: Readiness) -> "ReadinessRead":
        serving: Literal["ready", "not ready"] = (
            "ready" if readiness.ready else "not ready"
        )
        return cls(
            status="stopping" if readiness.stopping else serving,
            dependencies={
                each.check.name: DependencyRead.of(each)
                for each in readiness.dependencies
            },
        )


@router.api_route("/livez", methods=PROBED_BY)
async def live() -> dict[str, str]:
    """Answer while the event loop turns. Asks nothing of anybody."""
    return {"status": "ok"}


@router.api_route("/readyz", methods=PROBED_BY)
async def ready(request: Request, response: Response) -> ReadinessRead:
    """Report what the latest probes found, without waiting for another."""
    readiness: Readiness = request.state.readiness
    if not readiness.ready:
        response.status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    return ReadinessRead.of(readiness)
