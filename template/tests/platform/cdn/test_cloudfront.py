from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr

from app.platform.cdn import NotPurged
from app.platform.cdn.cloudfront import (
    CloudfrontCdn,
    CloudfrontCdnSettings,
    signed,
)
from app.platform.http import HttpClient, HttpSettings
from tests.fixtures.third_party import Stub, answer
from tests.platform.cdn.answers import said


@pytest.fixture
async def stub() -> AsyncIterator[Stub]:
    async with Stub.open() as stub:
        yield stub


@pytest.fixture
async def cdn(stub: Stub) -> AsyncIterator[CloudfrontCdn]:
    settings = CloudfrontCdnSettings(
        distribution="E1",
        access_key_id="AKIDEXAMPLE",
        secret_access_key=SecretStr("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
        session_token=SecretStr("for a while"),
        endpoint=stub.url,
    )
    async with HttpClient.open(HttpSettings()) as http:
        yield CloudfrontCdn(settings, http)


class TestPurge:
    async def test_makes_an_invalidation_by_tag(
        self, cdn: CloudfrontCdn, stub: Stub
    ) -> None:
        stub.behaviour = answer(201)

        await cdn.purge(["notes", "a&b"])

        [asked] = stub.received
        assert asked.target == "/2020-05-31/distribution/E1/invalidation"
        assert b"<Quantity>2</Quantity>" in asked.body
        assert b"<Path>#notes</Path><Path>#a&amp;b</Path>" in asked.body
        assert asked.headers["x-amz-security-token"] == "for a while"
        proof = asked.headers["authorization"]
        assert "us-east-1/cloudfront/aws4_request" in proof
        names = "content-type;host;x-amz-date;x-amz-security-token"
        assert f"SignedHeaders={names}," in proof

    async def test_that_is_refused_is_none(
        self, cdn: CloudfrontCdn, stub: Stub
    ) -> None:
        stub.behaviour = answer(403)

        with pytest.raises(NotPurged, match="403"):
            await cdn.purge(["notes"])

    async def test_without_a_distribution_asks_nobody(self, stub: Stub) -> None:
        settings = CloudfrontCdnSettings(endpoint=stub.url)
        async with HttpClient.open(HttpSettings()) as http:
            await CloudfrontCdn(settings, http).purge(["notes"])

        assert not stub.received
        assert not list(settings.unsafe())

    def test_is_not_named_without_its_key(self) -> None:
        half = CloudfrontCdnSettings(distribution="E1")

        assert [refusal.name for refusal in half.unsafe()] == ["access_key_id"]


class TestSigned:
    @pytest.mark.parametrize(
        ("method", "signature"),
        [
            ("GET", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
            (
                "POST",
                "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
            ),
        ],
    )
    def test_is_as_in_the_test_suite_of_aws(self, method: str, signature: str) -> None:
        headers = signed(
            method,
            "https://example.amazonaws.com/",
            {},
            b"",
            key=("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
            scope="us-east-1/service",
            now=datetime(2015, 8, 30, 12, 36, tzinfo=UTC),
        )

        assert headers["authorization"].endswith(f"Signature={signature}")


class TestTagged:
    async def test_says_the_keys_of_what_is_public(self) -> None:
        assert await said(CloudfrontCdn.tagged, key="7") == {
            b"cache-tag": b"notes,note-7"
        }

    async def test_says_nothing_that_would_be_another_header(self) -> None:
        assert await said(CloudfrontCdn.tagged, key="7\r\nSet-Cookie: a") == {
            b"cache-tag": b"notes"
        }
