from httpx import AsyncClient


def in_body(pointer: str, message: str) -> dict[str, str]:
    return {"location": "body", "pointer": pointer, "message": message}


class TestFieldProblems:
    async def test_say_where_and_why_but_not_what(self, client: AsyncClient) -> None:
        thing = {"name": "x", "quantity": -1, "password": "hunter2"}

        response = await client.post("/v1/things", json=thing)

        assert response.status_code == 422
        assert response.json()["errors"] == [
            in_body("#/quantity", "Input should be greater than or equal to 0"),
            in_body("#/password", "String should have at least 12 characters"),
        ]
        assert "hunter2" not in response.text

    async def test_name_values_of_path_and_query(self, client: AsyncClient) -> None:
        in_path = await client.get("/v1/things/seven")
        in_query = await client.get("/v1/things?limit=0")

        assert in_path.json()["errors"][0]["location"] == "path"
        assert in_query.json()["errors"][0]["pointer"] == "#/limit"

    async def test_do_not_quote_an_unknown_tag(self, client: AsyncClient) -> None:
        thing = {"name": "x", "shape": {"kind": "hunter2"}}

        response = await client.post("/v1/things", json=thing)

        assert response.status_code == 422
        assert "hunter2" not in response.text

    async def test_name_a_missing_body(self, client: AsyncClient) -> None:
        response = await client.post("/v1/things")

        assert response.status_code == 422
        assert response.json()["errors"] == [in_body("#", "Field required")]
