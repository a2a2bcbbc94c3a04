"""The one effect of a service, as its client asks for it and as the database has it."""

from dataclasses import dataclass

import httpx
from sqlalchemy import text

from app.platform.database import Database


@dataclass(frozen=True, slots=True)
class Effects:
    """The service's client, and the truth in the database."""

    client: httpx.AsyncClient
    database: Database

    async def cause(
        self, key: str | None, path: str = "/effects", **body: object
    ) -> httpx.Response:
        headers = {} if key is None else {"Idempotency-Key": key}
        return await self.client.post(path, json={"name": "x", **body}, headers=headers)

    async def count(self, table: str = "effects") -> int:
        async with self.database.read_session() as session:
            return int(await session.scalar(text(f"SELECT count(*) FROM {table}")))

    async def expire(self) -> None:
        async with self.database.unit_of_work() as unit:
            await unit.session.execute(
                text("UPDATE idempotency_keys SET expires_at = now()")
            )
