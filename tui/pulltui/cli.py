"""The `pulltui` command. Everything that is slow to load is imported where it is used."""

from __future__ import annotations

import difflib
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn

import typer
from typer.core import TyperGroup

from pulltui import __version__
from pulltui.config_cli import USAGE
from pulltui.config_cli import app as config_app
from pulltui.engine.clean import safe_name
from pulltui.engine.errors import BadNameError, PullError
from pulltui.output import guard_standard_files

if TYPE_CHECKING:
    from pulltui.session import Session

_BARE_WORD: Final = re.compile(r"[A-Za-z]+")
_CLOSE: Final = 0.75
"""How alike (difflib's ratio) a first word and a command must be to be taken for a slip."""
_INSTEAD: Final = {"help": "--help", "version": "--version"}
_EXAMPLES: Final = """\b
Examples:
  pulltui gemma3:270m            pull a model and watch its parts
  pulltui pull gemma3 qwen3:4b   the same without screens, for scripts
  pulltui demo                   try it without a network
  pulltui open list              pull a model that is called like a command

\b
Exit codes: 0 all done, 1 a pull failed, 2 usage or settings, 3 no space,
4 another process holds the models directory, 130, 143, 129 stopped with the
state kept.
"""


class FirstWordGroup(TyperGroup):
    """Lets the first word decide: a command, an option of ours, or else names for `open`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put `open` before anything that does not begin with a command or a root option."""
        word = args[0] if args else ""
        own = {option for parameter in self.get_params(ctx) for option in parameter.opts}
        if word in self.commands or word in own:
            return super().parse_args(ctx, args)
        if meant := self._slip_for(word):
            ctx.fail(
                f"{word!r} is not a command: did you mean `pulltui {meant}`? "
                f"For a model of that name: `pulltui open {word}`."
            )
        return super().parse_args(ctx, ["open", *args])

    def _slip_for(self, word: str) -> str | None:
        if not _BARE_WORD.fullmatch(word):
            return None
        known = [*self.commands, *_INSTEAD]
        close = difflib.get_close_matches(word.lower(), known, n=1, cutoff=_CLOSE)
        return _INSTEAD.get(close[0], close[0]) if close else None


app = typer.Typer(
    cls=FirstWordGroup,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="A terminal download manager for model blobs: every part visible, paused with a key, nothing lost.",
    epilog=_EXAMPLES,
)
app.add_typer(config_app, name="config")

Names = Annotated[
    list[str] | None, typer.Argument(metavar="NAME", help="Models: [host/][namespace/]model[:tag].")
]
ModelsDir = Annotated[
    str | None,
    typer.Option("--models-dir", metavar="DIR", help="Where the models go, instead of the setting."),
]
Insecure = Annotated[bool, typer.Option("--insecure", help="Allow plain http to the registries named here.")]
Connections = Annotated[
    int | None,
    typer.Option(
        "--connections",
        metavar="N",
        min=1,
        max=64,
        help="Connections to use at once, instead of the setting.",
    ),
]


def run(argv: list[str]) -> int:
    """Run the command with `argv` (without the program's name) and return its exit code."""
    guard_standard_files()
    try:
        app(args=argv, prog_name="pulltui")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    return 0


