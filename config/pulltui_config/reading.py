"""Reading settings: defaults, then Ollama's variables, the file, our variables, flags. All problems at once.

A setting that cannot be used keeps the value of the layer below; nothing here raises for what people wrote.
"""

import re
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct, field

from pulltui_config import environment
from pulltui_config.kinds import every_setting, keys_of, struct_of
from pulltui_config.problems import Fault, Problem, Where, key_of, nearest, shown
from pulltui_config.settings import Settings
from pulltui_config.values import REFUSED, read

LARGEST_FILE: Final = 1_000_000
"""Bytes of a settings file that are read at most; a longer one is something else."""

BOM: Final = b"\xef\xbb\xbf"

Place = tuple[str, ...]

_TOML_PLACE = re.compile(r" \((?:at line (\d+), column (\d+)|at end of document)\)$")
_TABLE_TWICE = re.compile(r"Cannot declare (\(.*\)) twice")
_CLOSED = re.compile(r"Cannot (?:mutate immutable|redefine) namespace (\(.*\))")
_TOML_WORDS: Final = {
    "Cannot overwrite a value": "this name has a value already, further up",
    "Invalid statement": "here a name, an = and a value are expected",
    "Expected '=' after a key in a key/value pair": "an = and a value are missing behind the name",
    "Expected newline or end of document after a statement": "behind the value stands something else",
    "Expected ']' at the end of a table declaration": "the ] behind the table's name is missing",
    "Unclosed array": "the ] of the list is missing, or a comma in it",
    "Invalid value": 'behind the = there is no value; texts are written in quotes, "like this"',
    "Illegal character '\\n'": "a text begins here and does not end: its second quote is missing",
}
"""What tomllib's sentences mean to people; those that are not here say it well enough."""


class Origin(Struct, frozen=True):
    """Where the value of a key comes from; `name` is the file's path or the variable, "" for the others."""

    layer: Literal["default", "file", "environment", "flag"]
    name: str = ""


class Loaded(Struct, frozen=True, kw_only=True):
    """Settings in force, what was wrong, and where each key ("transfer.part_size", "schedule") comes from.

    `text` is the file as read, b"" without one: lines are looked up in it when somebody wants to know them.
    """

    settings: Settings
    problems: tuple[Problem, ...]
    origins: dict[str, Origin]
    text: bytes = field(default=b"")

    @property
    def ok(self) -> bool:
        """Whether there is no error; warnings are allowed."""
        return not any(problem.severity == "error" for problem in self.problems)


class _Layers:
    """What the layers read so far say; later ones win."""

    def __init__(self) -> None:
        self.values: dict[Place, Any] = {}
        self.origins: dict[str, Origin] = {}
        self.problems: list[Problem] = []

    def take(self, place: Place, meanings: list[Any], origin: Origin) -> list[Fault]:
        """Set `place` to the first meaning of a text that is allowed; return what is wrong.

        If no meaning is allowed, that is what is wrong with the first, the likeliest.
        """
        annotation = every_setting()[place].type
        first: list[Fault] | None = None
        for meaning in meanings:
            faults: list[Fault] = []
            value = read(annotation, meaning, place, faults)
            if value is not REFUSED:
                self.values[place] = value
                self.origins[".".join(place)] = origin
                return faults
            first = faults if first is None else first
        return first or []

    def complain(self, faults: list[Fault], where: Where, source: str) -> None:
        """Note what is wrong with something that has no lines."""
        self.problems += [problem_of(fault, where, source) for fault in faults]


def load(
    file: Path | bytes | None,
    env: Mapping[str, str] | None = None,
    flags: Mapping[str, Any] | None = None,
) -> Loaded:
    """Settings from `file` (a path, its bytes, or none), the environment and flags.

    `flags` has keys like "transfer.part_size" (another one is a KeyError); text in it means what it would in
    an environment variable. A file that does not exist is no problem; one that cannot be read or parsed is
    one, and counts for nothing.
    """
    env, flags = env or {}, flags or {}
    layers = _Layers()
    for place, (name, value) in environment.ollamas(env).items():
        # Meant for another program: worth a word, never a reason to stop.
        faults = layers.take(place, [value], Origin("environment", name))
        mild = [msgspec.structs.replace(fault, severity="warning") for fault in faults]
        layers.complain(mild, "environment", name)
    text = _read_file(file, layers)
    own, problems = environment.own(env)
    layers.problems += problems
    for place, (name, value) in own.items():
        faults = layers.take(place, environment.split_text(value), Origin("environment", name))
        layers.complain(faults, "environment", name)
    for key, value in flags.items():
        meanings = environment.split_text(value) if isinstance(value, str) else [value]
        layers.complain(layers.take(tuple(key.split(".")), meanings, Origin("flag")), "flag", "flag")
    return Loaded(
        settings=_settings(layers.values),
        problems=tuple(layers.problems),
        origins={key: layers.origins.get(key, Origin("default")) for key in _keys()},
        text=text,
    )


def _read_file(file: Path | bytes | None, layers: _Layers) -> bytes:
    """Take in the file; return its bytes as far as they are TOML."""
    source = str(file) if isinstance(file, Path) else "config.toml"
    try:
        text = bytes_of(file).removeprefix(BOM)
        document = parse(text)
    except UnusableError as error:
        layers.problems.append(error.problem(source, "nothing in the file counts until this is put right"))
        return b""
    faults = _take_document(document, layers, Origin("file", source))
    if faults:
        # The parser is loaded only when a line has to be told.
        from pulltui_config.lines import key_lines, line_of

        lines = key_lines(text)
        problems = [problem_of(fault, "file", source, line_of(lines, fault.at)) for fault in faults]
        layers.problems += sorted(problems, key=lambda problem: problem.line or 0)
    return text


