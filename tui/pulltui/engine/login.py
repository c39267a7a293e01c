"""A user and a password, and how to keep them and all that is made of them out of sight."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import unquote, unquote_to_bytes

HIDDEN = "***"
"""What stands for a secret."""

_REMEMBERED = 32
"""Headers that may still come back: the ones sent last."""
_TELLING = 32
"""Characters of a token by which it is known where a server repeats the beginning only."""
_GIVEAWAY = 4
"""Characters that people would guess from the gaps if only these were taken out."""
_TELLING_CORE = 6
"""Characters of base64 that do not come about by chance."""
_PIECE = re.compile(r"((?:%[0-9A-Fa-f]{2})+)|\\u([0-9A-Fa-f]{4})|\\(.)|.", re.DOTALL)
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=:-]*")
_BLANKS = dict.fromkeys([ord("+"), *(code for code in range(128) if chr(code).isspace())], " ")
_ALPHABET = str.maketrans("-_", "+/")

Spans = list[tuple[int, int]]


@dataclass(frozen=True)
class Login:
    """A user and a password; its repr has neither."""

    user: str = field(repr=False)
    password: str = field(repr=False)
    source: str
    """Where it was found, for people."""
    plain: bool = False
    """Whether it may go over plain http to another machine: whoever wrote it down said http://."""

    @property
    def basic(self) -> str:
        """The header Authorization (RFC 7617)."""
        return f"Basic {base64.b64encode(f'{self.user}:{self.password}'.encode()).decode()}"


class Secrets:
    """What was sent as Authorization lately: a server may repeat it in its answers."""

    def __init__(self) -> None:
        self._sent: dict[str, None] = {}

    def add(self, authorization: str) -> None:
        """Remember a header Authorization that is, or will be, sent."""
        self._sent.pop(authorization, None)
        self._sent[authorization] = None
        if len(self._sent) > _REMEMBERED:
            del self._sent[next(iter(self._sent))]

    def scrub(self, text: str, more: Iterable[str] = ()) -> str:
        """Return a server's text without what was sent, and without `more`; see `scrub`."""
        return scrub(text, [*more, *(secret for sent in self._sent for secret in secrets_of(sent))])


def read_login(text: str, source: str) -> Login | None:
    """Return the login that `user:password` means, percent signs decoded as in a URL; None if it is none."""
    user, colon, password = (unquote(part) for part in text.partition(":"))
    good = user and colon and password and (user + password).isprintable() and ":" not in user
    return Login(user, password, source) if good else None


def secrets_of(authorization: str) -> list[str]:
    """Return what must not be shown of a header Authorization."""
    scheme, _, value = authorization.rpartition(" ")
    secrets = [value]
    if scheme == "Basic":
        with suppress(ValueError):
            login = base64.b64decode(value).decode()
            secrets += [login, login.partition(":")[2]]
    elif not scheme:  # a key of Ollama's: its public half, colon, the signature
        secrets.append(value.rpartition(":")[2])
    return [secret for secret in secrets if secret]


def scrub(text: str, secrets: Iterable[str]) -> str:
    """Return `text` with every secret in it replaced by three asterisks.

    A secret is found as it is, in any case, escaped as in URLs or JSON, and in base64, also within a longer
    text; of one that is as long as a token its beginning is enough. Where a very short one occurs nothing is
    left: the gaps would tell it. `text` is decoded already, and neither cleaned nor cut.
    """
    known = {secret for secret in secrets if secret}
    found: Spans = []
    for letters, places in (_as_it_is(text), _decoded(text)) if known else ():
        for start, end in _occurrences(letters, known):
            found.append((places[start][0], places[end - 1][1]))
    if any(end - start < _GIVEAWAY for start, end in found):
        return HIDDEN
    pieces, position = [], 0
    for start, end in sorted(found):
        if start >= position:
            pieces += [text[position:start], HIDDEN]
        position = max(position, end)
    return "".join([*pieces, text[position:]])


def _occurrences(letters: str, secrets: set[str]) -> Iterator[tuple[int, int]]:
    plain = _plain(letters)
    for secret in secrets:
        needle = _plain(secret)
        telling = needle[:_TELLING] if len(needle) > 2 * _TELLING else needle
        start = plain.find(telling)
        while start >= 0:
            end = start + len(needle if plain.startswith(needle, start) else telling)
            if telling is not needle and (rest := _TOKEN.match(letters, end)) is not None:
                end = rest.end()
            yield start, end
            start = plain.find(telling, end)
    raw = [secret.encode(errors="surrogatepass") for secret in secrets]  # half a pair is no reason to tell it
    whole = {base64.b64encode(secret).decode().rstrip("=") for secret in raw}
    cores = {core for secret in raw for core in _cores(secret)}
    shortest = min(map(len, cores), default=len(letters))
    for run in _BASE64.finditer(letters):
        encoded = run[0].translate(_ALPHABET).rstrip("=")
        if encoded in whole or (len(encoded) >= shortest and any(core in encoded for core in cores)):
            yield run.span()


def _cores(secret: bytes) -> Iterator[str]:
    """Yield what base64 of any text with the secret in it contains: one of three, by where it begins."""
    for before, first in ((0, 0), (1, 2), (2, 3)):
        encoded = base64.b64encode(bytes(before) + secret).decode()
        core = encoded[first : (before + len(secret)) * 8 // 6]
        if len(core) >= _TELLING_CORE:
            yield core


def _as_it_is(text: str) -> tuple[str, Spans]:
    return text, [(place, place + 1) for place in range(len(text))]


def _decoded(text: str) -> tuple[str, Spans]:
    """Return the text without the escapes of URLs and JSON, and where each of its letters stood before."""
    letters: list[str] = []
    places: Spans = []
    for piece in _PIECE.finditer(text):
        percent, code, escaped = piece.groups()
        if percent is not None:
            decoded = unquote_to_bytes(percent).decode("utf-8", "replace")
        else:
            decoded = chr(int(code, 16)) if code is not None else escaped or piece[0]
        letters.append(decoded)
        places += [piece.span()] * len(decoded)
    return "".join(letters), places


def _plain(text: str) -> str:
    """Return the text, letter by letter, in lower case and with one kind of blank."""
    if text.isascii():  # as nearly all of it is
        return text.translate(_BLANKS).lower()
    return "".join(" " if each.isspace() or each == "+" else each.lower()[:1] for each in text)
