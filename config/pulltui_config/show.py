"""The settings as a table: for `pulltui config show`, and for README."""

from msgspec import Struct

from pulltui_config.kinds import allowed, default_of, description_of, every_setting, value_of
from pulltui_config.problems import masked
from pulltui_config.reading import Loaded, Origin
from pulltui_config.values import write


class Row(Struct, frozen=True, kw_only=True):
    """One setting in force.

    `table` is "" for what has no table, `value` as people write it, `origin` like "default", "flag",
    "environment PULLTUI_UI_FPS" or "/path/config.toml:12".
    """

    table: str
    key: str
    value: str
    is_default: bool
    origin: str
    description: str
    allowed: str


def rows(loaded: Loaded) -> list[Row]:
    """Every setting in the order of `settings`. Names and passwords in URLs are left out."""
    lines: dict[tuple[str | int, ...], int] = {}
    if any(origin.layer == "file" for origin in loaded.origins.values()):
        # The parser is loaded only when a line has to be told.
        from pulltui_config.lines import key_lines

        lines = key_lines(loaded.text)
    table = []
    for place, info in every_setting().items():
        value = value_of(loaded.settings, place)
        table.append(
            Row(
                table=".".join(place[:-1]),
                key=place[-1],
                value=masked(write(info.type, value)),
                is_default=value == default_of(info),
                origin=_origin(loaded.origins[".".join(place)], lines.get(place)),
                description=description_of(info.type),
                allowed=allowed(info.type),
            )
        )
    return table


def _origin(origin: Origin, line: int | None) -> str:
    if origin.layer == "file":
        return origin.name if line is None else f"{origin.name}:{line}"
    return f"{origin.layer} {origin.name}".rstrip()


def markdown() -> str:
    """README's table of every setting: key, default, what is allowed, what it does."""
    lines = ["| key | default | allowed | what it does |", "| --- | --- | --- | --- |"]
    for place, info in every_setting().items():
        cells = (
            f"`{'.'.join(place)}`",
            f"`{write(info.type, default_of(info))}`",
            allowed(info.type),
            description_of(info.type),
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"
