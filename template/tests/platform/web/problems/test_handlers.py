import pytest
from httpx import AsyncClient, Response
from structlog.testing import capture_logs


def is_problem(response: Response) -> bool:
    body = response.json()
    return (
        response.headers["content-type"] == "application/problem+json"
        and response.headers["cache-control"] == "no-store"
        and body["status"] == response.status_code
        and body["request_id"] == response.headers["x-request-id"]
        and len(response.content) <= 8 * 1024
    )


class TestDomainErrors:
    @pytest.mark.parametrize(
        ("name", "status"),
        [
            ("domain", 400),
            ("not-found", 404),
            ("conflict", 409),
            ("forbidden", 403),
            ("invalid", 422),
            ("stale", 412),
            ("unavailable", 503),
            ("large", 400),
            ("surrogate", 400),
        ],
    )
    async def test_are_problems_of_their_kind(
        self, client: AsyncClient, name: str, status: int
    ) -> None:
        response = await client.get(f"/v1/errors/{name}")

        assert response.status_code == status
        assert is_problem(response)

    async def test_are_described_by_their_class(self, client: AsyncClient) -> None:
        response = await client.get("/v1/errors/not-found")

        assert response.json() == {
            "type": "/problems/thing-not-found",
            "title": "Thing not found",
            "status": 404,
            "detail": "There is no thing 7.",
            "instance": "/v1/errors/not-found",
            "request_id": response.headers["x-request-id"],
            "thing_id": "00000000-0000-0000-0000-000000000007",
        }

    async def test_say_when_to_come_back(self, client: AsyncClient) -> None:
        response = await client.get("/v1/errors/unavailable")

        assert response.headers["retry-after"] == "7"

    async def test_keep_secrets_to_themselves(self, client: AsyncClient) -> None:
        response = await client.get("/v1/errors/invalid")

        assert "hunter2" not in response.text


class TestHttpErrors:
    async def test_a_path_nobody_answers(self, client: AsyncClient) -> None:
        response = await client.get("/nowhere/%00%F0%9F%98%80" + "x" * 9000)

        assert response.status_code == 404
        assert is_problem(response)
        assert response.json()["type"] == "about:blank"

    async def test_a_method_the_path_does_not_take(self, client: AsyncClient) -> None:
        response = await client.delete("/v1/public")

        assert response.status_code == 405
        assert response.headers["allow"] == "GET"
        assert is_problem(response)

    async def test_a_slash_too_many_is_not_redirected(
        self, client: AsyncClient
    ) -> None:
        response = await client.get("/v1/public/", headers={"Host": "evil.example"})

        assert response.status_code == 404

    async def test_headers_of_the_error_are_kept(self, client: AsyncClient) -> None:
        response = await client.get("/v1/errors/teapot")

        assert response.status_code == 418
        assert response.headers["x-tea"] == "none"
        assert is_problem(response)

    async def test_a_status_that_is_no_error_has_no_problem(
        self, client: AsyncClient
    ) -> None:
        response = await client.get("/v1/errors/unchanged")

        assert response.status_code == 304
        assert response.content == b""


class TestDatabaseErrors:
    @pytest.mark.parametrize("name", ["timeout", "refused"])
    async def test_an_unreachable_server_is_a_reason_to_come_back(
        self, client: AsyncClient, name: str
    ) -> None:
        response = await client.get(f"/v1/errors/{name}")

        assert response.status_code == 503
        assert response.headers["retry-after"] == "1"
        assert is_problem(response)

    async def test_a_row_changed_by_another_is_a_conflict(
        self, client: AsyncClient
    ) -> None:
        response = await client.get("/v1/errors/changed")

        assert response.status_code == 409
        assert is_problem(response)


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
