"""How often each caller may ask: counted at the door, before a route answers."""

from app.platform.ratelimits.limits import RateLimits, RateLimitSettings, limited

__all__ = ["RateLimitSettings", "RateLimits", "limited"]
