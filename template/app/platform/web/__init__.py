"""HTTP in: what every route of every module shares."""

from app.platform.web.install import install
from app.platform.web.settings import WebSettings

__all__ = ["WebSettings", "install"]
