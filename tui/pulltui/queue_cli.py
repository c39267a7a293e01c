"""`pulltui status`, `pause`, `resume`, `cancel`, `limit`: the queue, while no pulltui runs.

They work on the files, as the one holder of the models directory. What they say is done is durable then.
When another process holds the directory they say which, and exit with 4; `status` says first what is in the
file. Its `--json` is one object:

    {"v": 1, "models_dir": "...", "held": null or "in use by process ...", "pulls": [
        {"order": 1, "name": "...", "state": "queued", "paused" or "failed", "done": bytes,
         "total": bytes or null, "limit": bytes a second or null, "why": "...", "hint": "..."}, ...]}
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pulltui.arguments import ModelsDir, Names
from pulltui.engine.clean import safe, safe_name
from pulltui.refusals import USAGE, check_names, errors_in_words, fail

if TYPE_CHECKING:
    from pathlib import Path

    from pulltui.desk import Desk
    from pulltui.engine.queuefile import Entry, QueueFile
    from pulltui.queued import Queued

app = typer.Typer(rich_markup_mode=None)

All = Annotated[bool, typer.Option("--all", help="All of the queue.")]


@app.command(short_help="Show the queue.")
def status(
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object, for programs.")] = False,
    models_dir: ModelsDir = None,
) -> None:
    """Show what is in the queue, how far it is, and what failed. Changes nothing."""
    from pulltui.desk import HELD, Desk
    from pulltui.queued import finished, look, table

    with errors_in_words():
        desk = Desk(models_dir)
        kept = desk.read()
        held = desk.store.holder()
        pulls = [look(entry, desk.queue, desk.store) for entry in kept.entries]
    if json:
        typer.echo(_object(desk.start.models, pulls, str(held) if held else None))
    elif pulls:
        typer.echo("\n".join(table(pulls, held=held is not None)))
    else:
        typer.echo(f"Nothing is in the queue for {desk.start.models}.")
        for line in finished(desk.finished()):
            typer.echo(line)
    if held:
        fail(str(held), "It shows and changes its queue; what stands here is what it saved last.", HELD)


@app.command(short_help="Let pulls wait until they are resumed.")
def pause(names: Names = None, all_: All = False, models_dir: ModelsDir = None) -> None:
    """Pause pulls of the queue: the next start does not go on with them."""
    from msgspec.structs import replace

    def paused(entry: Entry) -> tuple[Entry, str]:
        if entry.failure is not None:
            return entry, "has failed, so there is nothing to pause"
        return replace(entry, paused=True), "paused"

    _change(names or [], all_, models_dir, paused)


@app.command(short_help="Let paused and failed pulls wait for their turn again.")
def resume(names: Names = None, all_: All = False, models_dir: ModelsDir = None) -> None:
    """Let paused and failed pulls wait for their turn again."""
    from msgspec.structs import replace

    def resumed(entry: Entry) -> tuple[Entry, str]:
        return replace(entry, paused=False, failure=None), "waits for its turn again"

    _change(names or [], all_, models_dir, resumed)


@app.command(short_help="Give a pull its own cap.")
def limit(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A model in the queue.")],
    rate: Annotated[str, typer.Argument(metavar="RATE", help='Like "2 MB/s"; "unlimited" lifts the cap.')],
    models_dir: ModelsDir = None,
) -> None:
    """Cap the speed of one pull. `pulltui config set transfer.bandwidth RATE` caps all of them together."""
    from msgspec.structs import replace
    from pulltui_config import format_rate

    most = _rate(rate)

    def limited(entry: Entry) -> tuple[Entry, str]:
        told = "has no cap of its own" if most is None else f"gets at most {format_rate(most)}"
        return replace(entry, limit=most), told

    _change([name], False, models_dir, limited)


@app.command(short_help="Take pulls out of the queue.")
def cancel(
    names: Names = None,
    all_: All = False,
    delete: Annotated[
        bool, typer.Option("--delete", help="Delete what came of them, unless another pull needs it.")
    ] = False,
    models_dir: ModelsDir = None,
) -> None:
    """Take pulls out of the queue. What came of them stays on disk, unless --delete is given."""
    from pulltui.desk import Desk

    with errors_in_words():
        desk = Desk(models_dir)
        with desk.held_alone():
            _cancel(desk, names or [], all_, delete)


def _cancel(desk: Desk, names: Sequence[str], everything: bool, delete: bool) -> None:
    from msgspec.structs import replace

    from pulltui.queued import discard

    kept = desk.load()
    gone = _chosen(names, everything, kept.entries)
    left = [entry for entry in kept.entries if entry not in gone]
    unknown = desk.unknown(replace(kept, entries=tuple(left)))
    # Read before saving drops what nobody in the queue needs.
    manifests = [desk.queue.manifest(entry) for entry in gone]
    others = [desk.queue.manifest(entry) for entry in left]
    _save(desk.queue, left)
    for entry in gone:
        typer.echo(f"{entry.model.short}: is out of the queue")
    if gone and delete and unknown:
        fail(f"nothing is deleted: {unknown}", "`pulltui partials --clean` deletes what you name.", 1)
    elif gone and delete:
        typer.echo(discard(desk.store, manifests, others))
    elif gone:
        typer.echo("What came of it stays in the models directory: `pulltui partials` shows it.")


def _change(
    names: Sequence[str],
    everything: bool,
    models_dir: str | None,
    change: Callable[[Entry], tuple[Entry, str]],
) -> None:
    """Replace the entries that are named by what `change` makes of them; say what, once it is durable."""
    from pulltui.desk import Desk

    with errors_in_words():
        desk = Desk(models_dir)
        with desk.held_alone():
            entries = desk.load().entries
            chosen = _chosen(names, everything, entries)
            changed = [change(entry) if entry in chosen else (entry, "") for entry in entries]
            _save(desk.queue, [entry for entry, _ in changed])
        for entry, told in changed:
            if told:
                typer.echo(f"{entry.model.short}: {told}")


def _save(queue: QueueFile, entries: Sequence[Entry]) -> None:
    from pulltui.engine.errors import storage_error

    if not queue.file.exists():
        return
    try:
        queue.save(entries)
    except OSError as error:
        raise storage_error(error, f"cannot write the queue in {queue.file}, nothing was changed") from error


def _chosen(names: Sequence[str], everything: bool, entries: Sequence[Entry]) -> list[Entry]:
    """Return the entries that are named; exits with 2, before anything is changed, if one is not there."""
    if everything and names:
        raise typer.BadParameter("name some, or take --all of them", param_hint="--all")
    if everything:
        if not entries:
            typer.echo("Nothing is in the queue.")
        return list(entries)
    if not names:
        raise typer.BadParameter("name at least one, or take --all of them", param_hint="NAME")
    check_names(names)
    chosen: list[Entry] = []
    unknown = False
    for name in names:
        found = _called(name, entries)
        chosen += found[:1]
        if len(found) != 1:
            unknown = True
            told = f"could be {_either(found)}" if found else f"is not in the queue{_meant(name, entries)}"
            typer.echo(f"pulltui: {safe_name(name, 300)} {told}", err=True)
    if unknown:
        typer.echo("  Nothing was changed; `pulltui status` shows the queue.", err=True)
        raise typer.Exit(USAGE)
    return [entry for entry in entries if entry in chosen]


def _called(name: str, entries: Sequence[Entry]) -> list[Entry]:
    """Return the entry of that name, or those whose names end like it: `harbor`, `harbor:7b`, `me/harbor`."""
    from pulltui.engine.names import parse

    key, tail = parse(name).key, f"/{name.strip().casefold()}"
    exact = [entry for entry in entries if entry.model.key == key]
    return exact or [entry for entry in entries if any(form.endswith(tail) for form in _forms(entry))]


def _forms(entry: Entry) -> tuple[str, str]:
    """Return an entry's name with the tag and without it."""
    whole = entry.model.short.casefold()
    return whole, whole.rpartition(":")[0]


