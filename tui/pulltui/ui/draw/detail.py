"""What a pull is about just now, in whole sentences: what happens, why, and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pulltui_config.locations import DEMO_PREFIX
from pulltui_config.units import format_rate, format_size

from pulltui.engine.views import BlobState, BlobView, EngineView, PullState, PullView, Waiting
from pulltui.ui.caps import in_force
from pulltui.ui.glyphs import Glyphs
from pulltui.ui.lines import Line, Span, wrap
from pulltui.ui.words import BY_DISK, counted, failure_words, shown_state, span_of

Keys = Mapping[str, str]
"""Ids of actions and the keys they are on, as configured."""
KEYS: Keys = {
    "pause": "p",
    "retry": "r",
    "add": "a",
    "adopt": "I",
    "start_next": "!",
    "open": "enter",
    "help": "?",
}
"""What sentences call keys that nobody has configured."""

_UNDER_WAY = (
    PullState.RESOLVING,
    PullState.DOWNLOADING,
    PullState.VERIFYING,
    PullState.COMMITTING,
    PullState.WAITING,
)


class Look(NamedTuple):
    """How it is drawn, and what keys are called."""

    glyphs: Glyphs
    keys: Keys


def named(keys: Keys) -> Keys:
    """Return what to call the keys of the actions in KEYS: those without a key by the action's own name."""
    return {action: keys.get(action, f"the action {action}") for action in KEYS} if keys else KEYS


class Sentence(NamedTuple):
    """A sentence, the role to say it in, and the action that a click on it does."""

    text: str
    role: str = "text"
    action: str = ""


def status_lines(said: Sequence[Sentence], width: int, most: int, glyphs: Glyphs) -> list[Line]:
    """Return the sentences on at most `most` lines of at most `width` cells, the first ones in full."""
    lines: list[Line] = []
    for number, sentence in enumerate(said):
        others = len(said) - number - 1
        room = max(1, most - len(lines) - others)
        if len(lines) < most:
            texts = wrap(sentence.text, width - 2, room, glyphs.more)
            lines += [Line((Span(" "), Span(text, sentence.role, sentence.action))) for text in texts]
    return lines


def status(view: EngineView, pull: PullView, blob: BlobView | None, keys: Keys) -> list[Sentence]:
    """Return what to say about a pull: nothing, if all that happens is that bytes come."""
    return list(_status(view, pull, blob, named(keys)))


def _status(view: EngineView, pull: PullView, blob: BlobView | None, keys: Keys) -> Iterator[Sentence]:
    match shown_state(pull):
        case PullState.FAILED:
            yield Sentence(failure_words(pull.name, pull.error), "bad")
            if pull.hint:
                yield Sentence(pull.hint)
            kept = f"; {format_size(pull.done)} are kept" if pull.done else ""
            yield Sentence(f"{keys['retry']} tries again{kept}.", "dim", "retry")
        case PullState.WAITING:
            yield from _waiting(pull, keys)
        case PullState.PAUSED:
            kept = f"{format_size(pull.done)} of {format_size(pull.size)} are kept" if pull.done else ""
            yield Sentence(f"paused{f': {kept}' if kept else ''}. {keys['pause']} goes on.", "dim", "pause")
        case PullState.QUEUED:
            yield Sentence(_queued(view, pull, keys), "dim")
        case PullState.RESOLVING:
            yield Sentence(f"asking {pull.host} what belongs to it", "active")
        case PullState.COMMITTING:
            yield Sentence("all is verified: the blobs go to their places in the models directory", "hash")
        case PullState.DONE:
            yield from _done(view, pull)
    if blob is not None and blob.state is BlobState.VERIFYING and not blob.note:
        yield Sentence("all its bytes are here: now their digest is checked", "hash")
    if pull.state in (PullState.DOWNLOADING, PullState.VERIFYING):
        yield from _downloading(view, pull, blob)


def _waiting(pull: PullView, keys: Keys) -> Iterator[Sentence]:
    waiting = pull.waiting or Waiting("")
    again = "" if waiting.seconds is None else f", next try in {span_of(waiting.seconds)}"
    now = f"{keys['retry']} tries now"
    kept = f"; {format_size(pull.done)} are kept" if pull.done else ""
    match waiting.kind:
        case "schedule":
            goes_on = "" if waiting.seconds is None else f", goes on in {span_of(waiting.seconds)}"
            yield Sentence(f"held by the {waiting.why}{goes_on}", "wait")
        case "no-space":
            yield Sentence(f"no space: {waiting.why}", "bad")
            yield Sentence(
                f"{pull.hint or 'Free some space: it goes on by itself.'} {now}{kept}.", "text", "retry"
            )
        case "offline":
            yield Sentence(f"{waiting.why or f'no answer from {pull.host}'}{again}", "wait")
            yield Sentence(
                f"It goes on by itself as soon as {pull.host} answers. {now}{kept}.", "dim", "retry"
            )
        case "connections":
            yield Sentence(waiting.why, "wait")
            yield Sentence(f"It goes on by itself{kept}.", "dim")
        case "busy":
            yield Sentence(f"{waiting.why or 'the server asks to wait'}{again}", "wait")
            yield Sentence(f"That is no fault of this side, and costs no retry. {now}{kept}.", "dim", "retry")
        case _:
            yield Sentence(f"waiting{again}: {waiting.why}" if waiting.why else f"waiting{again}", "wait")
            yield Sentence(f"{now}{kept}.", "dim", "retry")


