"""SIGKILL at a given system call, in the test's own process."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest


class KilledError(BaseException):
    """Stands for SIGKILL: nothing after it runs."""


def kill_at(monkeypatch: pytest.MonkeyPatch, stop_at: int, work: Callable[[], Any]) -> bool:
    """Do `work`, killed before the given call that changes something on disk; whether it came to its end."""
    calls = 0

    def wrap(real: Any) -> Any:
        def counted(*args: Any, **options: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == stop_at:
                raise KilledError
            return real(*args, **options)

        return counted

    with monkeypatch.context() as patch:
        for name in ("replace", "unlink", "fsync", "fdatasync", "ftruncate", "utime", "write", "pwrite"):
            patch.setattr(os, name, wrap(getattr(os, name)))
        try:
            work()
        except KilledError:
            return False
    return True
