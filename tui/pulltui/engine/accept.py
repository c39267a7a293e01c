"""What of a server's answer is accepted. Pure functions over status and headers.

Read the status before the body; believe a 206 only if its one Content-Range says exactly what was asked
for and what the manifest says (RFC 9110 section 14.4 for the format).
"""

from __future__ import annotations

import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from enum import Enum

import httpx

from pulltui.engine.clean import safe
from pulltui.engine.setbacks import WrongAnswer

_CONTENT_RANGE = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19})", re.ASCII)

REDIRECTS = frozenset({301, 302, 303, 307, 308})
STALE = frozenset({400, 401, 403, 404, 410})
"""At a URL that a redirect led to: its signature has expired, or the object moved."""
BUSY = frozenset({429, 503})
FINAL = frozenset({501, 505})
"""Server errors that trying again does not change."""


class Body(Enum):
    """What the body of an accepted answer is."""

    RANGE = "range"
    WHOLE = "whole"


def accept(response: httpx.Response, start: int, end: int, total: int) -> Body:
    """Return what the body is for a GET of bytes [start, end) of a blob of `total` bytes.

    Status 200 or 206 only. Raises WrongAnswer when anything does not fit; then nothing may be written.
    """
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise WrongAnswer(f"the server compressed the blob ({safe(encoding, 20)})")
    if response.status_code == httpx.codes.OK:
        return _accept_whole(response, total)
    ranges = response.headers.get_list("content-range")
    if len(ranges) != 1:
        raise WrongAnswer(f"206 with {len(ranges) or 'no'} Content-Range")
    match = _CONTENT_RANGE.fullmatch(ranges[0].strip())
    if match is None:
        raise WrongAnswer(f"206 with an unreadable range ({safe(ranges[0], 60)})")
    first, last, size = (int(group) for group in match.groups())
    if size != total:
        raise WrongAnswer(f"server says {size} bytes in all, manifest {total}")
    if (first, last) != (start, end - 1):
        raise WrongAnswer(f"asked for bytes {start}-{end - 1}, got {first}-{last}")
    _check_length(response, end - start)
    return Body.RANGE


def _accept_whole(response: httpx.Response, total: int) -> Body:
    """A 200 is the whole blob from its first byte, if it has the right length."""
    kind = response.headers.get("content-type", "")
    if "html" in kind.lower() and response.headers.get("content-length") != str(total):
        raise WrongAnswer("a web page came instead of the blob: does this network want you to sign in?")
    _check_length(response, total)
    return Body.WHOLE


def _check_length(response: httpx.Response, expected: int) -> None:
    """Content-Length may be missing (chunked); the bytes are counted anyway."""
    length = response.headers.get("content-length")
    if length is None:
        return
    if not (length.isascii() and length.isdigit()) or int(length) != expected:
        raise WrongAnswer(f"body of {safe(length, 30)} bytes announced, {expected} expected")


def retry_after(headers: httpx.Headers, wall_now: float) -> float | None:
    """Return the seconds a server asks to wait: Retry-After in seconds or as a date (RFC 9110 10.2.3).

    `wall_now` is the wall clock, which dates need. A date without a zone, as C's asctime writes it, is in UTC
    all the same (5.6.7). Nonsense counts as absent.
    """
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(min(int(text[:12]), 10**9))
    if not text:
        return None
    try:
        when = parsedate_to_datetime(text)
        if when.tzinfo is None:  # datetime would take it for local time
            when = when.replace(tzinfo=UTC)
        return max(0.0, when.timestamp() - wall_now)
    except (ValueError, OverflowError, TypeError):
        return None
