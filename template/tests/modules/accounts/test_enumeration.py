"""How long it takes to be refused: alike, whoever is named."""

from time import process_time

from tests.modules.accounts.conftest import LogIn

# With all else that a test asks of it, as many as may try in a minute.
TRIES = 14
MOST = 0.05


async def test_a_log_in_takes_as_long_for_nobody(ada: str, log_in: LogIn) -> None:
    spent: dict[str, list[float]] = {ada: [], "nobody@example.com": []}
    for _ in range(TRIES):
        for email, seconds in spent.items():
            begin = process_time()
            refused = await log_in("none of theirs", email)
            # Of all threads of this process: others may need the machine.
            seconds.append(process_time() - begin)
            assert refused.status_code == 401

    # The least is what it takes: a busy machine adds to the others.
    known, unknown = map(min, spent.values())
    assert abs(known - unknown) <= MOST * max(known, unknown)
