"""What every operation of the API tells its readers."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

type Operations = list[tuple[str, dict[str, Any]]]


@pytest.fixture
def operations(application: FastAPI) -> Operations:
    description = application.openapi()
    return [
        (f"{method.upper()} {path}", operation)
        for path, operations in description["paths"].items()
        for method, operation in operations.items()
    ]


class TestDescription:
    def test_documents_every_error_as_a_problem(self, operations: Operations) -> None:
        for name, operation in operations:
            errors = {
                status: response
                for status, response in operation["responses"].items()
                if not status.startswith(("2", "3"))
            }

            assert errors, f"{name} documents no error."
            for status, response in errors.items():
                assert list(response["content"]) == ["application/problem+json"], (
                    f"{name} answers {status} with something else than a problem."
                )

    def test_says_what_every_operation_does(self, operations: Operations) -> None:
        for name, operation in operations:
            assert operation.get("description"), f"Give {name} a docstring."

    def test_says_of_each_what_it_is_about(self, operations: Operations) -> None:
        said: dict[str, str] = {}
        for name, operation in operations:
            other = said.setdefault(operation["description"], name)

            assert other == name, f"{name} and {other} say the same: name the thing."

    def test_names_every_operation_once(self, operations: Operations) -> None:
        names = [operation["operationId"] for _, operation in operations]

        assert len(names) == len(set(names))

    def test_bounds_every_number_and_list_a_client_may_ask_for(
        self, operations: Operations
    ) -> None:
        for name, operation in operations:
            for parameter in operation.get("parameters", []):
                for schema in _alternatives(parameter["schema"]):
                    if schema.get("type") == "integer":
                        assert "maximum" in schema, f"Bound {name} {parameter['name']}."

    async def test_refuses_what_an_operation_does_not_declare(
        self, operations: Operations, client: httpx.AsyncClient
    ) -> None:
        for name, _ in operations:
            method, path = name.split()

            response = await client.request(method, f"{path}?no_such_parameter=1")

            assert response.status_code == 422, f"{name} is no route of `Router`."
            assert response.json()["errors"][0]["pointer"] == "#/no_such_parameter"


def _alternatives(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from schema.get("anyOf", [schema])
