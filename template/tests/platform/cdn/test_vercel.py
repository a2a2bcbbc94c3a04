import json
from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from app.platform.cdn import NotPurged
from app.platform.cdn.vercel import VercelCdn, VercelCdnSettings
from app.platform.http import HttpClient, HttpSettings
from tests.fixtures.third_party import Stub, answer
from tests.platform.cdn.answers import said

PATH = "/v1/edge-cache/dangerously-delete-by-tags"


@pytest.fixture
async def stub() -> AsyncIterator[Stub]:
    async with Stub.open() as stub:
        yield stub


@pytest.fixture
async def cdn(stub: Stub) -> AsyncIterator[VercelCdn]:
    settings = VercelCdnSettings(
        project="shop", team="team_1", token=SecretStr("s3"), endpoint=stub.url
    )
    async with HttpClient.open(HttpSettings()) as http:
        yield VercelCdn(settings, http)


class TestPurge:
    async def test_deletes_by_tag(self, cdn: VercelCdn, stub: Stub) -> None:
        await cdn.purge(["notes", "note-7"])

        [asked] = stub.received
        assert asked.target == f"{PATH}?projectIdOrName=shop&teamId=team_1"
        assert asked.headers["authorization"] == "Bearer s3"
        assert json.loads(asked.body) == {"tags": ["notes", "note-7"]}

    async def test_that_is_refused_is_none(self, cdn: VercelCdn, stub: Stub) -> None:
        stub.behaviour = answer(403)

        with pytest.raises(NotPurged, match="403"):
            await cdn.purge(["notes"])

    async def test_without_a_project_asks_nobody(self, stub: Stub) -> None:
        settings = VercelCdnSettings(endpoint=stub.url)
        async with HttpClient.open(HttpSettings()) as http:
            await VercelCdn(settings, http).purge(["notes"])

        assert not stub.received
        assert not list(settings.unsafe())

    def test_is_not_named_without_its_token(self) -> None:
        half = VercelCdnSettings(project="shop")

        assert [refusal.name for refusal in half.unsafe()] == ["token"]


class TestTagged:
    async def test_says_the_keys_of_what_is_public(self) -> None:
        assert await said(VercelCdn.tagged, key="7") == {
            b"vercel-cache-tag": b"notes,note-7"
        }
