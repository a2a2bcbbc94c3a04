from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from httpx import AsyncClient, Response
from pydantic import SecretStr
from sqlalchemy import BigInteger, String, TextClause, bindparam, text

from app.platform.database import Database, DatabaseSettings
from app.platform.web.dependencies import UnitOfWorkDep
from app.platform.web.routing import Router
from dev.process import free_port
from tests.platform.web.conftest import Serve, create_app

STATEMENTS: dict[str, tuple[TextClause, ...]] = {
    "number": (text("SELECT :value").bindparams(bindparam("value", type_=BigInteger)),),
    "text": (text("SELECT :value").bindparams(bindparam("value", type_=String)),),
    "negative limit": (text("SELECT 1 LIMIT -1"),),
    "slow": (text("SET LOCAL statement_timeout = 20"), text("SELECT pg_sleep(5)")),
    "slow for the driver": (text("SELECT pg_sleep(5)"),),
    "deadlock": (text("DO $$ BEGIN RAISE deadlock_detected; END $$"),),
    "terminated": (text("SELECT pg_terminate_backend(pg_backend_pid())"),),
    "duplicate": (
        text("CREATE TEMPORARY TABLE customers (email text UNIQUE) ON COMMIT DROP"),
        text("INSERT INTO customers SELECT :value FROM generate_series(1, 2)"),
    ),
    "defect": (text("SELECT nonsense"),),
    "division": (text("SELECT 1 / 0"),),
}

router = Router()


@router.post("/statements/{name}")
async def execute(name: str, unit: UnitOfWorkDep, values: dict[str, Any]) -> str:
    for statement in STATEMENTS[name]:
        await unit.session.execute(statement, values)
    return "done"


@pytest.fixture
def limited(database_settings: DatabaseSettings) -> DatabaseSettings:
    """Limits that a test can wait for."""
    return database_settings.model_copy(
        update={
            "pool_size": 1,
            "pool_overflow": 0,
            "checkout_timeout_seconds": 0.05,
            "command_timeout_seconds": 0.2,
        }
    )


@pytest.fixture
async def database(limited: DatabaseSettings, stage: Any) -> AsyncIterator[Database]:
    async with Database.open(limited, stage=stage) as database:
        yield database


@pytest.fixture
async def client(serve: Serve, database: Database) -> AsyncIterator[AsyncClient]:
    platform = SimpleNamespace(database=database)
    async with serve(create_app(None, router), platform=platform) as client:
        yield client


def check(response: Response, status: int) -> None:
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert ("retry-after" in response.headers) == (status == 503)


class TestTranslate:
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("number", 2**63),
            ("number", -(2**100)),
            ("text", "half\0"),
            ("negative limit", None),
        ],
    )
    async def test_a_value_that_cannot_be_stored_is_the_callers(
        self, client: AsyncClient, name: str, value: object
    ) -> None:
        values = {} if value is None else {"value": value}

        response = await client.post(f"/v1/statements/{name}", json=values)

        check(response, 422)

    @pytest.mark.parametrize(
        "name", ["slow", "slow for the driver", "deadlock", "terminated"]
    )
    async def test_what_will_pass_is_a_reason_to_come_back(
        self, client: AsyncClient, name: str
    ) -> None:
        check(await client.post(f"/v1/statements/{name}", json={}), 503)

    async def test_a_lost_connection_is_replaced(self, client: AsyncClient) -> None:
        await client.post("/v1/statements/terminated", json={})

        response = await client.post("/v1/statements/text", json={"value": "x"})

        assert response.status_code == 200

    async def test_a_pool_without_connections_is_a_reason_to_come_back(
        self, client: AsyncClient, database: Database
    ) -> None:
        async with database.unit_of_work() as unit:
            await unit.session.connection()

            response = await client.post("/v1/statements/defect", json={})

        check(response, 503)

    async def test_a_server_that_is_gone_is_a_reason_to_come_back(
        self, serve: Serve, stage: Any
    ) -> None:
        url = f"postgresql+asyncpg://nobody@127.0.0.1:{free_port()}/nothing"
        settings = DatabaseSettings(url=SecretStr(url))
        async with (
            Database.open(settings, stage=stage) as database,
            serve(
                create_app(None, router), platform=SimpleNamespace(database=database)
            ) as client,
        ):
            response = await client.post("/v1/statements/defect", json={})

        check(response, 503)

    @pytest.mark.parametrize("name", ["defect", "division"])
    async def test_a_defect_stays_one(self, client: AsyncClient, name: str) -> None:
        response = await client.post(f"/v1/statements/{name}", json={})

        check(response, 500)
        assert "nonsense" not in response.text

    async def test_a_customers_value_does_not_reach_the_log(
        self, client: AsyncClient, capsys: pytest.CaptureFixture[str]
    ) -> None:
        body = {"value": "ada@example.com"}

        response = await client.post("/v1/statements/duplicate", json=body)

        logged = capsys.readouterr().out
        check(response, 500)
        assert "customers_email_key" in logged
        assert "ada@example.com" not in logged + response.text
