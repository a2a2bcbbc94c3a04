"""The API entry point where it is deployed: `python -m app.server`."""

from app.main import create_app
from app.platform.web.server import DrainingServer
from app.settings import Settings


def main() -> None:
    settings = Settings.load()
    DrainingServer(create_app(settings), settings.server).run()


if __name__ == "__main__":
    main()
