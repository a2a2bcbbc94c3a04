"""Milliseconds of a query on a new connection, and on the service's pool, as JSON."""

import asyncio
import json
import sys
import time
from statistics import median

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

ROUNDS, EACH = 10, 30


async def milliseconds(url: str, **pool: object) -> list[float]:
    engine = create_async_engine(url, **pool)
    found = []
    for _ in range(ROUNDS * EACH):
        began = time.perf_counter()
        async with engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
        found.append((time.perf_counter() - began) * 1000)
    await engine.dispose()
    return found


async def main(url: str) -> None:
    new = median(await milliseconds(url, poolclass=NullPool))
    pooled = median(await milliseconds(url))
    json.dump({"new": new, "pooled": pooled}, sys.stdout)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
