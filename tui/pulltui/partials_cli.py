"""`pulltui partials` and `pulltui handback`: what is unfinished, ours and Ollama's, while no pulltui runs.

`partials --json` prints one object:

    {"v": 1, "models_dir": "...", "held": null or "in use by process ...", "partials": [
        {"digest": "sha256:...", "size": bytes, "done": bytes, "age": seconds, "owner": "pulltui" or "ollama",
         "pulls": [names in the queue that need it], "why": "why it cannot be adopted"}, ...]}
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Final

import typer

from pulltui.arguments import ModelsDir
from pulltui.engine.clean import safe_name
from pulltui.refusals import USAGE, errors_in_words, fail

if TYPE_CHECKING:
    from pulltui.desk import Desk
    from pulltui.engine.views import PartialView

app = typer.Typer(rich_markup_mode=None)

SHORTEST: Final = 4
"""Digits by which a blob may be named."""
_DIGEST = re.compile(r"(sha256[:-])?([0-9a-f]{1,64})")
_AGES: Final = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))

Digests = Annotated[
    list[str] | None,
    typer.Argument(metavar="DIGEST", help=f"Blobs, by {SHORTEST} or more of their first digits."),
]


@app.command(short_help="Show unfinished blobs, ours and Ollama's; adopt or delete them.")
def partials(
    digests: Digests = None,
    *,
    adopt: Annotated[
        bool, typer.Option("--adopt", help="Take over what Ollama began: these blobs, or all.")
    ] = False,
    clean: Annotated[bool, typer.Option("--clean", help="Delete these blobs, or --all.")] = False,
    all_: Annotated[
        bool, typer.Option("--all", help="With --clean: all that no pull in the queue needs.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Delete without asking.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object, for programs.")] = False,
    models_dir: ModelsDir = None,
) -> None:
    """Show the unfinished blobs in the models directory: how far they are, whose, and who needs them.

    What Ollama began can be taken over, so that no byte is fetched twice; a pull does that by itself.
    """
    _check_options(digests or [], adopt=adopt, clean=clean, everything=all_, json=json)
    from pulltui.desk import Desk

    with errors_in_words():
        desk = Desk(models_dir)
        if adopt:
            with desk.held_alone():
                _adopt(desk, digests or [])
        elif clean:
            with desk.held_alone():
                _clean(desk, digests or [], yes=yes)
        else:
            _show(desk, json=json)


@app.command(short_help="Give what came of a pull to Ollama, to finish it there.")
def handback(
    names: Annotated[
        list[str], typer.Argument(metavar="NAME", help="Pulls in the queue, or blobs (sha256:...).")
    ],
    models_dir: ModelsDir = None,
) -> None:
    """Turn what came of a pull into what `ollama pull` goes on with. It is paused here."""
    from pulltui.desk import Desk

    with errors_in_words():
        desk = Desk(models_dir)
        with desk.held_alone():
            _hand_back(desk, names)


def _check_options(digests: Sequence[str], *, adopt: bool, clean: bool, everything: bool, json: bool) -> None:
    if sum((adopt, clean, json)) > 1:
        raise typer.BadParameter("one at a time: --adopt, --clean or --json", param_hint="--adopt")
    if everything and not clean:
        raise typer.BadParameter("it goes with --clean only", param_hint="--all")
    if clean and bool(digests) == everything:
        raise typer.BadParameter("name the blobs to delete, or take --all of them", param_hint="--clean")
    if digests and not (adopt or clean):
        raise typer.BadParameter("they go with --adopt or --clean", param_hint="DIGEST")


def _show(desk: Desk, *, json: bool) -> None:
    from pulltui.desk import HELD

    views = desk.unfinished(desk.read().entries)
    held = desk.store.holder()
    if json:
        import msgspec

        shown = {"v": 1, "models_dir": str(desk.start.models), "held": str(held) if held else None}
        typer.echo(msgspec.json.encode(shown | {"partials": views}).decode())
    elif views:
        typer.echo("\n".join(_table(views)))
    else:
        typer.echo(f"Nothing is unfinished in {desk.start.models}.")
    if held:
        fail(str(held), "What stands here may have changed already.", HELD)


def _table(views: Sequence[PartialView]) -> list[str]:
    rows = [_row(view) for view in views]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row, view in zip(rows, views, strict=True):
        cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        lines.append("  ".join(cells).rstrip())
        if view.why:
            lines.append(f"{'':{widths[0]}}  {view.why}")
    return lines


def _row(view: PartialView) -> tuple[str, ...]:
    from pulltui_config import format_size

    percent = f"{view.done * 100 // view.size if view.size else 100}%"
    amount = f"{format_size(view.done)} of {format_size(view.size)}"
    return _short(view), view.owner, percent, amount, f"{_age(view.age)} old", ", ".join(view.pulls)


def _short(view: PartialView) -> str:
    return view.digest.removeprefix("sha256:")[:12]


def _age(seconds: float) -> str:
    for size, unit in _AGES:
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
    return "0 seconds"


def _named(digests: Sequence[str], views: Sequence[PartialView]) -> list[PartialView]:
    """Return what is meant; exits with 2, before anything is changed, if a digest means nothing, or two."""
    chosen: list[PartialView] = []
    for text in digests:
        match = _DIGEST.fullmatch(text.lower())
        if match is None or len(match[2]) < SHORTEST:
            fail(
                f"{safe_name(text)} is no digest, nor the beginning of one",
                f"`pulltui partials` shows them; {SHORTEST} digits are enough.",
                USAGE,
            )
        found = [view for view in views if view.digest.startswith(f"sha256:{match[2]}")]
        if len({view.digest for view in found}) != 1:
            what = "several unfinished blobs begin" if found else "no unfinished blob begins"
            fail(f"{what} with {match[2]}", "Nothing was changed; `pulltui partials` shows them.", USAGE)
        chosen += [view for view in found if view not in chosen]
    return chosen


def _adopt(desk: Desk, digests: Sequence[str]) -> None:
    from pulltui.engine.unfinished import OLLAMA

    views = desk.unfinished(desk.read().entries)
    chosen = [view for view in (_named(digests, views) if digests else views) if view.owner == OLLAMA]
    if not chosen:
        typer.echo(f"Ollama has begun nothing of this in {desk.start.models}.")
    refused = 0
    for view in chosen:
        adoption = desk.adopter.adopt(view.digest)
        why = view.why if adoption is None else adoption.why
        refused += bool(why)
        told = why if adoption is None else adoption.sentence
        typer.echo(f"{_short(view)}: {told}", err=bool(why))
    if refused and digests:
        raise typer.Exit(1)


def _clean(desk: Desk, digests: Sequence[str], *, yes: bool) -> None:
    from pulltui_config import format_size

    from pulltui.engine.errors import StorageError, storage_error
    from pulltui.engine.unfinished import Unfinished

    kept = desk.read()
    if not digests and (unknown := desk.unknown(kept)):
        fail(f"nothing is deleted: {unknown}", "Name those to delete; `pulltui partials` shows them.", 1)
    views = desk.unfinished(kept.entries)
    chosen = _named(digests, views) if digests else [view for view in views if not view.pulls]
    for view in views:
        if view not in chosen and not digests:
            typer.echo(f"{_short(view)} stays: {', '.join(view.pulls)} needs it. Name it to delete it.")
    if not chosen:
        typer.echo("There is nothing to delete.")
        return
    if not yes:
        typer.echo("\n".join(_table(chosen)))
        if not (sys.stdin and sys.stdin.isatty()):
            fail("nobody is there to ask", "With --yes it is deleted without asking.", USAGE)
        typer.confirm("Delete this for good?", abort=True)
    unfinished = Unfinished(desk.store, desk.adopter)
    freed, refused = 0, False
    try:
        for view in chosen:
            try:
                freed += unfinished.clean(view)
            except StorageError as error:  # one that is in use keeps no other
                refused = True
                typer.echo(f"pulltui: {_short(view)} stays: {error}\n  {error.hint}", err=True)
    except OSError as error:
        raise storage_error(error, f"cannot delete what came of blob {_short(view)}") from error
    finally:
        typer.echo(f"Freed {format_size(freed)} on the disk.")
    if refused:
        raise typer.Exit(1)


def _hand_back(desk: Desk, names: Sequence[str]) -> None:
    from pulltui_config import format_size

    from pulltui.engine.errors import storage_error
    from pulltui.engine.handback import hand_back

    done = 0
    for name in names:
        for digest in _blobs_of(desk, name):
            try:
                handed = hand_back(desk.store, digest)
            except OSError as error:
                raise storage_error(error, f"cannot hand back blob {digest[7:19]}") from error
            if handed is None:
                continue
            done += 1
            parts = f" in {handed.parts} parts" if handed.parts else ""
            amount = f"{format_size(handed.done)} of {format_size(handed.size)}{parts}"
            typer.echo(f"{digest[7:19]}: {amount} is Ollama's now")
    if not done:
        fail(
            "nothing of it is unfinished here",
            "`pulltui partials` shows what is; a blob can be named, too (sha256:...).",
            1,
        )
    told = "`ollama pull` goes on with it."
    if not all(map(_is_digest, names)):
        told += " Here it is paused; `pulltui resume` takes it back."
    typer.echo(told)


def _is_digest(name: str) -> bool:
    return name.startswith(("sha256:", "sha256-"))


def _blobs_of(desk: Desk, name: str) -> list[str]:
    """Return the digests of a pull in the queue, which is paused durably; or the one that is named."""
    from msgspec.structs import replace

    from pulltui.engine.errors import storage_error
    from pulltui.engine.names import parse
    from pulltui.engine.unfinished import OURS

    if _is_digest(name):
        ours = [view for view in desk.unfinished(()) if view.owner == OURS]
        return [view.digest for view in _named([name], ours)]
    key = parse(name).key
    entries = desk.load().entries
    entry = next((entry for entry in entries if entry.model.key == key), None)
    manifest = desk.queue.manifest(entry) if entry is not None else None
    if entry is None or manifest is None:
        fail(
            f"{safe_name(name)} is not in the queue, so nobody knows its blobs",
            "`pulltui partials` shows what is unfinished; name the blobs (sha256:...).",
            1,
        )
    if not entry.paused and entry.failure is None:
        try:
            desk.queue.save([replace(each, paused=True) if each is entry else each for each in entries])
        except OSError as error:
            raise storage_error(error, f"cannot write the queue in {desk.queue.file}") from error
    return [layer.digest for layer in manifest.blobs]
