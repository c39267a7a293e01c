"""The steps of the caps, and what people type for one. Rates are bytes a second."""

from __future__ import annotations

from typing import Final

from pulltui_config.units import KB, MB, UnitError, parse_rate

from pulltui.engine.views import EngineView

NO_CAP: Final = 1e12
"""Set by hand where the settings or the schedule have a cap, so that there is none: 1 TB/s."""
BY_HAND: Final = "set by hand"
"""`EngineView.limit_why` of a cap that neither settings nor schedule have."""
_NO_SPEED: Final = 100 * MB
"""Where the steps begin while nothing comes."""
STEPS: Final = tuple(
    float(step * unit)
    for unit, steps in ((KB, (100, 200, 500)), (MB, (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)))
    for step in steps
)


def in_force(view: EngineView) -> float | None:
    """Return the cap of everything, None if there is none."""
    return None if view.limit is None or view.limit >= NO_CAP else view.limit


def lower(limit: float | None, rate: float) -> float:
    """Return the next step below a cap; without one, below the present speed, so that it is felt at once."""
    top = limit if limit is not None else rate or _NO_SPEED
    return max((step for step in STEPS if step < top), default=STEPS[0])


def higher(limit: float | None) -> float:
    """Return the next step above a cap; above the last, and without a cap, there is none: NO_CAP."""
    if limit is None:
        return NO_CAP
    return min((step for step in STEPS if step > limit), default=NO_CAP)


def parse_cap(text: str) -> float | None:
    """Return the cap that somebody typed; nothing, 0 and "unlimited" lift it. Raises UnitError."""
    if text.strip() in ("", "0"):
        return None
    rate = parse_rate(text)
    if rate is not None and rate < KB:
        raise UnitError("that is less than 1 KB/s", 'write at least "1 KB/s", or nothing for no cap')
    return rate