def _either(entries: Sequence[Entry]) -> str:
    *others, last = (entry.model.short for entry in entries)
    return f"{', '.join(others)} or {last}"


def _meant(name: str, entries: Sequence[Entry]) -> str:
    from pulltui_config.problems import nearest

    from pulltui.engine.names import parse

    close = nearest(parse(name).short, [entry.model.short for entry in entries])
    return f": did you mean {close}?" if close else ""


def _rate(text: str) -> float | None:
    """Return a cap in bytes a second, None for "unlimited"; the bounds are those of `transfer.bandwidth`."""
    from pulltui_config.kinds import every_setting
    from pulltui_config.problems import Fault
    from pulltui_config.values import REFUSED, read

    faults: list[Fault] = []
    rate = read(every_setting()["transfer", "bandwidth"].type, text, ("RATE",), faults)
    if rate is REFUSED:
        fault = faults[0]
        hint = fault.hint or f"allowed: {fault.allowed}"
        fail(f"RATE: {safe(fault.message)}", safe(hint), USAGE)
    return None if rate is None else float(rate)


def _object(models: Path, pulls: Sequence[Queued], held: str | None) -> str:
    import msgspec

    shown: dict[str, Any] = {"v": 1, "models_dir": str(models), "held": held}
    rows = [{"order": n} | msgspec.to_builtins(pull) for n, pull in enumerate(pulls, 1)]
    return msgspec.json.encode(shown | {"pulls": rows}).decode()
