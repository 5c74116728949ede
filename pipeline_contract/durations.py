"""Durations as contracts write them: a number and a unit, "90 seconds", "1 hour"."""

from __future__ import annotations

import re
from datetime import timedelta

_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_PATTERN = re.compile(r"(\d+) (second|minute|hour|day)s?")


def parse_duration(text: str) -> timedelta:
    """Read a duration, or raise `ValueError` that says what is allowed."""
    match = _PATTERN.fullmatch(text)
    if not match or int(match[1]) == 0:
        raise ValueError('allowed: a whole number and a unit, such as "90 seconds", "5 minutes", "1 hour" or "2 days"')
    return timedelta(seconds=int(match[1]) * _SECONDS[match[2]])


def write_duration(duration: timedelta) -> str:
    """A duration as a contract may write it."""
    return f"{int(duration.total_seconds())} seconds"
