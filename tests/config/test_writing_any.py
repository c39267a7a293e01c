"""Any file, any edit: the value changes, and no byte beside it."""

import random
import tomllib
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st
from pulltui_config.writing import edit, reset

BOM = b"\xef\xbb\xbf"
VALUES: dict[str, list[tuple[str, Any]]] = {
    "ui.fps": [("7", 7), ("0x3", 3), ("+1", 1)],
    "ui.theme": [("'nord'", "nord"), ('"a\\u0062 # \\"c\\""', 'ab # "c"'), ('"""\\\n  x]"""', "x]")],
    "ui.bell": [("true", True), ("false", False)],
    "transfer.connections": [('"auto"', "auto"), ("12", 12)],
    "transfer.part_size": [("'2 MB'", "2 MB"), ("16_000_000", 16000000), ("'''1 GB'''", "1 GB")],
    "transfer.per_host": [("{}", {}), ("{ 'hf.co'=3 , b= 4}", {"hf.co": 3, "b": 4}), ("{x.y=1}", {"z": 1})],
    "transfer.bandwidth": [("'unlimited'", "unlimited"), ('"5 MB/s"', "5 MB/s")],
    "retry.slow_factor": [("0.1", 0.1), ("0", 0), ("5.0e-1", 0.5)],
    "retry.stall_timeout": [("30", 30), ('"1 min"', "1 min")],
    "network.insecure_hosts": [("[]", []), ("[ # c\n  'a' ,\n\n\"b\", # ]\n ]", ["a", "b"])],
    "hooks.on_done": [("['a', '''\nb\n''']", ["a", "b\n"]), ("[\n]", [])],
}
COMMENTS = ["# fps = soon", "#", "   # [ui]", "#\tbell: true", "# 'é'", '#"""', "#[x]", "#   fps = 3"]
NAMES = ["x", "'a b'", '"ä"', "1", "fps"]
OTHERS = [
    "1",
    "nan",
    "'''\n#fps = 2\n[ui]\n'''",
    '"# ]"',
    "1979-05-27 07:32:00Z",
    "[{a=1},{}]",
    "{b.c = 'd'}",
]
SPREAD = {
    "transfer.per_host": "[transfer.per_host]\n'hf.co' = 2 # c\n# d\nx = 3\n",
    "schedule": "[[schedule]]\nfrom = '1:00'\nto= 02:00:00 # c\nbandwidth ='pause'\n# d\n"
    "[[schedule]]\ndays = 'daily'\n",
}
PERIODS = [[{"from": "1:00", "to": "9:00", "bandwidth": "pause"}] * count for count in range(4)]
EDITS = st.sampled_from(
    [(key, value) for key, shapes in VALUES.items() for _, value in shapes]
    + [("schedule", periods) for periods in PERIODS]
)


class Line(NamedTuple):
    """A piece of a file: `key` (if any) is set by `value`, which stands between `before` and `after`."""

    before: str
    value: str = ""
    after: str = ""
    key: str = ""
    commented: bool = False

    @property
    def text(self) -> str:
        return self.before + self.value + self.after


class File(NamedTuple):
    lines: list[Line]
    newline: str
    mark: bytes
    ended: bool

    def bytes(self) -> bytes:
        text = "".join(line.text for line in self.lines)
        text = text if self.ended else text.removesuffix("\n")
        return self.mark + text.replace("\n", self.newline).encode()

    def size(self, text: str) -> int:
        return len(text.replace("\n", self.newline).encode())

    def has(self, text: str) -> bool:
        return any(line.text == text for line in self.lines)