def _print_version(value: bool) -> None:
    if value:
        typer.echo(f"pulltui {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option("--version", "-V", callback=_print_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Take the options that come before any command."""


@app.command("open", short_help="Open the app (the default); models named are added.")
def open_(names: Names = None, models_dir: ModelsDir = None) -> None:
    """Open the app; the names given are added and started. This is what `pulltui NAME` does."""
    if not _on_terminal():
        _fail("the app needs a terminal", "Without one, use: pulltui pull NAME...", USAGE)
    with _errors_in_words():
        session = _session(names or [], {"storage.models_dir": _absolute(models_dir)}, strict=False)
        notices = session.start.notices()
        with session:
            ended = session.show(names or [], notices)
    _end(ended.code, saved=ended.saved)


@app.command(short_help="Pull models without screens, for scripts.")
def pull(
    names: Annotated[
        list[str], typer.Argument(metavar="NAME", help="Models: [host/][namespace/]model[:tag].")
    ],
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line, for programs.")] = False,
    connections: Connections = None,
    insecure: Insecure = False,
    models_dir: ModelsDir = None,
) -> None:
    """Pull models without screens: a live line on a terminal, plain lines otherwise.

    Stopped or killed, nothing is lost: the same command goes on from what is on disk.
    """
    with _errors_in_words():
        flags = {"storage.models_dir": _absolute(models_dir), "transfer.connections": connections}
        session = _session(names, flags, strict=True)
        with session:
            outcome = session.pull(names, json=json, insecure=insecure)
    _end(outcome.exit_code, saved=outcome.saved)


@app.command(short_help="Try it: models from a registry of its own, no network needed.")
def demo(
    faults: Annotated[
        str | None,
        typer.Option(
            "--faults",
            metavar="SPEC",
            help="What goes wrong: what[=fraction][@value],... such as stall=1/9@4MB,rate@5MB/s,503@4s.",
        ),
    ] = None,
) -> None:
    """Pull several generated models from a registry on this machine that stalls and breaks on purpose.

    Everything is in a temporary directory with settings of its own, and gone in the end.
    """
    from pulltui import demo as registry
    from pulltui.demo.session import FAULTS, STALL_TIMEOUT
    from pulltui.demo.session import Session as Demo

    plan = FAULTS if faults is None else faults
    on_terminal = _on_terminal()
    code, saved = 0, True
    try:
        place = Demo(plan)
    except registry.FaultError as error:
        _fail(str(error), "", USAGE)
    from pulltui.session import Session
    from pulltui.start import demo_start

    with _errors_in_words(), place:
        typer.echo(
            f"A registry at {place.registry.url} offers {len(place.names)} models and misbehaves: "
            f"{plan or 'not at all'}.\n"
            f"They go to {place.directory}, which is deleted at the end. A connection that brings nothing "
            f"for {STALL_TIMEOUT} s is given up here (stall_timeout, usually 30)."
        )
        with Session(demo_start(place)) as session:
            if on_terminal:
                ended = session.show(place.names)
                code, saved = ended.code or session.failure_code(), ended.saved
            else:
                outcome = session.pull(place.names, json=False, insecure=False)
                code, saved = outcome.exit_code, outcome.saved
    _end(code, saved=saved)


def _on_terminal() -> bool:
    """Whether the app can be shown: both a keyboard and a screen."""
    return bool(sys.stdin and sys.stdin.isatty() and sys.stdout and sys.stdout.isatty())


def _end(code: int, *, saved: bool) -> NoReturn:
    """Exit with `code`, also if the engine hangs."""
    if not saved:
        # It was given its time, and its threads would keep the interpreter from ending.
        os._exit(code)
    raise typer.Exit(code)


def _session(names: list[str], flags: dict[str, Any], *, strict: bool) -> Session:
    """Read the settings, check the names and prepare the engine; exits with 2 if something cannot be used.

    `flags` that are None were not given. With `strict` an error in the settings ends it too, without it
    the settings that are good count.
    """
    from pulltui.start import current_start

    start = current_start({key: value for key, value in flags.items() if value is not None})
    for notice in start.notices():
        typer.echo(f"pulltui: {notice}", err=True)
    if strict and not start.loaded.ok:
        _fail(
            "nothing was started because of the settings", "`pulltui config path` says where they are", USAGE
        )
    _check_names(names)
    from pulltui.session import Session

    return Session(start)


def _check_names(names: list[str]) -> None:
    """Exit with 2 and all that is wrong if a name is not one."""
    from pulltui.engine.names import parse

    hints = {}
    for name in names:
        try:
            parse(name)
        except BadNameError as error:
            typer.echo(f"pulltui: {safe_name(name, 300)}: {error}", err=True)
            hints[error.hint] = True
    if hints:
        typer.echo("".join(f"  {hint}\n" for hint in hints if hint), err=True, nl=False)
        raise typer.Exit(USAGE)


def _absolute(directory: str | None) -> str | None:
    """Return a directory of the command line as settings want it."""
    if directory == "":
        raise typer.BadParameter("it is empty: perhaps a variable is not set", param_hint="--models-dir")
    return None if directory is None else str(Path(directory).expanduser().absolute())


@contextmanager
def _errors_in_words() -> Iterator[None]:
    """Print an error of ours as people read it, and exit with its code."""
    try:
        yield
    except PullError as error:
        _fail(str(error), error.hint, error.exit_code)


def _fail(message: str, hint: str, code: int) -> NoReturn:
    typer.echo(f"pulltui: {message}", err=True)
    if hint:
        typer.echo(f"  {hint}", err=True)
    raise typer.Exit(code)
