"""What every problem has in common."""

from httpx import Response


def is_problem(response: Response) -> bool:
    body = response.json()
    return (
        response.headers["content-type"] == "application/problem+json"
        and response.headers["cache-control"] == "no-store"
        and body["status"] == response.status_code
        and body["request_id"] == response.headers["x-request-id"]
        and len(response.content) <= 8 * 1024
    )
