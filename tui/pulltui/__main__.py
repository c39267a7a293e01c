"""`pulltui` and `python -m pulltui`."""

import sys


def main() -> int:
    """Run the command and return its exit code (README's table)."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        # Before anything is imported: scripts ask for it, and the rest takes ten times as long to load.
        from pulltui import __version__

        sys.stdout.write(f"pulltui {__version__}\n")
        return 0
    from pulltui.cli import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
