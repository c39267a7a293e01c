"""What states and bars are drawn with: one set for capable terminals, one for all the others.

Every glyph takes one cell. In Chinese, Japanese and Korean locales terminals draw many of the Unicode ones
two cells wide, so these get the ASCII set as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pulltui.engine.views import BlobState, PartState, PullState

_CJK = ("zh", "ja", "ko")


@dataclass(frozen=True, slots=True)
class Glyphs:
    """One set of glyphs."""

    pull: Mapping[PullState, str]
    blob: Mapping[BlobState, str]
    part: Mapping[PartState, str]
    bar: str
    """Nothing, the growing fractions of a cell, a full cell.

    Thin, so that the bars of neighbouring lines do not grow together.
    """
    hash_bar: str
    """The same for bytes that are being verified."""
    spark: str
    """Rising levels of the speed graph; empty: no graph."""
    cursor: str
    mark: str
    """Stands before a marked pull."""
    more: str
    """Stands for text that was cut."""
    rule: str
    branch: str
    last_branch: str
    down: str
    """What comes in; a falling order."""
    up: str
    """A rising order."""
    dot: str
    """Between the facts of a title."""
    border: str
    """Textual's name of the border around dialogs."""


UNICODE = Glyphs(
    pull={
        PullState.QUEUED: "○",
        PullState.RESOLVING: "◌",
        PullState.DOWNLOADING: "▶",
        PullState.VERIFYING: "◆",
        PullState.COMMITTING: "◇",
        PullState.DONE: "✓",
        PullState.PAUSED: "‖",
        PullState.WAITING: "~",
        PullState.FAILED: "✗",
    },
    blob={
        BlobState.QUEUED: "○",
        BlobState.DOWNLOADING: "▶",
        BlobState.VERIFYING: "◆",
        BlobState.REPAIRING: "+",
        BlobState.PAUSED: "‖",
        BlobState.VERIFIED: "✓",
        BlobState.CACHED: "=",
        BlobState.FAILED: "✗",
    },
    part={
        PartState.TODO: "·",
        PartState.PARTIAL: "▒",
        PartState.DONE: "█",
        PartState.HELD: "░",
        PartState.RECEIVING: "▶",
        PartState.WAITING: "~",
        PartState.QUIET: "?",
        PartState.STALLED: "!",
        PartState.FAILED: "✗",
    },
    bar="·╸━",
    hash_bar="·╍",
    spark="▁▂▃▄▅▆▇█",
    cursor="▌",
    mark="●",
    more="…",
    rule="─",
    branch="├",
    last_branch="└",
    down="▼",
    up="▲",
    dot="·",
    border="round",
)

ASCII = Glyphs(
    pull={
        PullState.QUEUED: "o",
        PullState.RESOLVING: "?",
        PullState.DOWNLOADING: ">",
        PullState.VERIFYING: "%",
        PullState.COMMITTING: "&",
        PullState.DONE: "#",
        PullState.PAUSED: '"',
        PullState.WAITING: "~",
        PullState.FAILED: "x",
    },
    blob={
        BlobState.QUEUED: "o",
        BlobState.DOWNLOADING: ">",
        BlobState.VERIFYING: "%",
        BlobState.REPAIRING: "+",
        BlobState.PAUSED: '"',
        BlobState.VERIFIED: "#",
        BlobState.CACHED: "=",
        BlobState.FAILED: "x",
    },
    part={
        PartState.TODO: ".",
        PartState.PARTIAL: "=",
        PartState.DONE: "#",
        PartState.HELD: "-",
        PartState.RECEIVING: ">",
        PartState.WAITING: "~",
        PartState.QUIET: "?",
        PartState.STALLED: "!",
        PartState.FAILED: "x",
    },
    bar=".=",
    hash_bar=".%",
    spark="",
    cursor=">",
    mark="*",
    more="..",
    rule="-",
    branch="|",
    last_branch="`",
    down="v",
    up="^",
    dot="|",
    border="ascii",
)


def choose(setting: str, environ: Mapping[str, str], encoding: str) -> Glyphs:
    """Return the set that `ui.glyphs` asks for; "auto" decides by locale, terminal and output encoding."""
    if setting == "unicode":
        return UNICODE
    if setting == "ascii":
        return ASCII
    locale = environ.get("LC_ALL") or environ.get("LC_CTYPE") or environ.get("LANG") or ""
    plain = (
        encoding.lower().replace("-", "").replace("_", "") != "utf8"
        or environ.get("TERM", "") in ("linux", "dumb")
        or locale[:2].lower() in _CJK
    )
    return ASCII if plain else UNICODE
