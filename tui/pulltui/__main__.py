"""`pulltui` and `python -m pulltui`."""

import os
import sys

_UNTOLD = 120
"""Exit code when our last words could not be written, as Python itself has it."""


def main() -> int:
    """Run the command and end with its exit code (README's table); return it if nothing was loaded."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        # Before anything is imported: scripts ask for it, and the rest takes ten times as long to load.
        from pulltui import __version__

        sys.stdout.write(f"pulltui {__version__}\n")
        return 0
    import gc

    # Loading leaves no garbage; looking for some takes a fourteenth of the time. A session enables it.
    gc.disable()
    if sys.argv[1:] in ([], ["open"]):
        # There is nothing to parse, and the app's first frame need not wait for typer.
        from pulltui import opening

        code = opening.run()
    else:
        from pulltui.cli import run

        code = run(sys.argv[1:])
    if not _told():
        code = code or _UNTOLD
    # Everything is saved that could be. What the interpreter does at its end takes a tenth of the time of a
    # short pull, and has no end when a thread of the engine hangs.
    os._exit(code)


def _told() -> bool:
    """Whether what we wrote has gone out."""
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except (OSError, ValueError):
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