class UnusableError(Exception):
    """The whole file cannot be used. `str()` says why."""

    def __init__(self, message: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(message)
        self.line = line
        self.column = column

    def problem(self, source: str, hint: str) -> Problem:
        """This as a problem of the file called `source`; `hint` is what follows from it."""
        return Problem(
            where="file",
            source=source,
            key="",
            message=str(self),
            line=self.line,
            column=self.column,
            hint=hint,
        )


def bytes_of(file: Path | bytes | None) -> bytes:
    """The file's bytes, b"" if there is none. Raises UnusableError."""
    if isinstance(file, Path):
        try:
            # Opening a pipe would wait for its writer.
            if not stat.S_ISREG(file.stat().st_mode):
                raise UnusableError("this is not a file")
            with file.open("rb") as stream:
                text = stream.read(LARGEST_FILE + 1)
        except (FileNotFoundError, NotADirectoryError):
            return b""
        except OSError as error:
            raise UnusableError(f"cannot be read: {error.strerror}") from error
    else:
        text = file or b""
    if len(text) > LARGEST_FILE:
        raise UnusableError("this is too long to be a settings file")
    return text


def parse(text: bytes, parse_float: Callable[[str], Any] = float) -> dict[str, Any]:
    """`text` (without a byte order mark) as TOML. Raises UnusableError with line and column."""
    if not text:
        return {}
    # Costs 20 ms, and most people never write a file.
    import tomllib

    try:
        return tomllib.loads(text.decode(), parse_float=parse_float)
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        column = error.start - text.rfind(b"\n", 0, error.start)
        raise UnusableError("this is not UTF-8", line, column) from error
    except RecursionError as error:
        raise UnusableError("this is nested too deeply") from error
    # tomllib's own error is a ValueError, and a number of more than 4,300 digits raises a plain one.
    except ValueError as error:
        message = str(error)
        place = _TOML_PLACE.search(message)
        if place is None:
            raise UnusableError(f"this is not TOML: {message}") from error
        at_end = place[1] is None
        line = text.rstrip().count(b"\n") + 1 if at_end else int(place[1])
        what = _in_words(message[: place.start()])
        raise UnusableError(f"this is not TOML: {what}", line, None if at_end else int(place[2])) from error


def _in_words(message: str) -> str:
    """What tomllib says, without the tuples that it calls names by."""
    if twice := _TABLE_TWICE.fullmatch(message):
        return f"[{_dotted(twice[1])}] stands here a second time; its keys go below the first"
    if closed := _CLOSED.fullmatch(message):
        return f"{_dotted(closed[1])} has its value further up, and nothing can be added to it here"
    return _TOML_WORDS.get(message, message)


def _dotted(names: str) -> str:
    """("a", "b c") in Python's notation as people write it: a."b c"."""
    # Wanted for a broken file only.
    from ast import literal_eval

    return key_of(literal_eval(names))


def _take_document(document: dict[str, Any], layers: _Layers, origin: Origin) -> list[Fault]:
    """Take in every key of a parsed file; return what is wrong with it."""
    faults: list[Fault] = []
    tables = dict(keys_of(Settings))
    for table, content in document.items():
        if table not in tables:
            faults.append(_unknown((table,), tables, content))
            continue
        struct = struct_of(tables[table].type)
        if struct is None:
            faults += layers.take((table,), [content], origin)
        elif not isinstance(content, dict):
            message = f"{shown(content)} is not allowed"
            faults.append(Fault((table,), message, "a table", f"write [{table}] and its keys below"))
        else:
            keys = dict(keys_of(struct))
            for key, value in content.items():
                if key in keys:
                    faults += layers.take((table, key), [value], origin)
                else:
                    faults.append(_unknown((table, key), keys, value))
    return faults


def _unknown(place: Place, known: Mapping[str, Any], content: Any) -> Fault:
    """The warning about a table or key that does not exist, with the nearest one, wherever that is."""
    name = place[-1]
    hint = "keys are " + ", ".join(known) if len(place) > 1 else "tables are " + ", ".join(known)
    elsewhere = [key for key in _keys() if key.endswith(f".{name}")]
    if elsewhere and not (len(place) == 1 and isinstance(content, dict)):
        hint = f"did you mean {elsewhere[0]}?"
    elif close := nearest(name, known) or nearest(".".join(place), _keys()):
        hint = f"did you mean {close}?"
    kind = "table" if len(place) == 1 and isinstance(content, dict | list) else "key"
    return Fault(place, f"unknown {kind}, ignored", hint=hint, severity="warning")


def problem_of(fault: Fault, where: Where, source: str, line: int | None = None) -> Problem:
    """A fault, now that its source and line are known."""
    return Problem(
        where=where,
        source=source,
        key=key_of(fault.at),
        message=fault.message,
        line=line,
        allowed=fault.allowed,
        hint=fault.hint,
        severity=fault.severity,
    )


def _keys() -> list[str]:
    """Every key as people write it, in the order of the structs."""
    return [".".join(place) for place in every_setting()]


def _settings(values: Mapping[Place, Any]) -> Settings:
    """The structs with `values` in place of their defaults."""
    tables: dict[str, Any] = {}
    for table, info in keys_of(Settings):
        struct = struct_of(info.type)
        if struct is None and (table,) in values:
            tables[info.name] = values[table,]
        elif struct is not None:
            names = {key: inner.name for key, inner in keys_of(struct)}
            own = {names[place[1]]: value for place, value in values.items() if place[0] == table}
            tables[info.name] = struct(**own)
    return Settings(**tables)
