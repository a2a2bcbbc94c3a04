"""What it costs a request that its caller proves who it is, beside the same without."""

import sys
from collections import defaultdict
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

from benchmarks import callers  # noqa: E402 - it is not installed
from benchmarks.telemetry import Api, prepare  # noqa: E402
from tests.promises import servers  # noqa: E402
from tests.promises.load import Client, Shop  # noqa: E402
from variants import render, snapshot  # noqa: E402

ROUNDS, REQUESTS, WARM_UP = 15, 200, 400
GOAL = 1.15
# One client asks more here than a caller may.
SETTINGS = {
    "ADMIN__PORT": "0",
    "RATELIMITS__READS": "none",
    "RATELIMITS__WRITES": "none",
}


def main() -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        template = snapshot(folder / "strata")
        on = prepare(render(template, folder / "on", {"identity": "jwt"}))
        off = prepare(render(template, folder / "off", {"identity": "none"}))
        urls = stack.enter_context(servers.running(on, folder)) | SETTINGS
        apis = {
            "none": Api(off, folder, urls),
            "jwt": Api(on, folder, urls | callers.SETTINGS),
        }
        for api in apis.values():
            stack.callback(api.program.kill)
            api.program.start()
        callers.register(on, urls)
        headers = callers.log_in(apis["jwt"].address)
        clients = {"none": {}, "jwt": headers}
        # Whoever has placed it is an admin; a get by an owner asks for a bit more.
        order = Shop(apis["jwt"].address, **headers).order().body["id"]
        report(measure(apis, clients, f"/v1/orders/{order}"))


def measure(
    apis: Mapping[str, Api], clients: Mapping[str, dict[str, str]], path: str
) -> dict[str, list[float]]:
    """One round after the other, so that the machine's moods meet all alike."""
    costs = defaultdict(list)
    for number in range(-1, ROUNDS):
        for name in sorted(apis, reverse=bool(number % 2)):
            client = Client(apis[name].address, **clients[name])
            size = REQUESTS if number >= 0 else WARM_UP
            cost = apis[name].microseconds(path, size, client)
            if number >= 0:
                costs[name].append(cost)
    return costs


def report(costs: Mapping[str, list[float]]) -> None:
    """Compare the cheaper rounds: others can make one dear, and never cheap."""
    least = {name: sorted(each)[len(each) // 10] for name, each in costs.items()}
    pairs = zip(costs["jwt"], costs["none"], strict=True)
    ratio = median(jwt / none for jwt, none in pairs)
    print(f"GET an order, {ROUNDS} rounds of {REQUESTS}; CPU of the API:")
    for name, cost in least.items():
        print(f"identity={name:5}{cost:7.0f} us in the cheaper rounds")
    print(
        f"{least['jwt'] / least['none']:.2f} times; {ratio:.2f} times in the median"
        f" of the rounds; the goal is {GOAL:.2f}"
    )


if __name__ == "__main__":
    main()
