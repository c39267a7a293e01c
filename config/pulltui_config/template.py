"""The settings file that a new user gets: every key, commented out, with what it does and what is allowed."""

import re
from typing import Any, Final

from pulltui_config.kinds import allowed, default_of, description_of, keys_of, struct_of
from pulltui_config.settings import Period, Settings
from pulltui_config.values import write

_SENTENCE: Final = re.compile(r"(?<=\.) +(?=[A-Z\"])")

_HEAD = """\
#:schema ./config.schema.json
# Settings of pulltui. Lines that begin with #name = show the defaults; remove the # to change one.
# `pulltui config check` says what is wrong with this file, `pulltui config show` what is in force.
"""

# An example, because a schedule has no default to show. It begins with more than one space, so it stays a
# comment when the # of every key is removed.
_PERIOD = Period(days=("mon", "tue", "wed", "thu", "fri"), from_=9 * 60, to=17 * 60 + 30, bandwidth=5_000_000)


def template() -> str:
    """The text of a new config.toml."""
    blocks = [_HEAD]
    for table, info in keys_of(Settings):
        about = _comment(description_of(info.type))
        struct = struct_of(info.type)
        if struct is None:
            blocks.append(f"{about}# One block like this for each period:\n{_schedule_example()}")
            continue
        blocks.append(f"{about}[{table}]\n")
        for key, inner in keys_of(struct):
            default = default_of(inner)
            blocks.append(f"{_about_key(inner.type)}#{key} = {write(inner.type, default)}\n")
    return "\n".join(blocks)


def _about_key(annotation: Any) -> str:
    return f"{_comment(description_of(annotation))}# Allowed: {allowed(annotation)}.\n"


def _comment(text: str) -> str:
    """A line for each sentence: editors that wrap lines find nothing that was wrapped for another width."""
    return "".join(f"# {sentence}\n" for sentence in _SENTENCE.split(text))


def _schedule_example() -> str:
    lines = ["#   [[schedule]]\n"]
    for key, info in keys_of(Period):
        value = write(info.type, getattr(_PERIOD, info.name))
        lines.append(f"#   {f'{key} = {value}':<24} # {description_of(info.type)}\n")
    return "".join(lines)
