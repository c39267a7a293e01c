import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulltui_config.units import (
    UnitError,
    format_duration,
    format_rate,
    format_size,
    parse_duration,
    parse_rate,
    parse_size,
    write_rate,
    write_size,
)

SIZES = st.integers(0, 10**18)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("16 MB", 16_000_000),
        ("1GB", 1_000_000_000),
        ("500 KB", 500_000),
        ("500 kb", 500_000),
        ("1.5 GB", 1_500_000_000),
        (" 2m ", 2_000_000),
        ("16 MiB", 16 * 1024**2),
        ("0.5 KiB", 512),
        ("1 GiB", 1024**3),
        ("512", 512),
        ("512 B", 512),
        ("0.0001 KB", 0),
        (4096, 4096),
        (0, 0),
    ],
)
def test_sizes_are_read(text: str | int, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text", ["", "MB", "-1 MB", "1,5 GB", "1 XB", "1 MB/s", "1e3", "1 MB 2", "١٦ MB", "9" * 30, -1, True]
)
def test_what_is_no_size_is_refused_with_a_hint(text: str | int) -> None:
    with pytest.raises(UnitError) as caught:
        parse_size(text)
    assert caught.value.hint


@pytest.mark.parametrize("text", ["16 Mb", "100 Mbit", "100 mbit", "5 Gbps", "8 Kb", "1 bit"])
def test_bits_are_never_taken_for_bytes(text: str) -> None:
    for parse in (parse_size, parse_rate):
        with pytest.raises(UnitError, match="bits"):
            parse(text)


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("20 MB/s", 20_000_000),
        ("500KB/s", 500_000),
        ("20M", 20_000_000),
        ("2 MiB/s", 2 * 1024**2),
        ("3 MBps", 3_000_000),
        ("unlimited", None),
        ("Unlimited", None),
    ],
)
def test_rates_are_read(text: str, rate: int | None) -> None:
    assert parse_rate(text) == rate


@pytest.mark.parametrize("text", ["", "fast", "10 MB / h", "-1 MB/s", "1 XB/s", "MB/s"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(UnitError):
        parse_rate(text)


@pytest.mark.parametrize("bare", [20, 1.5, "20", " 20 "])
def test_a_bare_number_is_no_rate(bare: str | float) -> None:
    with pytest.raises(UnitError) as caught:
        parse_rate(bare)
    assert "unit" in str(caught.value)
    assert f"{str(bare).strip()} MB/s" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (30, 30.0),
        (0.5, 0.5),
        ("30", 30.0),
        ("30 s", 30.0),
        ("5 min", 300.0),
        ("1h30m", 5400.0),
        ("1m47s", 107.0),
        ("2 days", 172_800.0),
    ],
)
def test_durations_are_read(text: str | float, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "s", "-3", "5 parsecs", "1h 30", "soon", -1, math.inf, math.nan, 10**400, True]
)
def test_what_is_no_duration_is_refused(text: str | float) -> None:
    with pytest.raises(UnitError):
        parse_duration(text)


@given(SIZES)
def test_what_is_written_is_read_back_exactly(size: int) -> None:
    assert parse_size(write_size(size)) == size
    assert parse_rate(write_rate(size)) == size
    assert parse_rate(write_rate(None)) is None


@given(SIZES)
def test_what_is_shown_is_off_by_half_a_digit_at_most(size: int) -> None:
    assert parse_size(format_size(size)) == pytest.approx(size, rel=0.006)
    number = format_size(size).split()[0]
    assert size < 1000 or size >= 10**17 or len(number.replace(".", "")) == 3


@given(st.integers(0, 10**8))
def test_a_shown_duration_is_off_by_less_than_its_smaller_unit(seconds: int) -> None:
    slack = 1 if seconds < 3600 else 60 if seconds < 86400 else 3600
    assert 0 <= seconds - parse_duration(format_duration(seconds)) < slack


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    for parse in (parse_size, parse_rate, parse_duration):
        try:
            parse(text)
        except UnitError as error:
            assert str(error)
            assert error.hint


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (999.6, "1.00 KB"),
        (1000, "1.00 KB"),
        (9_994, "9.99 KB"),
        (9_996, "10.0 KB"),
        (99_960, "100 KB"),
        (999_600, "1.00 MB"),
        (18_800_000_000, "18.8 GB"),
    ],
)
def test_sizes_are_shown_with_three_digits(size: float, text: str) -> None:
    assert format_size(size) == text


def test_rates_and_durations_are_shown() -> None:
    assert format_rate(61_300_000) == "61.3 MB/s"
    assert format_rate(None) == "unlimited"
    shown = [format_duration(value) for value in (0, 4, 59.6, 107, 7500, 273_600, None, math.inf, math.nan)]
    assert shown == ["0s", "4s", "1m00s", "1m47s", "2h05m", "3d04h", "--", "--", "--"]
