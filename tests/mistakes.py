"""Mistakes that readers of a how-to page make, each with words that the page quotes."""

from dataclasses import dataclass, field

from tests.edits import Edit, append, replace

START = "python -m app.main"
CONTRACTS = "lint-imports"
ALERTS = "pytest -q --no-cov -n 0 tests/architecture/test_monitoring.py"
RULES = "ops/monitoring/prometheus/rules/http.yaml"


@dataclass(frozen=True)
class Mistake:
    """A command that fails, in a service that was told or changed so."""

    page: str
    words: str
    command: str = START
    variables: dict[str, str] = field(default_factory=dict)
    edit: Edit | None = None


def python(*lines: str) -> str:
    return f"python -c '{chr(10).join(lines)}'"


IN_MODULES = (
    Mistake(
        "platform",
        "REMINDERS__RATE_URL is no setting: REMINDERS__RATES_URL is.",
        variables={"REMINDERS__RATE_URL": "http://rates.example/"},
    ),
    Mistake(
        "platform",
        "REMINDERS__RATES_URL: Input should be a valid URL",
        variables={"REMINDERS__RATES_URL": "rates"},
    ),
    Mistake(
        "platform",
        "Modules meet only at their front doors BROKEN",
        CONTRACTS,
        edit=append(
            "app/modules/reminders/client.py",
            "\nfrom app.modules.invoices import repository as repository\n",
        ),
    ),
    Mistake(
        "platform",
        "Modules form no cycle BROKEN",
        CONTRACTS,
        edit=append(
            "app/modules/invoices/service.py",
            "\nimport app.modules.reminders as reminders\n",
        ),
    ),
    Mistake(
        "platform",
        "AttributeError: 'Settings' object has no attribute 'reminders'",
        python("from app.settings import Settings", "Settings().reminders"),
        edit=replace("app/settings.py", "reminders: RemindersSettings = SECTION", ""),
    ),
    Mistake(
        "platform",
        "String should match pattern",
        python(
            "from app.platform.mail import Mail",
            'Mail(to="a@b.example", subject="a\\nb", text="", key="k")',
        ),
    ),
    Mistake(
        "platform",
        '"25:00" is no time of day: write it like "03:00".',
        "python -c 'import app.background'",
        edit=replace("app/modules/reminders/tasks.py", 'at("03:00"', 'at("25:00"'),
    ),
    Mistake(
        "routes",
        "AttributeError: type object 'File' has no attribute 'transaction'",
        python(
            "import asyncio",
            "from app.modules.files.repository import FileRepository as Files",
            "asyncio.run(Files(None).follow(after=None))",
        ),
        edit=replace("app/modules/files/models.py", "File(Followed, ", "File("),
    ),
    Mistake(
        "routes",
        "TypeError: APIRouter.get() got an unexpected keyword argument 'policy'",
        python(
            "from fastapi import APIRouter",
            "from app.platform.web.routing import Policy",
            'APIRouter().get("/", policy=Policy())',
        ),
    ),
)
ANYWHERE = (
    Mistake(
        "containers",
        "MAIL__URL names this machine, where only development has servers.",
        variables={"ENVIRONMENT": "production"},
    ),
    Mistake(
        "containers",
        "SERVER__DRAIN_SECONDS + SERVER__FINISH_SECONDS (5 + 15) must be below ",
        variables={"SERVER__GRACE_SECONDS": "10"},
    ),
    Mistake(
        "containers", "address already in use", variables={"SERVER__PORT": "TAKEN"}
    ),
    Mistake(
        "containers",
        "Nobody can ask how this process is",
        variables={"SERVER__PORT": "TAKEN", "ADMIN__PORT": "TAKEN"},
    ),
    Mistake(
        "database",
        "DATABASE__REPLICA_URL must begin with postgresql+asyncpg://.",
        variables={"DATABASE__REPLICA_URL": "mysql://replica/shop"},
    ),
    Mistake(
        "database",
        "DATABASE__PREPARED_STATEMENTS: Input should be greater than or equal to 0.",
        variables={"DATABASE__PREPARED_STATEMENTS": "-1"},
    ),
    Mistake(
        "tracing",
        "TELEMETRY__OTLP_ENDPOINT must end before /v1/traces, which is added to it.",
        variables={"TELEMETRY__OTLP_ENDPOINT": "http://collector:4318/v1/traces"},
    ),
    Mistake(
        "monitoring",
        "Give NAME a severity: page or ticket.",
        ALERTS,
        edit=replace(RULES, "severity: ", "weight: "),
    ),
    Mistake(
        "monitoring",
        "Let NAME fire, and stay silent, in tests/.",
        ALERTS,
        edit=replace(RULES, "alert: ", "alert: Unknown"),
    ),
    Mistake(
        "monitoring",
        "Say what to do under '### NAME' in docs/runbooks/monitoring.md.",
        ALERTS,
        edit=replace(RULES, "alert: ", "alert: Unknown"),
    ),
    Mistake(
        "monitoring",
        "No telemetry.py of app/platform declares NAME.",
        ALERTS,
        edit=replace(RULES, "expr: ", "expr: unknown_total + "),
    ),
)
