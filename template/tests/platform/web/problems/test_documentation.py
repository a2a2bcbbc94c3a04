from typing import Any

import pytest
from httpx import AsyncClient


@pytest.fixture
async def description(client: AsyncClient) -> Any:
    return (await client.get("/openapi.json")).json()


class TestProblems:
    async def test_document_the_errors_of_an_operation(self, description: Any) -> None:
        operation = description["paths"]["/v1/things"]["post"]

        documented = operation["responses"]["409"]
        content = documented["content"]["application/problem+json"]
        assert documented["description"] == "Somebody else has the thing."
        assert content["schema"] == {"$ref": "#/components/schemas/Problem"}
        assert content["examples"]["thing-taken"]["value"]["status"] == 409

    async def test_document_who_may_ask_and_how_often(self, description: Any) -> None:
        responses = description["paths"]["/v1/errors/{name}"]["get"]["responses"]

        examples = {
            status: list(
                responses[status]["content"]["application/problem+json"]["examples"]
            )
            for status in ("401", "429", "503")
        }
        assert examples == {
            "401": ["unauthenticated"],
            "429": ["too-many-requests"],
            "503": ["overloaded"],
        }

    async def test_replace_what_the_framework_would_say(self, description: Any) -> None:
        responses = description["paths"]["/v1/things"]["post"]["responses"]

        assert list(responses["422"]["content"]) == ["application/problem+json"]
        assert "default" in responses
        assert "HTTPValidationError" not in description["components"]["schemas"]

    async def test_are_described(self, description: Any) -> None:
        problem = description["components"]["schemas"]["Problem"]

        assert set(problem["required"]) == {
            "type", "title", "status", "detail", "instance", "request_id",
        }  # fmt: skip


class TestBodies:
    async def test_have_no_other_members_at_any_depth(self, description: Any) -> None:
        schemas = description["components"]["schemas"]

        closed = {
            name
            for name, schema in schemas.items()
            if schema.get("additionalProperties") is False
        }
        assert {"Thing", "Circle", "Square"} <= closed
        assert "Problem" not in closed


class TestOperations:
    async def test_bear_the_names_of_their_functions(self, description: Any) -> None:
        assert description["paths"]["/v1/things"]["post"]["operationId"] == "add_thing"
