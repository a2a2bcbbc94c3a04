"""How well an entry is remembered, counted for whoever publishes metrics."""

from dataclasses import dataclass


@dataclass(slots=True)
class CacheStatistics:
    """
    Counted since the start of the process, for one entry.

    A read that is no hit, no miss and was not bypassed shared another's answer.
    """

    reads: int = 0
    hits: int = 0
    misses: int = 0
    # The store had no answer: the value was loaded and not remembered.
    bypassed: int = 0
    # What the store held was no such value.
    corrupt: int = 0
    # The key was forgotten or filled while its value was loaded.
    refused: int = 0
