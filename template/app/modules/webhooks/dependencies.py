"""How a request gets its subscriptions."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import Depends, Request

from app.modules.webhooks.events import Published
from app.modules.webhooks.published import PUBLISHED
from app.modules.webhooks.repository import DeliveryRepository, SubscriptionRepository
from app.modules.webhooks.service import WebhookReader, WebhookService
from app.platform.web.dependencies import ReadSessionDep, UnitOfWorkDep, WebhooksDep


async def _published() -> Sequence[Published]:
    return PUBLISHED


async def _reader(session: ReadSessionDep) -> WebhookReader:
    return WebhookReader(SubscriptionRepository(session), DeliveryRepository(session))


async def _service(
    request: Request, unit: UnitOfWorkDep, sender: WebhooksDep
) -> WebhookService:
    settings = request.state.platform.settings.webhooks
    return WebhookService(unit, sender, settings)


PublishedDep = Annotated[Sequence[Published], Depends(_published)]
WebhookReaderDep = Annotated[WebhookReader, Depends(_reader)]
WebhookServiceDep = Annotated[WebhookService, Depends(_service)]
