"""Which responses shared caches may keep, and for how long."""

from dataclasses import KW_ONLY, dataclass
from datetime import timedelta

from fastapi import Request, Response, status

from app.platform.web.routing import before_commit

_CACHEABLE = frozenset({status.HTTP_200_OK, status.HTTP_304_NOT_MODIFIED})


@dataclass(frozen=True, slots=True)
class Public:
    """
    Declare a route public: `dependencies=[Depends(Public(s_maxage=...))]`.

    Anybody may be shown its responses, also by a CDN. Errors are still not stored.
    """

    _: KW_ONLY
    s_maxage: timedelta
    stale_while_revalidate: timedelta = timedelta(0)
    vary: tuple[str, ...] = ()

    async def __call__(self, request: Request) -> None:
        before_commit(request, self._mark)

    async def _mark(self, response: Response) -> None:
        if response.status_code not in _CACHEABLE:
            return
        response.headers["Cache-Control"] = (
            f"public, s-maxage={self.s_maxage.total_seconds():.0f}, "
            f"stale-while-revalidate={self.stale_while_revalidate.total_seconds():.0f}"
        )
        for name in self.vary:
            response.headers.add_vary_header(name)
