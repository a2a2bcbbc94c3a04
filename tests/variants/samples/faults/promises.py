"""Faults in what one file promises, and another has to keep."""

from tests.edits import append, replace, write
from tests.variants.samples.faults.injected import Injected

CIRCUIT = "template/docs/decisions.md.jinja"
SERVICE = "template/compose.yaml.jinja"
LOST = "{{ variable | replace('CACHE__', 'CACHE_') }}:"
WRONG = "{{ variable | replace('CACHE__URL', 'CACHE__TIMEOUT') }}:"
PANELS = "template/ops/monitoring/grafana/dashboards/api.json"
POD = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: api}
spec:
  template:
    spec:
      containers:
        - {name: api, image: service, env: [{name: POOL, value: "5"}]}
"""

VARIABLES = [
    Injected(
        "a section that is parted by one underscore",
        replace(SERVICE, "{{ variable }}:", LOST),
        "compose.yaml",
        "says CACHE_URL, which settings call CACHE__URL",
        sometimes=True,
    ),
    Injected(
        "a variable that a process of ours does not read",
        replace("questions/computed.yml", "    MAIL__URL: ", "    MAIL_SERVER: "),
        "compose.yaml",
        "gives MAIL_SERVER, which nothing reads",
    ),
    Injected(
        "a server's variable that is given to the service",
        replace(
            "includes/compose/process.yaml",
            "    depends_on:",
            "    environment: [POSTGRES_PASSWORD=local-only]\n    depends_on:",
        ),
        "compose.yaml",
        "gives POSTGRES_PASSWORD, which nothing reads",
    ),
    Injected(
        "a field that the chosen adapter does not have",
        replace(SERVICE, "{{ variable }}:", WRONG),
        "compose.yaml",
        "sets CACHE__TIMEOUT, which no settings declare",
        sometimes=True,
    ),
    Injected(
        "a variable of a workflow that nothing reads",
        replace("template/.github/workflows/tests.yml.jinja", "UV_LOCKED:", "LOCKED:"),
        ".github/workflows/tests.yml",
        "gives LOCKED, which nothing reads",
        sometimes=True,
    ),
    Injected(
        "a variable of a pipeline that nothing reads",
        replace("template/.gitlab-ci.yml.jinja", "  UV_LOCKED:", "  LOCKED:"),
        ".gitlab-ci.yml",
        "gives LOCKED, which nothing reads",
        sometimes=True,
    ),
    Injected(
        "a variable of the image that nothing reads",
        replace("template/Dockerfile.jinja", "SERVER__HOST=", "SERVER_HOST="),
        "Dockerfile",
        "gives SERVER_HOST, which nothing reads",
    ),
    Injected(
        "a variable of a pod that nothing reads",
        write("template/ops/cluster/api.yaml", POD),
        "ops/cluster/api.yaml",
        "gives POOL, which nothing reads",
    ),
]

TARGETS = [
    Injected(
        "a workflow's target that the Makefile lacks",
        replace(
            "template/.github/workflows/tests.yml.jinja",
            "make check\n\n",
            "make chek\n\n",
        ),
        ".github/workflows/tests.yml",
        "calls make chek, which the Makefile lacks",
        sometimes=True,
    ),
    Injected(
        "a pipeline's target that the Makefile lacks",
        replace("template/.gitlab-ci.yml.jinja", "- make setup", "- make set-up"),
        ".gitlab-ci.yml",
        "calls make set-up, which the Makefile lacks",
        sometimes=True,
    ),
    Injected(
        "a page's target that the Makefile lacks",
        append("template/AGENTS.md", '\nThen `UV=uv make tests ARGS="-k x"`.\n'),
        "AGENTS.md",
        "calls make tests, which the Makefile lacks",
    ),
    Injected(
        "a target of a part that the part lacks",
        replace("template/ops/deploy.mk", "\ndeploy-check: ##", "\ndeploy-test: ##"),
        "dev/placeholders.py",
        "calls make deploy-check, which the Makefile lacks",
        sometimes=True,
    ),
    Injected(
        "a target that was renamed under those who call it",
        replace("template/Makefile", "\nmigrate: ##", "\nupgrade: ##"),
        "README.md",
        "calls make migrate, which the Makefile lacks",
    ),
]

PORTS = [
    Injected(
        "an adapter that takes another argument than its port",
        replace("template/app/platform/cache/none.py", "lease_seconds", "ttl"),
        "app/platform/cache/none.py",
        r"NoneCache\.get has another signature than CacheStore's",
        sometimes=True,
    ),
    Injected(
        "an adapter that returns more than its port",
        replace(
            "template/app/platform/telemetry/none.py",
            "def page(self, accept: str) -> Page | None",
            "def page(self, accept: str) -> Page | int | None",
        ),
        "app/platform/telemetry/none.py",
        r"NoneTelemetry\.page has another signature than Telemetry's",
        sometimes=True,
    ),
    Injected(
        "an adapter that is not awaited",
        replace(
            "template/app/platform/tasks/inline.py", "async def stage(", "def stage("
        ),
        "app/platform/tasks/inline.py",
        r"InlineTasks\.stage has another signature than TaskQueue's",
        sometimes=True,
    ),
    Injected(
        "a port that asks for more than its adapters have",
        replace(
            "template/app/platform/cache/store.py",
            "    async def ping(",
            "    async def clear(self) -> None: ...\n\n    async def ping(",
        ),
        "app/platform/cache/redis.py",
        "RedisCache lacks clear of CacheStore",
        sometimes=True,
    ),
]

OWNERS = [
    Injected(
        "a file that two adapters own",
        replace(
            "questions/computed.yml",
            "    rabbitmq: [dev/rabbitmq.py,",
            "    rabbitmq: [app/platform/broker/rabbitmq.py, dev/rabbitmq.py,",
        ),
        "app/platform/broker/rabbitmq.py",
        "is owned by both broker-rabbitmq and rabbitmq",
        sometimes=True,
    ),
    Injected(
        "a folder that two parts own",
        replace(
            "questions/computed.yml",
            "    redis: [dev/redis.py,",
            "    redis: [app/platform/broker, dev/redis.py,",
        ),
        "app/platform/broker/__init__.py",
        "is owned by both celery and redis",
        sometimes=True,
    ),
    Injected(
        "an adapter's page that is spelled otherwise",
        write("template/docs/runbooks/cache_none.md", "# Nothing is remembered\n"),
        "docs/runbooks/cache_none.md",
        "bears the name of cache-none, and stays without it",
        sometimes=True,
    ),
    Injected(
        "an adapter's files that nobody can lose",
        replace("questions/ownership.yml", "    {{ port.port }}-{{ name }}.*\n", ""),
        "docs/adapters/tasks-inline.md",
        "bears the name of tasks-inline, and stays without it",
        sometimes=True,
    ),
]

METRICS = [
    Injected(
        "a dashboard's metric that nothing writes",
        replace(PANELS, "http_server_active_requests", "http_server_requests_active"),
        "ops/monitoring/grafana/dashboards/api.json",
        "metric http_server_requests_active, which nothing writes",
        sometimes=True,
    ),
    Injected(
        "an alert's metric of another kind",
        replace(
            "template/ops/monitoring/prometheus/rules/cache-redis.yaml",
            "cache_requests_total",
            "cache_requests_count",
        ),
        "ops/monitoring/prometheus/rules/cache-redis.yaml",
        "metric cache_requests_count, which nothing writes",
        sometimes=True,
    ),
    Injected(
        "a metric of a declined adapter",
        replace(PANELS, "http_server_active_requests", "outbox_pending_messages"),
        "ops/monitoring/grafana/dashboards/api.json",
        "metric outbox_pending_messages, which nothing writes",
        sometimes=True,
    ),
]

DEFAULTS = [
    Injected(
        "a default that a sentence repeats",
        replace(
            CIRCUIT, "`HTTP__BREAKER_FAILURES` (5)", "`HTTP__BREAKER_FAILURES` (7)"
        ),
        "docs/decisions.md",
        "says HTTP__BREAKER_FAILURES is 7, which is 5",
    ),
    Injected(
        "a default that a table repeats",
        replace("template/docs/adapters/cache-redis.md", "| 50 |", "| 60 |"),
        "docs/adapters/cache-redis.md",
        "says CACHE__TIMEOUT_MS is 60, which is 50",
        sometimes=True,
    ),
    Injected(
        "a default that the code changed",
        replace(
            "template/app/platform/http/host.py",
            "max_response_bytes: int = Field(2 *",
            "max_response_bytes: int = Field(3 *",
        ),
        "docs/settings.md",
        "says HTTP__MAX_RESPONSE_BYTES is 2097152, which is 3145728",
    ),
]

PROMISES = [*VARIABLES, *TARGETS, *PORTS, *OWNERS, *METRICS, *DEFAULTS]
