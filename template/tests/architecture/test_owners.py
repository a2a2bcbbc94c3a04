"""What becomes of the rows of one caller when another asks for them, by any route."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Row,
    Table,
    insert,
    select,
    text,
)

from app import api
from app.platform.database import Base, Owned
from app.platform.database.model import defined_in
from app.platform.observability.context import ADMIN
from app.platform.web.routing import OWNER, routes_of
from tests.fixtures.service import KnownAs, Service, Show, acting

ADA, EVE = str(uuid4()), str(uuid4())
THERE = UUID("00000000-0000-7000-8000-00000000000a")
SAID = {"If-Match": "*", "Idempotency-Key": "of-another"}
# Of each type a value; nobody is shown them, so that they need not make sense.
VALUES: dict[type, Any] = {
    str: "x",
    bytes: b"x",
    int: 1,
    bool: True,
    Decimal: Decimal(0),
    UUID: THERE,
    date: date(2030, 1, 31),
    datetime: datetime(2030, 1, 31, tzinfo=UTC),
    dict: {},
    object: [],
}

type Rows = dict[str, Sequence[Row[Any]]]


@pytest.fixture
def operations(application: FastAPI) -> list[tuple[str, str]]:
    """Each method of each path that names a row, of what is an owner's."""
    own = [route for route in routes_of(api.router) if route.policy.access == OWNER]
    known = application.openapi()["paths"]
    found = [
        (method, path.replace(path[path.index("{") : path.index("}") + 1], str(THERE)))
        for route in own
        if "{" in (path := f"{api.router.prefix}{route.path}")
        for method in sorted(route.methods - {"HEAD"})
        if method.lower() in known[path]
    ]
    assert len(found) >= sum("{" in route.path for route in own)
    return found


@pytest.fixture
async def rows(service: Service, known_as: KnownAs) -> Rows:
    """One row of Ada's in each table whose rows have owners."""
    async with service.platform.database.unit_of_work() as unit:
        for table in _owned():
            for each in table.constraints:
                if isinstance(each, CheckConstraint | ForeignKeyConstraint):
                    change = f"ALTER TABLE {table.name} DROP CONSTRAINT {each.name}"
                    await unit.session.execute(text(change))
        for table in _owned():
            values = {each.name: _value(each) for each in table.c if _needed(each)}
            values["owner_id"] = known_as(ADA)
            await unit.session.execute(insert(table).values(values))
    return await _rows(service)


class TestAnothersRow:
    async def test_is_not_there_and_stays_as_it_is(
        self,
        operations: list[tuple[str, str]],
        service: Service,
        rows: Rows,
        show: Show,
    ) -> None:
        async with acting(service, await show(service.platform, id_=EVE)):
            for method, path in operations:
                sends = method in {"PATCH", "POST", "PUT"}
                answer = await service.client.request(
                    method, path, json={} if sends else None, headers=SAID
                )

                # A body that nobody may send is refused before anybody looks.
                refused = {404, 422} if sends else {404}
                assert answer.status_code in refused, f"{method} {path}: {answer.text}"
                assert EVE not in answer.text

        assert await _rows(service) == rows

    @pytest.mark.parametrize("scopes", [(), (ADMIN,)])
    async def test_is_there_for_its_owner_and_for_an_admin(
        self,
        operations: list[tuple[str, str]],
        service: Service,
        rows: Rows,
        show: Show,
        scopes: tuple[str, ...],
    ) -> None:
        whose = EVE if scopes else ADA
        async with acting(service, await show(service.platform, *scopes, id_=whose)):
            for method, path in operations:
                if method == "GET":
                    answer = await service.client.get(path)

                    assert answer.status_code != 404, path
        assert await _rows(service) == rows


def _owned() -> list[Table]:
    mapped = [each for each in Base.registry.mappers if issubclass(each.class_, Owned)]
    tables = [each.local_table for each in mapped]
    return [
        each
        for each in tables
        if isinstance(each, Table) and defined_in(each).startswith("app.")
    ]


def _needed(column: Column[Any]) -> bool:
    return not column.nullable and column.server_default is None


def _value(column: Column[Any]) -> Any:
    return THERE if column.name == "id" else VALUES[column.type.python_type]


async def _rows(service: Service) -> Rows:
    async with service.platform.database.read_session() as session:
        return {
            table.name: (await session.execute(select(table))).all()
            for table in _owned()
        }