def _queued(view: EngineView, pull: PullView, keys: Keys) -> str:
    before = 0
    for other in view.pulls:
        if other.id == pull.id:
            break
        before += other.state is PullState.QUEUED
    going = sum(other.state in _UNDER_WAY for other in view.pulls)
    ahead = [f"{counted(before, 'pull')} before it"] if before else []
    ahead += [f"{going} under way"] if going else []
    kept = f", {format_size(pull.done)} are here already" if pull.done else ""
    first = f"; {keys['start_next']} puts it first" if before else ""
    return f"queued{': ' + ', '.join(ahead) if ahead else ''}{kept}{first}"


def _done(view: EngineView, pull: PullView) -> Iterator[Sentence]:
    took = f" in {span_of(pull.seconds)}" if pull.seconds >= 1 else ""
    if pull.size and pull.cached == pull.size:
        yield Sentence(f"done: all {format_size(pull.size)} were here already", "done")
    else:
        yield Sentence(f"done: {format_size(pull.size)}, verified{took}", "done")
    if Path(view.models_dir).parent.name.startswith(DEMO_PREFIX):
        yield Sentence(f"It is in {view.models_dir}, which is deleted when the demo ends.")
    elif view.models_dir:
        yield Sentence(f"It is in {view.models_dir}. To use it: ollama run {pull.name}")


def _downloading(view: EngineView, pull: PullView, blob: BlobView | None) -> Iterator[Sentence]:
    if view.suspended:
        yield Sentence("the machine slept: everything connects again", "wait")
    if blob is not None and blob.note:
        yield Sentence(blob.note, "wait")
    if blob is not None and blob.single_stream and blob.state is BlobState.DOWNLOADING:
        yield Sentence("one connection only: the server knows no ranges", "wait")
    if pull.disk:
        yield Sentence(f"{BY_DISK}: {pull.disk}. The network waits, and is not to blame.", "held")
    if pull.capped:
        yield Sentence(f"held by the cap: {cap_words(view, pull)}", "held")


def cap_words(view: EngineView, pull: PullView) -> str:
    """Return the caps that count, "5 MB/s for this pull, 20 MB/s for all (settings)", or "none"."""
    own = f"{format_rate(pull.limit)} for this pull" if pull.limit is not None else ""
    every = f"{format_rate(view.limit)} for all ({view.limit_why})" if view.limit is not None else ""
    if view.limit is not None and in_force(view) is None:
        every = f"none for all ({view.limit_why})"
    elif view.limit == 0:
        every = f"everything is paused ({view.limit_why})"
    return ", ".join(filter(None, (own, every))) or "none"


def nothing_lines(view: EngineView, width: int, height: int, look: Look) -> list[Line]:
    """Return what an empty list says in at most `height` lines: what to do, what was found, where it goes."""
    known = named(look.keys)
    if view.pulls:
        hidden = counted(len(view.pulls), "pull")
        groups = [[Sentence(f"Nothing to see here: {hidden} under other tabs or filters.")]]
    elif view.starting:
        groups = [[Sentence("Looking what is queued.", "dim")]]
    else:
        groups = [
            [
                Sentence("Nothing queued.", "strong"),
                Sentence(
                    f"Press {known['add']} and type a name, for example llama3.2:3b or "
                    "hf.co/owner/model:Q4_K_M. Or paste one.",
                    "text",
                    "add",
                ),
            ],
            list(_found(view, known)),
            [
                *([Sentence(f"Models go to {view.models_dir}", "dim")] if view.models_dir else []),
                Sentence("Stop whenever you like: the next start goes on from what is on disk.", "dim"),
                Sentence(f"{known['help']} shows all keys.", "dim", "help"),
            ],
        ]
    blocks = [status_lines(said, width, 6, look.glyphs) for said in groups if said]
    airy = sum(map(len, blocks)) + len(blocks) <= height
    lines = [line for block in blocks for line in ([Line()] * airy + block)]
    return lines[: max(0, height)]


def _found(view: EngineView, keys: Keys) -> Iterator[Sentence]:
    """Offer what Ollama has begun."""
    if view.adoptable:
        amount = format_size(sum(partial.done for partial in view.adoptable))
        found = counted(len(view.adoptable), "unfinished download")
        yield Sentence(
            f"Ollama has left {found} here ({amount}): {keys['adopt']} takes over.", "active", "adopt"
        )
