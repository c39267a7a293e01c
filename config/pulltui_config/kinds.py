"""What an annotation of `settings` says: its type, unit, bounds and words, and what may be written for it."""

import types
from collections.abc import Iterator
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from msgspec import Meta, Struct

from pulltui_config.problems import quoted
from pulltui_config.settings import WEEK, Settings
from pulltui_config.units import write_rate, write_size


def parts_of(annotation: Any) -> tuple[Any, list[Meta]]:
    """The bare type of an annotation, and the Metas on it."""
    if get_origin(annotation) is not Annotated:
        return annotation, []
    return annotation.__origin__, [item for item in annotation.__metadata__ if isinstance(item, Meta)]


def extra_of(annotation: Any, name: str) -> str | None:
    """What `Meta.extra` says about the annotation under `name` ("unit", "allowed" or "counts")."""
    for meta in parts_of(annotation)[1]:
        if meta.extra and name in meta.extra:
            return str(meta.extra[name])
    return None


def choices_of(annotation: Any) -> list[Any]:
    """The alternatives of a union, or the annotation alone; without None, which is never written."""
    bare, _ = parts_of(annotation)
    if get_origin(bare) in (Union, types.UnionType):
        return [choice for choice in get_args(bare) if choice is not type(None)]
    return [annotation]


def bounds_of(annotation: Any) -> tuple[float | None, float | None]:
    """The least and the greatest number allowed by the annotation or one of its alternatives."""
    low = high = None
    for choice in (annotation, *choices_of(annotation)):
        for meta in parts_of(choice)[1]:
            low = meta.ge if meta.ge is not None else low
            high = meta.le if meta.le is not None else high
    return low, high


def words_of(annotation: Any) -> tuple[str, ...]:
    """The words a Literal, alone or in a union, allows."""
    literals = [parts_of(choice)[0] for choice in choices_of(annotation)]
    return tuple(word for item in literals if get_origin(item) is Literal for word in get_args(item))


def keys_of(struct: type[Struct]) -> Iterator[tuple[str, msgspec.structs.FieldInfo]]:
    """The keys of a table as written, each with what msgspec knows about it."""
    for info in msgspec.structs.fields(struct):
        yield info.encode_name, info


@cache
def every_setting() -> dict[tuple[str, ...], msgspec.structs.FieldInfo]:
    """Every setting in order: ("transfer", "part_size"), and ("schedule",), which is a list of tables."""
    found: dict[tuple[str, ...], msgspec.structs.FieldInfo] = {}
    for table, info in keys_of(Settings):
        struct = struct_of(info.type)
        found |= {(table, key): inner for key, inner in keys_of(struct)} if struct else {(table,): info}
    return found


def value_of(settings: Settings, place: tuple[str, ...]) -> Any:
    """What `settings` holds at a place of `every_setting`."""
    names = [info.name for table, info in keys_of(Settings) if table == place[0]]
    names += [every_setting()[place].name] if len(place) > 1 else []
    value: Any = settings
    for name in names:
        value = getattr(value, name)
    return value


def struct_of(annotation: Any) -> type[Struct] | None:
    """The struct that the annotation is, if it is one."""
    bare, _ = parts_of(annotation)
    return bare if isinstance(bare, type) and issubclass(bare, Struct) else None


def allowed(annotation: Any) -> str:
    """What may be written for the annotation, in words: "1 MB to 1 GB", '"auto" or 1 to 64'."""
    said = extra_of(annotation, "allowed")
    if said is not None:
        return said
    unit = extra_of(annotation, "unit")
    words = [quoted(word) for word in words_of(annotation)]
    if unit == "days":
        return '"daily", "weekdays", "weekends" or a list of ' + ", ".join(quoted(day) for day in WEEK)
    if unit == "time":
        return 'a time like "22:30"'
    low, high = bounds_of(annotation)
    if unit == "rate":
        kind = f"{write_rate(int(low or 0))} to {write_rate(int(high or 0))}"
        return f"{kind} or " + (words[0] if words else '"unlimited"')
    if unit == "size":
        return f"{write_size(int(low or 0))} to {write_size(int(high or 0))}"
    if low is not None:
        number = f"{low:g} to {high:.15g}" + (" seconds" if unit == "seconds" else "")
        return " or ".join([*words, number])
    if words:
        return f"{', '.join(words[:-1])} or {words[-1]}"
    return _allowed_kind(annotation)


def _allowed_kind(annotation: Any) -> str:
    """`allowed` for annotations without bounds and words."""
    bare, _ = parts_of(annotation)
    if bare is bool:
        return "true or false"
    arguments = get_args(bare)
    if get_origin(bare) is tuple:
        item = allowed(arguments[0])
        return "a list of texts" if item == "text" else f"a list, each {item}"
    if get_origin(bare) is dict:
        name = extra_of(arguments[0], "allowed") or "a name"
        return f"{{ {name} = {allowed(arguments[1])}, ... }}"
    if struct := struct_of(annotation):
        return "a table of " + ", ".join(key for key, _ in keys_of(struct))
    return "text"


def is_live(annotation: Any) -> bool:
    """Whether a change of the setting counts while the program runs, not only from its next start on."""
    return extra_of(annotation, "counts") is None


def description_of(annotation: Any) -> str:
    """What the setting does, and when a change of it counts. Raises ValueError if nobody wrote it down."""
    for meta in parts_of(annotation)[1]:
        if meta.description:
            when = "" if is_live(annotation) else f" A change counts {extra_of(annotation, 'counts')}."
            return meta.description + when
    raise ValueError(f"{annotation} has no description")


def default_of(info: msgspec.structs.FieldInfo) -> Any:
    """The default of a key that has one."""
    return info.default if info.default is not msgspec.NODEFAULT else info.default_factory()
