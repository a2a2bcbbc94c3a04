"""What only a developer's machine needs: servers, a mail sink, `make dev`."""
