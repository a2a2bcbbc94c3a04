"""How busy the connection pools are, and how long it takes to get a connection."""

from collections.abc import Callable
from time import perf_counter

from prometheus_client import Counter, Gauge, Histogram
from sqlalchemy import PoolProxiedConnection, QueuePool
from sqlalchemy.exc import TimeoutError as NoneFree

from app.platform.database.database import Database
from app.platform.telemetry.metrics import SECONDS, Measuring, Metrics

type Connect = Callable[[], PoolProxiedConnection]


def watch(part: object, telemetry: Measuring) -> None:
    if isinstance(part, Database):
        pools = [
            pool for each in part.pools if isinstance(pool := each.pool, QueuePool)
        ]
        _count_connections(pools, telemetry.metrics)
        waits = Waits(telemetry.metrics)
        for pool in pools:
            # The pool has no event for this: it announces a connection once it is had.
            pool.connect = waits.timed(pool.connect)  # type: ignore[method-assign]


class Waits:
    """How long connections take to get, opening new ones included."""

    def __init__(self, metrics: Metrics) -> None:
        self._seconds = Histogram(
            "db_client_connection_wait_seconds",
            "From asking a pool for a connection to having it.",
            buckets=SECONDS,
            registry=metrics.registry,
        )
        self._timeouts = Counter(
            "db_client_connection_timeouts",
            "Connections that were not to be had in time.",
            registry=metrics.registry,
        )

    def timed(self, connect: Connect) -> Connect:
        def connect_timed() -> PoolProxiedConnection:
            began = perf_counter()
            try:
                return connect()
            except NoneFree:
                self._timeouts.inc()
                raise
            finally:
                self._seconds.observe(perf_counter() - began)

        return connect_timed


def _count_connections(pools: list[QueuePool], metrics: Metrics) -> None:
    connections = Gauge(
        "db_client_connections",
        "Connections of the pools, by what they do.",
        ["state"],
        registry=metrics.registry,
        multiprocess_mode="livesum",
    )
    most = Gauge(
        "db_client_connections_max",
        "Connections that the pools may have.",
        registry=metrics.registry,
        multiprocess_mode="livesum",
    )
    most.set(sum(pool.size() + pool._max_overflow for pool in pools))  # noqa: SLF001

    def read() -> None:
        connections.labels("used").set(sum(pool.checkedout() for pool in pools))
        connections.labels("idle").set(sum(pool.checkedin() for pool in pools))

    metrics.on_refresh(read)
