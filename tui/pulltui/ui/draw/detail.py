"""The lines between list and parts: what the selected pull is about, in whole sentences."""

from __future__ import annotations

from pulltui_config.units import format_size

from pulltui.engine.views import BlobView, PullState, PullView
from pulltui.ui.glyphs import Glyphs
from pulltui.ui.lines import Line, Span, join_fitting, wrap
from pulltui.ui.words import counted, failure_words, shown_state, span_of, waiting_words

_SAYS = {
    PullState.QUEUED: "queued: begins when a pull before it has ended",
    PullState.RESOLVING: "asking the registry what belongs to it",
    PullState.COMMITTING: "moving the verified blobs into the models directory",
    PullState.PAUSED: "paused: what was received is kept, p goes on",
}


def detail_lines(pull: PullView, blob: BlobView | None, width: int, most: int, glyphs: Glyphs) -> list[Line]:
    """Return one to `most` lines of at most `width` cells on a pull and its blob of interest."""
    room = width - 2
    if pull.state is PullState.FAILED:
        failed = wrap(failure_words(pull.name, pull.error), room, max(1, most - 1), glyphs.more)
        hint = wrap(pull.hint or "r tries again", room, max(0, most - len(failed)), glyphs.more)
        return [_line(text, "bad") for text in failed] + [_line(text, "text") for text in hint]
    if shown_state(pull) is PullState.WAITING:
        text = f"{pull.name}: {waiting_words(pull.waiting)}, r tries now"
        return [_line(line, "wait") for line in wrap(text, room, most, glyphs.more)]
    facts = [(0, Span(pull.name, "strong"))]
    if blob is not None and blob.note:
        facts.append((1, Span(blob.note, "wait")))
    elif pull.state in _SAYS:
        facts.append((1, Span(_SAYS[pull.state], "dim")))
    if pull.state is PullState.DONE:
        took = f" in {span_of(pull.seconds)}" if pull.seconds >= 1 else ""
        facts.append((1, Span(f"{format_size(pull.size)}, verified{took}", "done")))
    if pull.connections:
        facts.append((2, Span(counted(pull.connections, "connection"), "dim")))
    facts.append((3, Span(f"from {_origin(pull, blob)}", "dim")))
    if pull.insecure:
        facts.append((2, Span("plain http", "wait")))
    if pull.cached:
        facts.append((4, Span(f"{format_size(pull.cached)} were here already", "dim")))
    return [Line((Span("  "), *join_fitting(facts, room, f" {glyphs.dot} ")))]


def _origin(pull: PullView, blob: BlobView | None) -> str:
    """Return the registry, after the host that the bytes come from if that is another one."""
    source = blob.source if blob is not None else ""
    return f"{source} via {pull.host}" if source and source != pull.host else pull.host


def _line(text: str, role: str) -> Line:
    return Line((Span("  "), Span(text, role)))


def empty_lines(destination: str, width: int, glyphs: Glyphs) -> list[Line]:
    """Return what an empty list says: what to do, and where it will go."""
    sentences = (
        ("Nothing queued.", "strong"),
        ("Press a and type a name, for example llama3.2:3b or hf.co/owner/model:Q4_K_M.", "text"),
        (f"Models go to {destination}" if destination else "", "dim"),
    )
    return [_line(line, role) for text, role in sentences for line in wrap(text, width - 2, 3, glyphs.more)]
