from __future__ import annotations

from collections.abc import Callable
from functools import partial

# Here, because pyreqwest must not be loaded by a thread that ends: the next service would crash in it (the
# first engine's thread would load it, and its allocator lets go of what that thread had).
import pulltui.engine.fast  # noqa: F401
import pytest
from support.engine import Engine


@pytest.fixture(params=["fast", "httpx"])
def engine(engine: Callable[..., Engine], request: pytest.FixtureRequest) -> Callable[..., Engine]:
    """As everywhere, on one transport and then on the other."""
    return partial(engine, transport=request.param)
