from httpx import AsyncClient
from structlog.testing import capture_logs

from tests.platform.web.problems.answers import is_problem


class TestDefects:
    async def test_are_logged_once_and_not_explained(self, client: AsyncClient) -> None:
        with capture_logs() as logs:
            response = await client.get("/v1/errors/defect")

        assert response.status_code == 500
        assert is_problem(response)
        assert "hunter2" not in response.text
        assert [log["event"] for log in logs if log["log_level"] == "error"] == [
            "http.failed"
        ]
