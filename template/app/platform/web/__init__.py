"""HTTP in: what every route of every module shares."""

from app.platform.web.edge import WebSettings
from app.platform.web.install import install

__all__ = ["WebSettings", "install"]
