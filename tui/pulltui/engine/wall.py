"""The clock on the wall, for people: when something was, never how long it took."""

from __future__ import annotations

from datetime import UTC, datetime


def today() -> str:
    """Return the time now, ISO 8601 with its offset."""
    return datetime.now(UTC).astimezone().isoformat(timespec="seconds")
