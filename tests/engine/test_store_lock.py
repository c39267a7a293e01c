"""What the lock of a models directory says is for people: it holds, and ends, without that too."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from pulltui.engine.errors import LockedError
from pulltui.engine.store import Store


def refuse(monkeypatch: pytest.MonkeyPatch, call: str, number: int) -> None:
    def fails(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, call, fails)


@pytest.mark.parametrize(
    ("call", "number"),
    [("pwrite", errno.ENOSPC), ("pwrite", errno.EDQUOT), ("pwrite", errno.EIO), ("ftruncate", errno.EROFS)],
)
def test_a_disk_that_takes_no_words_makes_a_holder_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    """Deleting what is unfinished needs the lock, and is what makes room."""
    store, other = Store(tmp_path), Store(tmp_path)
    with monkeypatch.context() as patch:
        refuse(patch, call, number)
        store.open("now")
    with pytest.raises(LockedError, match="another process"):
        other.open("later")
    store.close()
    other.open("later")
    other.close()


def test_a_full_disk_does_not_hide_that_there_is_a_holder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path)
    with monkeypatch.context() as patch:
        refuse(patch, "pwrite", errno.ENOSPC)
        store.open("now")
    assert "another process" in str(Store(tmp_path).holder())
    store.close()
    assert Store(tmp_path).holder() is None


def test_the_words_of_one_before_are_not_taken_for_those_of_the_holder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A killed one leaves them."""
    store = Store(tmp_path)
    store.open("long ago")
    words = (store.work / "lock").read_bytes()
    store.close()
    (store.work / "lock").write_bytes(words)
    with monkeypatch.context() as patch:
        refuse(patch, "pwrite", errno.ENOSPC)
        store.open("now")
    assert "long ago" not in str(Store(tmp_path).holder())
    store.close()


@pytest.mark.parametrize("call", ["ftruncate", "close"])
def test_a_disk_that_became_read_only_ends_it_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    store, real = Store(tmp_path), os.close
    store.open("now")

    def closed(fd: int) -> None:  # as Linux does it
        real(fd)
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    with monkeypatch.context() as patch:
        if call == "close":
            patch.setattr(os, "close", closed)
        else:
            refuse(patch, call, errno.EROFS)
        store.close()
    assert Store(tmp_path).holder() is None
    again = Store(tmp_path)
    again.open("later")
    again.close()
