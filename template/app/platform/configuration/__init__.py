"""Settings that explain themselves, and refuse what is missing, malformed or unsafe."""

from app.platform.configuration.limits import Limit
from app.platform.configuration.section import SECTION, Refusal, Section
from app.platform.configuration.settings import ServiceSettings
from app.platform.configuration.url import refuse_url, speaks

__all__ = [
    "SECTION",
    "Limit",
    "Refusal",
    "Section",
    "ServiceSettings",
    "refuse_url",
    "speaks",
]
