"""API keys: how another program proves who it is, for months."""
