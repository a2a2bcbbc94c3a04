from sqlalchemy import text

from app.modules.orders import OrderPlaced
from dev.smtp import MailSink
from tests.fixtures.service import Service
from tests.modules.orders.conftest import Finish, Place


class TestSendConfirmation:
    async def test_tells_the_customer_once_and_only_of_what_was_placed(
        self, service: Service, place: Place, finish_tasks: Finish, mail_sink: MailSink
    ) -> None:
        order = (await place()).json()
        refused = await place()
        assert refused.status_code == 409

        await finish_tasks()

        confirmed = (await service.client.get(f"/v1/orders/{order['id']}")).json()
        assert confirmed["confirmed_at"] is not None
        [mail] = mail_sink.mails
        assert (mail["to"], mail["subject"]) == ("ada@example.com", "Your order PO-1")

    async def test_tells_nobody_of_an_order_that_is_gone(
        self, service: Service, place: Place, finish_tasks: Finish, mail_sink: MailSink
    ) -> None:
        order = (await place()).json()
        await finish_tasks()
        placed = OrderPlaced(order_id=order["id"], customer_id=order["customer_id"])
        async with service.platform.database.unit_of_work() as unit:
            await unit.session.execute(text("DELETE FROM confirmations"))
            await unit.session.execute(text("UPDATE orders SET deleted_at = now()"))
            unit.record(placed)

        await finish_tasks()

        assert len(mail_sink.mails) == 1
