"""Settings that explain themselves, and refuse what is missing, malformed or unsafe."""

from app.platform.configuration.section import (
    SECTION,
    Limit,
    Refusal,
    Section,
    renew,
    renewed,
)
from app.platform.configuration.settings import ServiceSettings, variables
from app.platform.configuration.url import (
    Address,
    authorities,
    readable_by,
    refuse_address,
    refuse_arguments,
    refuse_plain_text,
    refuse_url,
    split,
    tls_context,
)

__all__ = [
    "SECTION",
    "Address",
    "Limit",
    "Refusal",
    "Section",
    "ServiceSettings",
    "authorities",
    "readable_by",
    "refuse_address",
    "refuse_arguments",
    "refuse_plain_text",
    "refuse_url",
    "renew",
    "renewed",
    "split",
    "tls_context",
    "variables",
]
