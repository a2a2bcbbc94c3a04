import socket
from urllib.request import urlopen

from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from app.platform.telemetry.metrics import ServiceInfo, describe_process, serving
from dev.process import HOST, free_port


class TestServing:
    def test_says_in_a_sentence_that_the_port_is_taken(self) -> None:
        with socket.create_server((HOST, 0)) as taken, capture_logs() as logs:
            port = taken.getsockname()[1]
            with serving(CollectorRegistry(), host=HOST, port=port):
                pass

        assert [line["event"] for line in logs] == ["metrics.not_served"]
        assert f"{HOST}:{port} cannot be had" in logs[0]["detail"]
        assert "TELEMETRY__METRICS_PORT" in logs[0]["detail"]

    def test_is_nowhere_without_a_port(self) -> None:
        with serving(CollectorRegistry(), host=HOST, port=0):
            pass

    def test_answers_until_the_end(self) -> None:
        registry, port = CollectorRegistry(), free_port()
        registry.register(ServiceInfo(service="shop", environment="test", version="1"))
        describe_process(registry)

        with serving(registry, host=HOST, port=port):
            page = urlopen(f"http://{HOST}:{port}/metrics").read().decode()

        labels = 'environment="test",service_name="shop",version="1"'
        assert f"service_info{{{labels}}} 1.0" in page
        assert "process_cpu_seconds_total" in page
        assert "python_gc_objects_collected_total" in page
        with socket.socket() as client:
            assert client.connect_ex((HOST, port)) != 0
