"""Whatever is sent, the answer is a small problem of the caller's, never a defect."""

import json

import pytest
from httpx import AsyncClient, Response

JSON = {"content-type": "application/json"}

BODIES: dict[str, bytes] = {
    "NaN": b'{"name": "x", "price": NaN}',
    "Infinity": b'{"name": "x", "price": -Infinity}',
    "float overflow": b'{"name": "x", "price": 1e400}',
    "int beyond 64 bits": b'{"name": "x", "quantity": 99999999999999999999}',
    "5000 digits": b'{"name": "x", "quantity": ' + b"9" * 5000 + b"}",
    "surrogate": b'{"name": "x", "extra": "\\ud800"}',
    "surrogate in a name": b'{"name": "x", "\\ud800": 1}',
    "deep": b'{"name": "x", "extra": ' + b"[" * 900 + b"]" * 900 + b"}",
    "very deep": b"[" * 100_000,
    "UTF-16": '{"name": "x"}'.encode("utf-16"),
    "UTF-32": '{"name": "x"}'.encode("utf-32"),
    "Latin-1": '{"name": "ä"}'.encode("latin-1"),
    "byte order mark": b'\xef\xbb\xbf{"name": "x"}',
    "name twice": b'{"name": "x", "quantity": 1, "quantity": 2}',
    "name twice, deeper": b'{"name": "x", "extra": {"a": 1, "a": 2}}',
    "cut off": b'{"name": "x"',
    "two values": b'{"name": "x"} {"name": "y"}',
    "empty": b"",
    "blank": b" ",
    "nothing": b"null",
    "a list": b"[]",
    "a string": b'"x"',
    "wrong types": b'{"name": {}, "quantity": [], "price": "x", "at": "never"}',
    "long string": b'{"name": "' + b"x" * 900_000 + b'"}',
    "many errors": json.dumps({"name": "x", "quantity": "x" * 5000}).encode(),
    "year 0": b'{"name": "x", "at": "0000-01-01T00:00:00Z"}',
    "gzip": b"\x1f\x8b\x08\x00" + b"\x00" * 100,
}


def check(response: Response) -> None:
    assert response.status_code in {400, 404, 413, 415, 422}
    assert response.headers["content-type"] == "application/problem+json"
    assert len(response.content) <= 8 * 1024


class TestBodies:
    @pytest.mark.parametrize("name", BODIES)
    async def test_are_refused(self, client: AsyncClient, name: str) -> None:
        response = await client.post("/v1/things", content=BODIES[name], headers=JSON)

        check(response)

    @pytest.mark.parametrize(
        "body",
        [
            b'{"name": "x", "extra": "\\u0000"}',
            b'{"name": "x", "at": "9999-12-31T23:59:59-12:00"}',
            b'{"name": "x", "at": "0001-01-01T00:00:00+12:00"}',
            b'{"name": "x", "extra": "\\ud83d\\ude00"}',
        ],
    )
    async def test_that_are_odd_but_sound_are_read(
        self, client: AsyncClient, body: bytes
    ) -> None:
        response = await client.post("/v1/things", content=body, headers=JSON)

        assert response.status_code == 201

    @pytest.mark.parametrize(
        "media_type",
        ["text/plain", "application/xml", "multipart/form-data", "", "application/"],
    )
    async def test_of_another_type_are_refused(
        self, client: AsyncClient, media_type: str
    ) -> None:
        response = await client.post(
            "/v1/things",
            content=b'{"name": "x"}',
            headers={"content-type": media_type},
        )

        assert response.status_code == 415
        check(response)

    async def test_of_a_derived_type_are_read(self, client: AsyncClient) -> None:
        response = await client.post(
            "/v1/things",
            content=b'{"name": "x"}',
            headers={"content-type": "application/vnd.thing+json"},
        )

        assert response.status_code == 201


class TestUrls:
    @pytest.mark.parametrize(
        "path",
        [
            "/v1/things/" + "9" * 5000,
            "/v1/things/%00",
            "/v1/things/%ED%A0%80",
            "/v1/things?limit=1000000000",
            "/v1/things?limit=-1",
            "/v1/things?limit=" + "9" * 5000,
            "/v1/things?limit=NaN",
            "/v1/things?cursor=" + "A" * 60_000,
            "/v1/things?cursor=%00",
            "/v1/things?cursor=%F0%9F%98%80",
            "/v1/things?cursor=';DROP TABLE things;--",
            "/v1/things?limit=%ff",
        ],
    )
    async def test_are_refused(self, client: AsyncClient, path: str) -> None:
        response = await client.get(path)

        check(response)
