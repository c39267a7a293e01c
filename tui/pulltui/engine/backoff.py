"""How long to wait before trying again. Arithmetic only; the randomness is passed in."""

from __future__ import annotations

from collections.abc import Callable

Uniform = Callable[[float, float], float]
"""`random.Random().uniform`."""


def backoff(failures: int, base: float, cap: float, uniform: Uniform) -> float:
    """Return seconds to wait after `failures` failures in a row: min(n² · base, cap) · uniform(0.5, 1.5).

    n² is gentler than 2ⁿ in the beginning; the factor keeps many parts from coming back together.
    """
    return min(failures * failures * base, cap) * uniform(0.5, 1.5)


def doubling(times: int, first: float, last: float) -> float:
    """Return the pause before the `times`-th try (0, 1, 2, ...): first, 2 · first, ... at most last."""
    return float(min(first * 2 ** min(times, 30), last))
