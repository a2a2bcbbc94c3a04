from prometheus_client import generate_latest

from app.platform.telemetry.metrics import OTHER, Bounded, Metrics


class TestRefresh:
    def test_reads_anew_whenever_somebody_looks(self) -> None:
        metrics, looks = Metrics(), [0]

        def look() -> None:
            looks[0] += 1

        metrics.on_refresh(look)
        generate_latest(metrics.registry)
        generate_latest(metrics.registry)

        assert looks == [2]


class TestBounded:
    def test_lets_all_that_are_too_many_share_a_value(self) -> None:
        bounded = Bounded(2)

        assert [bounded(each) for each in "abcab"] == ["a", "b", OTHER, "a", "b"]
