"""Answers of a real server, in every way that we could think of bad."""

import gzip
import time

import pytest
from pydantic import BaseModel

from app.platform.http import (
    HttpClient,
    ThirdPartyMisbehaved,
    ThirdPartyUnreachable,
)
from tests.fixtures.third_party import Stub, answer, flood
from tests.fixtures.tls import HOST, TlsServer
from tests.platform.http.conftest import hasty


class Price(BaseModel):
    cents: int


class TestTls:
    async def test_tells_an_impostor_nothing(self, impostor: TlsServer) -> None:
        async with impostor.serve() as port, HttpClient.open(hasty()) as client:
            with pytest.raises(ThirdPartyUnreachable):
                await client.post(f"https://{HOST}:{port}", content=b"hush")

        assert not impostor.heard

    async def test_speaks_to_a_server_that_proves_itself(
        self, proven: TlsServer
    ) -> None:
        async with (
            proven.serve(greeting=b"HTTP/1.1 204 No Content\r\n\r\n") as port,
            HttpClient.open(hasty()) as client,
        ):
            response = await client.get(f"https://{HOST}:{port}")

        assert response.status == 204


class TestAnswer:
    async def test_too_large_is_cut(self, stub: Stub) -> None:
        stub.behaviour = flood
        start = time.monotonic()

        async with HttpClient.open(hasty(deadline_seconds=50)) as client:
            with pytest.raises(ThirdPartyMisbehaved, match="too large"):
                await client.get(stub.url)

        assert time.monotonic() - start < 40

    async def test_too_large_once_unpacked_is_cut(
        self, client: HttpClient, stub: Stub
    ) -> None:
        stub.behaviour = answer(
            body=gzip.compress(bytes(2000)), Content_Encoding="gzip"
        )

        with pytest.raises(ThirdPartyMisbehaved, match="too large"):
            await client.get(stub.url)

    async def test_that_is_not_what_its_header_says_is_refused(
        self, client: HttpClient, stub: Stub
    ) -> None:
        stub.behaviour = answer(body=b"plain", Content_Encoding="gzip")

        with pytest.raises(ThirdPartyMisbehaved):
            await client.get(stub.url)

    @pytest.mark.parametrize("body", [b"", b"<html>", b'{"cents": "many"}', b"[1]"])
    async def test_that_is_not_the_model_is_refused(
        self, client: HttpClient, stub: Stub, body: bytes
    ) -> None:
        stub.behaviour = answer(body=body)
        response = await client.get(stub.url)

        with pytest.raises(ThirdPartyMisbehaved) as refusal:
            response.parse(Price)

        assert refusal.value.__cause__ is None

    async def test_becomes_a_model(self, client: HttpClient, stub: Stub) -> None:
        stub.behaviour = answer(body=b'{"cents": 499}')

        response = await client.post(stub.url, json={"sku": "A"})

        assert response.parse(Price) == Price(cents=499)

    @pytest.mark.parametrize("status", [400, 401, 404, 409, 422])
    async def test_below_500_is_returned(
        self, client: HttpClient, stub: Stub, status: int
    ) -> None:
        stub.behaviour = answer(status)

        assert (await client.get(stub.url)).status == status
        assert len(stub.received) == 1

    async def test_that_redirects_is_not_followed(
        self, client: HttpClient, stub: Stub
    ) -> None:
        stub.behaviour = answer(302, Location="http://169.254.169.254/latest")

        response = await client.get(stub.url)

        assert response.status == 302
        assert response.headers["LOCATION"] == "http://169.254.169.254/latest"

    async def test_that_sets_a_cookie_leaves_no_trace(
        self, client: HttpClient, stub: Stub
    ) -> None:
        stub.behaviour = answer(Set_Cookie="session=1")
        await client.get(stub.url)

        await client.get(stub.url)

        assert "cookie" not in stub.received[1].headers
