"""Whom every operation of the API lets in, and what becomes of all others."""

from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import func, select

from app import api, tables
from app.platform.database.model import defined_in
from app.platform.observability.context import ADMIN
from app.platform.web.routing import routes_of
from tests.fixtures.service import Service, Show, acting

NOWHERE = "00000000-0000-7000-8000-000000000000"
STREAM = "text/event-stream"

type Operations = list[tuple[str, str, dict[str, Any]]]


@pytest.fixture
def operations(application: FastAPI) -> Operations:
    paths = application.openapi()["paths"]
    return [
        (method.upper(), path, operation)
        for path, operations in paths.items()
        for method, operation in operations.items()
        # A stream has no end, and so no response here.
        if path.startswith("/v1/") and STREAM not in str(operation["responses"])
    ]


class TestAccess:
    def test_is_declared_by_every_route(self) -> None:
        for route in routes_of(api.router):
            assert route.policy.access, f"Give {route.path} Policy(access=...)."

    async def test_is_refused_to_who_shows_nothing(
        self, operations: Operations, service: Service
    ) -> None:
        before = await _rows(service)
        async with acting(service, {}):
            for method, path, operation in operations:
                response = await service.client.request(method, _url(path))

                refused = '"/problems/credentials-missing"' in response.text
                assert refused == ("security" in operation), f"{method} {path}"
                assert not refused or response.status_code == 401
        assert await _rows(service) == before

    async def test_is_refused_to_who_lacks_a_scope(
        self, operations: Operations, service: Service, show: Show
    ) -> None:
        before = await _rows(service)
        for method, path, operation in operations:
            # Where there are several ways to prove it, each needs the same scopes.
            needs = operation.get("security", [{}])[0]
            async with acting(service, await show(service.platform, "nothing")):
                response = await service.client.request(method, _url(path))

            refused = '"/problems/scope-missing"' in response.text
            assert refused == any(needs.values()), f"{method} {path}"
            assert not refused or response.status_code == 403
        assert await _rows(service) == before

    async def test_is_an_admins(
        self, operations: Operations, service: Service, show: Show
    ) -> None:
        for method, path, _ in operations:
            # It may have logged out.
            async with acting(service, await show(service.platform, ADMIN)):
                response = await service.client.request(method, _url(path))

            assert response.status_code != 403, f"{method} {path}"
            assert "/problems/credentials" not in response.text
            assert response.status_code < 500, f"{method} {path}"

    def test_is_documented(self, operations: Operations) -> None:
        for method, path, operation in operations:
            if "security" in operation:
                assert "401" in operation["responses"], f"{method} {path}"


async def _rows(service: Service) -> dict[str, int]:
    """Count the rows of each table, but of what notes log-ins, refusals and time."""
    noting = {"audit_events", "sessions", "ticks"}
    kept = [
        each
        for each in tables.metadata.sorted_tables
        if defined_in(each).startswith("app.") and each.name not in noting
    ]
    async with service.platform.database.unit_of_work() as unit:
        asked = {
            each.name: await unit.session.scalar(select(func.count()).select_from(each))
            for each in kept
        }
        return {name: number or 0 for name, number in asked.items()}


def _url(path: str) -> str:
    while "{" in path:
        head, _, rest = path.partition("{")
        path = f"{head}{NOWHERE}{rest.partition('}')[2]}"
    return path
