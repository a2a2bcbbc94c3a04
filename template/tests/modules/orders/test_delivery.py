from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from httpx import AsyncClient
from pydantic import HttpUrl

from app.modules.orders.settings import OrdersSettings
from app.settings import Settings
from tests.fixtures.third_party import Behaviour, Stub, answer
from tests.modules.orders.conftest import Place


@pytest.fixture
async def carrier() -> AsyncIterator[Stub]:
    async with Stub.open() as stub:
        yield stub


@pytest.fixture
def settings(settings: Settings, carrier: Stub) -> Settings:
    orders = OrdersSettings(carrier_url=HttpUrl(carrier.url))
    return settings.model_copy(update={"orders": orders})


class TestEstimateDelivery:
    async def test_knows_no_order_that_is_not_there(
        self, client: AsyncClient, carrier: Stub
    ) -> None:
        missing = await client.get(f"/v1/orders/{uuid4()}/delivery")

        assert missing.status_code == 404
        assert carrier.received == []

    async def test_passes_on_what_the_carrier_says(
        self, client: AsyncClient, place: Place, carrier: Stub
    ) -> None:
        order = (await place()).json()
        carrier.behaviour = answer(body=b'{"days": 3}')

        estimate = await client.get(f"/v1/orders/{order['id']}/delivery")

        assert estimate.json() == {"days": 3}
        assert carrier.received[0].target == f"/estimates/{order['id']}"

    @pytest.mark.parametrize(
        "behaviour", [answer(503), answer(body=b"soon"), answer(body=b'{"days": -1}')]
    )
    async def test_asks_the_client_to_come_back_when_the_carrier_is_no_help(
        self,
        client: AsyncClient,
        place: Place,
        carrier: Stub,
        behaviour: Behaviour,
    ) -> None:
        order = (await place()).json()
        carrier.behaviour = behaviour

        refused = await client.get(f"/v1/orders/{order['id']}/delivery")

        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) >= 1
        assert (await client.get("/livez")).status_code == 200
