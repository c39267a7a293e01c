from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from support.engine import Engine


@pytest.fixture(params=["fast", "httpx"])
def engine(engine: Callable[..., Engine], request: pytest.FixtureRequest) -> Callable[..., Engine]:
    """As everywhere, on one transport and then on the other."""
    return partial(engine, transport=request.param)
