import pytest
from httpx import AsyncClient


class TestGuard:
    async def test_cannot_mend_a_response_that_has_begun(
        self, client: AsyncClient
    ) -> None:
        with pytest.raises(LookupError):
            await client.get("/v1/broken-stream")
