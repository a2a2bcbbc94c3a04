"""How a request gets its orders."""

from typing import Annotated

from fastapi import Depends, Request

from app.modules.catalog import price_list
from app.modules.orders.client import Carrier
from app.modules.orders.repository import OrderRepository
from app.modules.orders.service import OrderReader, OrderService
from app.platform.web.dependencies import (
    CacheDep,
    HttpDep,
    ReadSessionDep,
    UnitOfWorkDep,
)


async def _reader(session: ReadSessionDep, cache: CacheDep) -> OrderReader:
    return OrderReader(OrderRepository(session), cache)


async def _service(unit: UnitOfWorkDep, cache: CacheDep) -> OrderService:
    orders = OrderRepository(unit.session)
    return OrderService(unit, orders, price_list(unit.session, cache), cache)


async def _carrier(request: Request, http: HttpDep) -> Carrier:
    return Carrier(http, request.state.platform.settings.orders)


OrderReaderDep = Annotated[OrderReader, Depends(_reader)]
OrderServiceDep = Annotated[OrderService, Depends(_service)]
CarrierDep = Annotated[Carrier, Depends(_carrier)]
