"""`pulltui config`: what the settings are, where they come from, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import typer

from pulltui.start import Start, current_start

app = typer.Typer(
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Show settings, where they come from, what is wrong with them.",
)
USAGE: Final = 2
VALUE_CELLS: Final = 24
"""Room for a value in `show`; the few longer ones push their origin to the right."""


@app.command()
def path() -> None:
    """Print where settings, queue, log and models are."""
    start = current_start({})
    places = {
        "settings": start.locations.config_file,
        "state": start.locations.models_state(start.models),
        "log": start.locations.log_file,
        "models": start.models,
    }
    for name, place in places.items():
        there = "" if place.exists() else "  (does not exist yet)"
        typer.echo(f"{name:<9} {place}{there}")


@app.command()
def show() -> None:
    """Print every setting, its value and where that comes from."""
    start = current_start({})
    rows = list(_rows(start))
    keys = max(len(key) for key, _, _ in rows)
    for key, value, origin in rows:
        typer.echo(f"{key:<{keys}}  {value:<{VALUE_CELLS}}  {origin}")
    for sentence in _findings(start):
        typer.echo(sentence, err=True)


@app.command()
def check() -> None:
    """Say what is wrong; exit code 2 if something cannot be used."""
    start = current_start({})
    findings = _findings(start)
    for sentence in findings:
        typer.echo(sentence)
    if not start.loaded.ok:
        raise typer.Exit(USAGE)
    if not findings:
        file = start.locations.config_file
        typer.echo(
            f"{file}: all is well" if file.exists() else f"{file} does not exist: the defaults are in force"
        )


def _findings(start: Start) -> list[str]:
    """Return what is wrong with the settings, and which of them do nothing yet."""
    from pulltui_config.show import unused

    problems = [f"{problem.severity}: {problem}" for problem in start.loaded.problems]
    return problems + [f"warning: {sentence}" for sentence in unused(start.loaded)]


def _rows(start: Start) -> Iterator[tuple[str, str, str]]:
    """Yield (key, value as TOML, origin) for every setting."""
    from pulltui_config.kinds import keys_of, struct_of
    from pulltui_config.settings import Settings
    from pulltui_config.values import write

    for table, info in keys_of(Settings):
        content = getattr(start.settings, info.name)
        struct = struct_of(info.type)
        inner = (
            [(f"{table}.{key}", i.type, getattr(content, i.name)) for key, i in keys_of(struct)]
            if struct
            else []
        )
        for key, annotation, value in inner or [(table, info.type, content)]:
            origin = start.loaded.origins[key]
            yield key, write(annotation, value), f"{origin.layer} {origin.name}".rstrip()
