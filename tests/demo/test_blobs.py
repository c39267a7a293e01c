import hashlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulltui.demo.blobs import BLOCK, TEMPLATE, BytesBlob, DamagedBlob, GeneratedBlob

SIZE = 3 * TEMPLATE + 12_345
WHOLE = GeneratedBlob(SIZE, seed=5).read(0, SIZE)


def test_every_block_is_stamped_with_its_offset_and_the_seed() -> None:
    stamps = [struct.unpack_from("<QQ", WHOLE, offset) for offset in range(0, SIZE - 16, BLOCK)]
    assert stamps == [(offset, 5) for offset in range(0, SIZE - 16, BLOCK)]


def test_stamps_far_out_are_right_and_cost_no_memory() -> None:
    blob = GeneratedBlob.unfinished(10**14, seed=9)
    start = 7 * 10**13 // BLOCK * BLOCK
    assert struct.unpack_from("<QQ", blob.read(start, 16)) == (start, 9)
    assert len(blob.read(10**14 - 10, 100)) == 10


@given(st.integers(0, SIZE + 10), st.integers(0, 2 * TEMPLATE))
def test_any_read_is_a_piece_of_the_whole(start: int, length: int) -> None:
    assert GeneratedBlob(SIZE, seed=5).read(start, length) == WHOLE[start : start + length]


def test_the_digest_is_that_of_all_the_bytes() -> None:
    assert GeneratedBlob(SIZE, seed=5).digest == "sha256:" + hashlib.sha256(WHOLE).hexdigest()
    assert BytesBlob(b"abc").digest == "sha256:" + hashlib.sha256(b"abc").hexdigest()


def test_seeds_give_different_bytes() -> None:
    other = GeneratedBlob(SIZE, seed=6).read(0, SIZE)
    assert sum(a == b for a, b in zip(other, WHOLE, strict=True)) < SIZE / 50


@pytest.mark.parametrize("size", [0, 1, 15, BLOCK, TEMPLATE])
def test_small_sizes(size: int) -> None:
    assert len(GeneratedBlob(size).read(0, 10 * TEMPLATE)) == size


def test_unfinished_digests_are_well_formed_and_differ() -> None:
    digests = {GeneratedBlob.unfinished(50 * 10**9, seed).digest for seed in range(3)}
    assert len(digests) == 3
    assert all(len(digest) == 71 and digest.startswith("sha256:") for digest in digests)


@given(st.integers(0, 99), st.integers(0, 7), st.integers(0, 99), st.integers(0, 99))
def test_damage_is_one_bit_wherever_it_is_read(position: int, bit: int, start: int, length: int) -> None:
    sound = BytesBlob(bytes(range(100)))
    expected = bytearray(range(100))
    expected[position] ^= 1 << bit
    damaged = DamagedBlob(sound, position, bit)
    assert damaged.read(start, length) == bytes(expected[start : start + length])
    assert damaged.digest == sound.digest
