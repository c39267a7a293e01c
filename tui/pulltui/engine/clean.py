"""Text from outside, made harmless where it enters.

Terminals act on control characters, and some invisible characters change what a reader believes to see.
Names, headers and server messages pass through `safe` once, at the boundary; everything behind it may
show them as they are (markup is the screen's own business and is always off there).
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import msgspec

REPLACEMENT = "\ufffd"

WEB_PAGE = "a web page came instead of an answer: does this network want you to sign in?"
"""The words of a server that says something to browsers only."""
SIGN_IN = "Is there a sign-in page of this network in between, or is the host no registry?"
"""What to do about it."""

_SPOKEN = ("message", "error_description", "error", "details", "detail", "code")
"""Where JSON has the sentence: registries, OAuth's token servers, docker's."""

_HARMFUL = (
    *range(0x20),  # C0: ESC and friends
    *range(0x7F, 0xA0),  # DEL and C1
    0xAD,  # soft hyphen
    0x61C,  # Arabic letter mark
    *range(0x200B, 0x2010),  # zero width, left-to-right marks
    *range(0x2028, 0x202F),  # separators, bidi embeddings
    *range(0x2060, 0x2070),  # invisible operators, bidi isolates
    0xFEFF,  # byte order mark
    *range(0xD800, 0xE000),  # surrogates
    *range(0xFFF9, 0xFFFC),  # interlinear annotations
    *range(0xE0000, 0xE0080),  # tags
)
_TABLE = dict.fromkeys(_HARMFUL, REPLACEMENT) | {0x09: " ", 0x0A: " ", 0x0D: " "}


def safe(text: str, limit: int = 300) -> str:
    """Return `text` on one line, at most `limit` characters long, without anything a terminal acts on.

    Control, bidirectional and invisible characters become U+FFFD, white space runs become one space.
    """
    cleaned = " ".join(text[: limit * 4].translate(_TABLE).split())
    if not cleaned.isprintable():
        # Unassigned and private characters: nobody knows what a terminal makes of them.
        cleaned = "".join(char if char.isprintable() else REPLACEMENT for char in cleaned)
    return cleaned if len(cleaned) <= limit else cleaned[: limit - 1] + "…"


def server_words(body: bytes, content_type: str, hide: Callable[[str], str]) -> str:
    """Return the message of an error's body, cleaned: the registry's JSON errors, or plain text.

    WEB_PAGE for HTML; empty for other markup, for JSON without a message and for half of it. `hide` takes
    secrets out of the decoded text, before anything of it is cut off.
    """
    text = body.decode("utf-8", "replace").strip()
    kind, start = content_type.lower(), text[:100].lower()
    if "html" in kind or start.startswith(("<!doctype html", "<html")):
        return WEB_PAGE
    if start.startswith("<"):
        return ""
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        if "json" in kind or start.startswith("{"):
            return ""
    else:
        text = _message(document) if isinstance(document, dict | list) else text
    return safe(hide(text), 200)


def _message(document: object) -> str:
    errors = document.get("errors") if isinstance(document, dict) else document
    first = errors[0] if isinstance(errors, list) and errors else document
    said = [first.get(key) for key in _SPOKEN] if isinstance(first, dict) else [first]
    return next((each for each in said if isinstance(each, str) and each), "")


def safe_url(url: str, limit: int = 200) -> str:
    """Return what of a URL may be shown or logged: no user, password, query or fragment.

    Signed URLs carry their credential in the query.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "(unreadable address)"
    if ":" in host:
        host = f"[{host}]"
    return safe(f"{parts.scheme}://{host}{port}{parts.path}", limit)


def safe_name(text: str, limit: int = 90) -> str:
    """Return a model's name as somebody typed it, clean, and without what may be a password in it."""
    before, at, after = text.rpartition("@")
    scheme, found, _ = before.partition("://")
    return safe(f"{scheme + found if found else ''}…{at}{after}" if at else after, limit)
