from app.platform.telemetry.none import NoneTelemetry, NoneTelemetrySettings


async def test_lets_everything_be_as_it_is() -> None:
    settings = NoneTelemetrySettings()

    async with NoneTelemetry.open(settings, service="test", environment="test") as none:
        none.watch(object())
        with none.span("work", of="art") as span:
            assert span is None
        assert none.page("text/plain") is None
