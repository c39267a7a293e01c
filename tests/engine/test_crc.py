from __future__ import annotations

import os
import random
import zlib
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from pulltui.engine.crc import crc32, crc_of_file


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_it_is_the_crc_of_zlib_whoever_computes_it(first: bytes, second: bytes) -> None:
    assert crc32(first + second) == zlib.crc32(first + second)
    assert crc32(second, crc32(first)) == zlib.crc32(first + second)


def test_a_range_of_a_file_and_none_where_the_file_ends_before(tmp_path: Path) -> None:
    data = random.Random(8).randbytes(3_000_000)
    (tmp_path / "file").write_bytes(data)
    fd = os.open(tmp_path / "file", os.O_RDONLY)
    try:
        assert crc_of_file(fd, 10, 2_500_000) == zlib.crc32(data[10:2_500_000])
        assert crc_of_file(fd, 10, 20, zlib.crc32(data[:10])) == zlib.crc32(data[:20])
        assert crc_of_file(fd, 5, 5, 77) == 77
        assert crc_of_file(fd, 10, 3_000_001) is None
    finally:
        os.close(fd)
