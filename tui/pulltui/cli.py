"""The `pulltui` command. Everything that is slow to load is imported where it is used."""

from __future__ import annotations

import difflib
import re
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from pulltui import __version__, opening
from pulltui.arguments import ModelsDir, Names, absolute
from pulltui.config_cli import app as config_app
from pulltui.output import guard_standard_files
from pulltui.partials_cli import app as partials_app
from pulltui.queue_cli import app as queue_app
from pulltui.refusals import USAGE, check_names, errors_in_words, fail, read_settings

_BARE_WORD: Final = re.compile(r"[A-Za-z]+")
_CLOSE: Final = 0.75
"""How alike (difflib's ratio) a first word and a command must be to be taken for a slip."""
_INSTEAD: Final = {"help": "--help", "version": "--version"}
_ELSEWHERE: Final = {
    **dict.fromkeys(("list", "ls", "ps", "queue", "show", "info"), "status"),
    **dict.fromkeys(("rm", "remove", "delete", "del"), "cancel"),
    **dict.fromkeys(("get", "download", "fetch"), "pull"),
    **dict.fromkeys(("add", "start", "run"), "open"),
    "stop": "pause",
    "verify": "",
    "update": "",
}
"""What other programs call commands, and ours for it, empty if there is none."""
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
        meant = _ELSEWHERE.get(word, self._slip_for(word))
        if meant is not None:
            instead = f": did you mean `pulltui {meant}`?" if meant else "."
            ctx.fail(f"{word!r} is not a command{instead} For a model of that name: `pulltui open {word}`.")
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
app.add_typer(queue_app)
app.add_typer(partials_app)
app.add_typer(config_app, name="config")

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
Limit = Annotated[
    str | None,
    typer.Option(
        "--limit", metavar="RATE", help='The most to use, like "20 MB/s", instead of transfer.bandwidth.'
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
    opening.open_app(names or [], absolute(models_dir))


@app.command(short_help="Pull models without screens, for scripts.")
def pull(
    names: Annotated[
        list[str], typer.Argument(metavar="NAME", help="Models: [host/][namespace/]model[:tag].")
    ],
    *,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line, for programs.")] = False,
    connections: Connections = None,
    limit: Limit = None,
    insecure: Insecure = False,
    models_dir: ModelsDir = None,
) -> None:
    """Pull models without screens: a live line on a terminal, plain lines otherwise.

    Stopped or killed, nothing is lost: the same command goes on from what is on disk.
    """
    with errors_in_words():
        flags = {
            "storage.models_dir": absolute(models_dir),
            "transfer.connections": connections,
            "transfer.bandwidth": limit,
        }
        start = read_settings(flags, strict=True)
        check_names(names)
        from pulltui.session import Session

        with Session(start, headless=True) as session:
            outcome = session.pull(names, json=json, insecure=insecure)
    raise typer.Exit(outcome.exit_code)


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
    on_terminal = opening.on_terminal()
    code = 0
    try:
        place = Demo(plan)
    except registry.FaultError as error:
        fail(str(error), "", USAGE)
    from pulltui.session import Session
    from pulltui.start import demo_start

    with errors_in_words(), place:
        typer.echo(
            f"A registry at {place.registry.url} offers {len(place.names)} models and misbehaves: "
            f"{plan or 'not at all'}.\n"
            f"They go to {place.directory}, which is deleted at the end. A connection that brings nothing "
            f"for {STALL_TIMEOUT} s is given up here (stall_timeout, usually 30)."
        )
        with Session(demo_start(place), headless=not on_terminal) as session:
            if on_terminal:
                code = session.show(place.names).code or session.failure_code()
            else:
                code = session.pull(place.names, json=False, insecure=False).exit_code
    raise typer.Exit(code)
