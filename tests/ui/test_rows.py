from __future__ import annotations

import msgspec
from pulltui.engine.views import BlobState, PullState
from pulltui.ui.rows import Key, folded_name, of_interest, rows
from support.scenes import busy_blob, busy_pull, layers, pull


def test_small_blobs_share_a_row() -> None:
    found = rows([busy_pull()])
    assert [row.key.blob for row in found] == ["", busy_blob().digest, "small"]
    assert found[-1].last and not found[1].last
    assert folded_name(found[-1].blobs) == "config + 3 small"
    assert folded_name(layers(1)[:2]) == "2 small"


def test_a_small_blob_in_trouble_has_a_row_of_its_own() -> None:
    small = layers(1)
    failed = msgspec.structs.replace(small[0], state=BlobState.FAILED)
    found = rows([msgspec.structs.replace(busy_pull(), blobs=(busy_blob(), failed, *small[1:]))])
    assert [row.key.blob for row in found] == ["", busy_blob().digest, failed.digest, "small"]


def test_one_small_blob_is_not_folded() -> None:
    one = layers(1)[0]
    found = rows([msgspec.structs.replace(busy_pull(), blobs=(busy_blob(), one))])
    assert [row.key.blob for row in found] == ["", busy_blob().digest, one.digest]


def test_queued_and_done_pulls_take_one_row() -> None:
    pulls = [pull(1, "a", PullState.QUEUED, 10, 0), pull(2, "b", PullState.DONE, 10, 10)]
    assert [row.key for row in rows(pulls)] == [Key("pull1"), Key("pull2")]


def test_the_blob_of_interest() -> None:
    blob, small = busy_blob(), layers(1)
    verified = msgspec.structs.replace(blob, digest="sha256:other", state=BlobState.VERIFIED, size=10**12)
    found = rows([msgspec.structs.replace(busy_pull(), blobs=(verified, blob, *small))])
    assert of_interest(found[0]) is blob
    assert of_interest(found[1]) is verified
    assert of_interest(rows([pull(1, "a", PullState.RESOLVING, 0, 0)])[0]) is None
