from __future__ import annotations

import time
from collections.abc import Iterator
from email.utils import formatdate

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulltui.engine.accept import Body, accept, retry_after
from pulltui.engine.setbacks import WrongAnswer

TOTAL = 5000


def answer(status: int, *headers: tuple[str, str]) -> httpx.Response:
    return httpx.Response(status, headers=list(headers))


def partial(said: str, *headers: tuple[str, str]) -> httpx.Response:
    return answer(206, ("Content-Range", said), *headers)


@pytest.mark.parametrize(
    "headers",
    [
        [("Content-Range", "bytes 100-199/5000")],
        [("Content-Range", "bytes 100-199/5000"), ("Content-Length", "100")],
        [("Content-Range", " bytes 100-199/5000 "), ("Transfer-Encoding", "chunked")],
        [("Content-Range", "bytes 100-199/5000"), ("Content-Encoding", "identity")],
        [("Content-Range", "bytes 000100-0199/5000")],
    ],
)
def test_exactly_what_was_asked_for_is_accepted(headers: list[tuple[str, str]]) -> None:
    assert accept(answer(206, *headers), 100, 200, TOTAL) is Body.RANGE


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("bytes 0-99/5000", "asked for bytes 100-199, got 0-99"),
        ("bytes 101-199/5000", "got 101-199"),
        ("bytes 100-198/5000", "got 100-198"),
        ("bytes 100-200/5000", "got 100-200"),
        ("bytes 100-199/4999", "server says 4999 bytes in all, manifest 5000"),
        ("bytes 100-199/5001", "server says 5001"),
        ("bytes 100-199/*", "unreadable"),
        ("bytes */5000", "unreadable"),
        ("bytes=100-199/5000", "unreadable"),
        ("bytes 100-199", "unreadable"),
        ("bytes 199-100/5000", "got 199-100"),
        ("bytes -100-199/5000", "unreadable"),
        ("bytes 100-199/5000, bytes 0-99/5000", "unreadable"),
        ("items 100-199/5000", "unreadable"),
        ("bytes 1٠0-199/5000", "unreadable"),
        ("bytes " + "1" * 30 + "-199/5000", "unreadable"),
        ("", "unreadable"),
    ],
)
def test_any_other_range_is_refused(said: str, why: str) -> None:
    response = httpx.Response(206, headers=[(b"Content-Range", said.encode())])
    with pytest.raises(WrongAnswer, match=why.replace("*", r"\*")):
        accept(response, 100, 200, TOTAL)


def test_one_content_range_and_not_none_or_two() -> None:
    with pytest.raises(WrongAnswer, match="no Content-Range"):
        accept(answer(206), 100, 200, TOTAL)
    with pytest.raises(WrongAnswer, match="2 Content-Range"):
        accept(partial("bytes 100-199/5000", ("content-range", "bytes 0-99/5000")), 100, 200, TOTAL)
    with pytest.raises(WrongAnswer, match="no Content-Range"):
        accept(answer(206, ("Content-Type", "multipart/byteranges; boundary=x")), 100, 200, TOTAL)


@pytest.mark.parametrize("length", ["99", "101", "0", "-100", "1e2", "100, 100", "x", "٣"])
def test_a_body_of_another_length_is_refused(length: str) -> None:
    response = httpx.Response(
        206, headers=[(b"Content-Range", b"bytes 100-199/5000"), (b"Content-Length", length.encode())]
    )
    with pytest.raises(WrongAnswer, match="announced, 100 expected"):
        accept(response, 100, 200, TOTAL)


@pytest.mark.parametrize("encoding", ["gzip", "br", "zstd", "deflate", "gzip, identity", "x-\x1b[2J"])
@pytest.mark.parametrize("status", [200, 206])
def test_a_compressed_body_is_refused(status: int, encoding: str) -> None:
    response = answer(status, ("Content-Range", "bytes 100-199/5000"), ("Content-Encoding", encoding))
    with pytest.raises(WrongAnswer, match="the server compressed the blob") as caught:
        accept(response, 100, 200, TOTAL)
    assert "\x1b" not in caught.value.why


def test_a_200_is_the_whole_blob_if_its_length_says_so() -> None:
    assert accept(answer(200, ("Content-Length", "5000")), 100, 200, TOTAL) is Body.WHOLE
    assert accept(answer(200), 100, 200, TOTAL) is Body.WHOLE
    for length in ("100", "4999", "5001"):
        with pytest.raises(WrongAnswer, match="5000 expected"):
            accept(answer(200, ("Content-Length", length)), 100, 200, TOTAL)


@given(
    st.integers(0, 10**6),
    st.integers(1, 10**6),
    st.tuples(*[st.integers(-2, 2)] * 3),
)
def test_one_byte_off_is_off(start: int, length: int, off: tuple[int, int, int]) -> None:
    end, total = start + length, start + length + 10
    first, last, size = start + off[0], end - 1 + off[1], total + off[2]
    response = partial(f"bytes {first}-{last}/{size}")
    if off == (0, 0, 0):
        assert accept(response, start, end, total) is Body.RANGE
    else:
        with pytest.raises(WrongAnswer):
            accept(response, start, end, total)


@given(st.text(st.characters(codec="latin-1", exclude_characters="\r\n\0"), max_size=60))
def test_no_text_in_the_header_does_more_than_be_refused(said: str) -> None:
    response = httpx.Response(206, headers=[(b"Content-Range", said.encode("latin-1"))])
    with pytest.raises(WrongAnswer):
        accept(response, 100, 200, TOTAL)


NOW = 1_700_000_000.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        (" 7 ", 7.0),
        ("9" * 40, 10**9),
        (formatdate(NOW + 90, usegmt=True), 90.0),
        (formatdate(NOW - 90, usegmt=True), 0.0),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
        ("Wed, 99 Nov 2023 99:99:99 GMT", None),
        ("Mon, 01 Jan 999999999 00:00:00 GMT", None),
    ],
)
def test_retry_after_in_seconds_or_as_a_date(text: str, seconds: float | None) -> None:
    assert retry_after(httpx.Headers([(b"Retry-After", text.encode())]), NOW) == seconds


@pytest.fixture
def in_new_york(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "America/New_York")
        time.tzset()
        assert time.localtime(NOW).tm_hour != time.gmtime(NOW).tm_hour
        yield
    time.tzset()


@pytest.mark.usefixtures("in_new_york")
@pytest.mark.parametrize(
    "text",
    [
        "Tue, 14 Nov 2023 22:13:30 GMT",
        "Tuesday, 14-Nov-23 22:13:30 GMT",
        "Tue Nov 14 22:13:30 2023",
        "Tue, 14 Nov 2023 22:13:30 -0000",
        "Tue, 14 Nov 2023 22:13:30",
        "Tue, 14 Nov 2023 17:13:30 -0500",
    ],
)
def test_a_date_means_the_same_wherever_we_are(text: str) -> None:
    assert retry_after(httpx.Headers({"Retry-After": text}), NOW) == 10.0


def test_without_retry_after_nobody_asked_for_a_time() -> None:
    assert retry_after(httpx.Headers(), NOW) is None