def build(chance: random.Random, newline: str, mark: bytes, ended: bool) -> File:
    """A file with every way to write a table, a key and a value."""
    lines: list[Line] = []
    bodies: list[list[Line]] = []

    def noise() -> list[Line]:
        return [Line(chance.choice(["", *COMMENTS]) + "\n") for _ in range(chance.randrange(3))]

    def pair(name: str, key: str, indent: str, commented: bool = False) -> Line:
        before = indent + name + chance.choice([" = ", "=", "  =\t"])
        after = chance.choice(["", "  ", " # why", "\t#fps = 1"]) + "\n"
        return Line(before, chance.choice(VALUES[key])[0], after, key, commented)

    lines += noise()
    lines += [Line(f"{name} = {chance.choice(OTHERS)}\n") for name in chance.sample(NAMES, 2)]
    for table in chance.sample(["ui", "transfer", "retry", "network", "hooks"], 5):
        keys = [key for key in VALUES if key.startswith(f"{table}.")]
        some = chance.sample(keys, chance.randrange(len(keys) + 1))
        shape = chance.choice(["header", "header", "dotted", "inline", "none"])
        if shape == "dotted":
            lines += [pair(chance.choice([key, key.replace(".", " . ")]), key, "") for key in some]
        elif shape == "inline":
            inner = [pair(key.split(".")[1], key, "") for key in some]
            inner = [line._replace(after=" , ") for line in inner if "\n" not in line.value]
            inner = [*inner[:-1], inner[-1]._replace(after="")] if inner else []
            lines += [Line(f"{table} = {{ "), *inner, Line("}\n")]
        elif shape == "header":
            indent = chance.choice(["", "  "])
            names = [key.split(".")[1] for key in keys]
            body = [Line(f"[ {table} ]" + chance.choice(["", f"#{names[0]} = 1"]) + "\n")]
            for name, key in zip(names, keys, strict=True):
                body += [*noise(), Line(chance.choice(["", f"#   {name} = 3\n", f"# {name} = soon\n"]))]
                if key in some:
                    body.append(pair(chance.choice([name, f"'{name}'"]), key, indent))
                elif chance.random() < 0.5 and "\n" not in (line := pair(name, key, "", True)).value:
                    body.append(line._replace(before=chance.choice(["#", "# "]) + line.before))
            bodies.append(body + noise())
            if (
                table == "transfer"
                and all(line.key != "transfer.per_host" for line in body)
                and chance.random() < 0.5
            ):
                bodies.append([Line(SPREAD["transfer.per_host"])])
    if chance.random() < 0.5:
        bodies.append([Line(SPREAD["schedule"])])
    for name in chance.sample(["y", "[z]", "ui2.w"], 2):
        bodies.append([Line(f"[{name}]\n"), Line(f"fps = {chance.choice(OTHERS)}\n"), *noise()])
    chance.shuffle(bodies)
    return File([*lines, *(line for body in bodies for line in body)], newline, mark, ended)


FILES = st.builds(
    build,
    st.randoms(use_true_random=False),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([b"", BOM]),
    st.booleans(),
)


def values(text: bytes) -> dict[str, Any]:
    def number(text: str) -> float | str:
        # Not a number is not equal to itself.
        return text if "nan" in text else float(text)

    return tomllib.loads(text.removeprefix(BOM).decode(), parse_float=number)


def changed(text: bytes, key: str, value: Any) -> dict[str, Any]:
    """What a file says once `key` is set to `value`, or once it is gone (None)."""
    before = values(text)
    *table, name = key.split(".")
    inside = before.setdefault(table[0], {}) if table else before
    inside.pop(name, None)
    if value is not None:
        inside[name] = value
    return before


def around(file: File, key: str) -> tuple[bytes, Line, bytes] | None:
    """The line of a key, the bytes before that line and those after its value."""
    for index, line in enumerate(file.lines):
        if line.key == key:
            start = len(file.mark) + file.size("".join(line.text for line in file.lines[:index]))
            end = start + file.size(line.before + line.value)
            return file.bytes()[:start], line, file.bytes()[end:]
    return None


@settings(max_examples=150, deadline=None)
@given(FILES, EDITS)
def test_an_edit_changes_its_value_and_no_other_byte(file: File, wanted: tuple[str, Any]) -> None:
    key, value = wanted
    before = file.bytes()
    after = edit(before, key, value)
    assert values(after) == changed(before, key, value)
    assert edit(after, key, value) == after
    assert after.count(b"\n") == after.count(file.newline.encode())
    if found := around(file, key):
        head, line, tail = found
        words = line.before.lstrip("#").lstrip(" ") if line.commented else line.before
        assert after.startswith(head + words.encode())
        assert after.endswith(tail)
    elif key not in SPREAD or not file.has(SPREAD[key]):
        # Something was put in, at one place; a last line without an end stays one.
        assert after.endswith(b"\n") == before.endswith(b"\n")
        same = [old == new for old, new in zip(before, after, strict=False)]
        at, more = [*same, False].index(False), len(after) - len(before)
        assert after[:at] + after[at + more :] == before


@settings(max_examples=150, deadline=None)
@given(FILES, st.sampled_from([*VALUES, "schedule"]))
def test_a_reset_takes_a_value_out_and_changes_no_other_byte(file: File, key: str) -> None:
    before = file.bytes()
    after = reset(before, key)
    table = key.split(".", maxsplit=1)[0]
    assert {table: {}, **values(after)} == {table: {}, **changed(before, key, None)}
    assert reset(after, key) == after
    found = around(file, key)
    if (found is None or found[1].commented) and (key not in SPREAD or not file.has(SPREAD[key])):
        assert after == before
    elif found and found[1].after.endswith("\n"):
        head, line, tail = found
        indent = line.before[: len(line.before) - len(line.before.lstrip())]
        assert after.startswith(head + (indent + "#" + line.before.lstrip()).encode())
        assert after.endswith(tail)
