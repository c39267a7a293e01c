import tomllib
from typing import Any

import pytest
from pulltui_config.kinds import every_setting
from pulltui_config.reading import load
from pulltui_config.template import template
from pulltui_config.writing import RefusedError, edit, reset

BOM = b"\xef\xbb\xbf"
ODD = (
    BOM
    + b"""\
#:schema ./config.schema.json\r
  # Mine, do not touch.   \r
colour = 'blue' # no such key\r
network.proxy   =\t"http://a:1"\r
network . user_agent='me'\t# who\r
ui={fps =  5 ,glyphs= 'ascii',  unknown=[ 1,2 ] }\r
\r
\r
[ transfer ]   # how\r
\tpart_size=0x1000000   # sixteen\r
   # How many at once.\r
   #active_pulls = 2   # two will do\r
layout   =   '''fixed'''\r
per_host = {"hf.co"=8,   'b'= 4}\r
\r
# A table nobody knows.\r
[ "my.own" . table]\r
x = 1e3\r
[storage]\r
[retry]#the end of it\r
max_retries = +6\r
[hooks]\r
  on_done = [ # first\r
     "notify-send" , # second\r
\r
     'it is done',\r
  ] # last\r
[[my.list]]\r
[[my.list]]\r
y = nan"""
)
EDITS: list[tuple[str, Any, bytes, bytes]] = [
    ("network.proxy", "", b'"http://a:1"', b'""'),
    ("ui.fps", 7, b"fps =  5", b"fps =  7"),
    ("transfer.part_size", "32 MB", b"0x1000000", b'"32 MB"'),
    ("transfer.active_pulls", 3, b"#active_pulls = 2 ", b"active_pulls = 3 "),
    ("transfer.layout", "sixteenths", b"'''fixed'''", b'"sixteenths"'),
    ("transfer.per_host", {"c": 2}, b"{\"hf.co\"=8,   'b'= 4}", b"{ c = 2 }"),
    ("retry.max_retries", 9, b"+6", b"9"),
    ("hooks.on_done", ["true"], ODD[ODD.index(b"[ # first") : ODD.index(b" # last")], b'["true"]'),
    ("storage.check_space", False, b"[storage]\r\n", b"[storage]\r\ncheck_space = false\r\n"),
    ("ui.bell", True, b"[ 1,2 ] }", b"[ 1,2 ], bell = true }"),
]


def test_ten_edits_of_an_odd_file_change_ten_values_and_no_other_byte() -> None:
    text = wanted = ODD
    for key, value, before, after in EDITS:
        assert wanted.count(before) == 1
        wanted = wanted.replace(before, after)
        text = edit(text, key, value)
        assert text == wanted, key
    loaded = load(text)
    assert loaded.ok
    assert loaded.settings.transfer.part_size == 32_000_000
    assert loaded.settings.ui.bell


@pytest.mark.parametrize(("key", "value", "before", "after"), EDITS)
def test_each_of_the_edits_alone_does_the_same(key: str, value: Any, before: bytes, after: bytes) -> None:
    assert edit(ODD, key, value) == ODD.replace(before, after)


SCHEDULE = [{"days": "weekdays", "from": "09:00", "to": "17:30", "bandwidth": "5 MB/s"}]


@pytest.mark.parametrize(
    ("before", "key", "value", "after"),
    [
        # Tables that are not there yet.
        (b"", "ui.fps", 3, b"[ui]\nfps = 3\n"),
        (BOM, "ui.fps", 3, BOM + b"[ui]\nfps = 3\n"),
        (b"x = 1", "ui.fps", 3, b"x = 1\n\n[ui]\nfps = 3"),
        (b"x = 1\r\n\r\n", "ui.fps", 3, b"x = 1\r\n\r\n[ui]\r\nfps = 3\r\n"),
        (b"[transfer.per_host]\nx = 1\n", "ui.fps", 3, b"[transfer.per_host]\nx = 1\n\n[ui]\nfps = 3\n"),
        # Keys that are not there yet: below the last of their table, written and indented like that one.
        (b"[ui]#c\n[x]\n", "ui.fps", 3, b"[ui]#c\nfps = 3\n[x]\n"),
        (b"[ui]", "ui.fps", 3, b"[ui]\nfps = 3"),
        (
            b"[ui]\n\tbell = true # c\n\n# about x\n[x]\n",
            "ui.fps",
            3,
            b"[ui]\n\tbell = true # c\n\tfps = 3\n\n# about x\n[x]\n",
        ),
        (b"ui.bell = true\n[x]\n", "ui.fps", 3, b"ui.bell = true\nui.fps = 3\n[x]\n"),
        (b"ui = {}", "ui.fps", 3, b"ui = { fps = 3 }"),
        (b"ui = {bell=true }", "ui.fps", 3, b"ui = {bell=true, fps = 3 }"),
        # Keys that are commented out.
        (b"[ui]\n# fps = 10\n[x]\n", "ui.fps", 3, b"[ui]\nfps = 3\n[x]\n"),
        (b"[ui]\n#fps=10 # c\nbell=true", "ui.fps", 3, b"[ui]\nfps=3 # c\nbell=true"),
        (b"#ui.fps = 10\n", "ui.fps", 3, b"ui.fps = 3\n"),
        # What only looks like one.
        (b"[x]\n#fps = 10\n[ui]\n", "ui.fps", 3, b"[x]\n#fps = 10\n[ui]\nfps = 3\n"),
        (b"[ui]\n# fps = ten or so\n", "ui.fps", 3, b"[ui]\nfps = 3\n# fps = ten or so\n"),
        (b"[ui]\ntheme = '''\n#fps = 1'''\n", "ui.fps", 3, b"[ui]\ntheme = '''\n#fps = 1'''\nfps = 3\n"),
        (b"#ui.fps = 1\n[ui]\n", "ui.fps", 3, b"#ui.fps = 1\n[ui]\nfps = 3\n"),
        # A value that says the same already.
        (b"[ui]\nfps = 0x3\n", "ui.fps", 3, b"[ui]\nfps = 0x3\n"),
        # Values spread over lines of their own.
        (
            b"[transfer.per_host]\n# c\nx = 3 # d\ny = 4\n\n[ui]\n",
            "transfer.per_host",
            {"x": 3, "z.z": 9},
            b'[transfer.per_host]\n# c\nx = 3 # d\n"z.z" = 9\n\n[ui]\n',
        ),
        (
            b"[transfer]\nper_host.x=1\nper_host.y=2\n",
            "transfer.per_host",
            {"y": 1},
            b"[transfer]\nper_host.y=1\n",
        ),
        (b"[transfer]\nper_host.x=1\n", "transfer.per_host", {}, b"[transfer]\nper_host = {}\n"),
        (
            b"transfer={per_host.x=1 , per_host.y=2}\n",
            "transfer.per_host",
            {"x": 5},
            b"transfer={per_host.x=5}\n",
        ),
        # Schedules.
        (
            b"[ui]\nfps=1",
            "schedule",
            SCHEDULE,
            b'[ui]\nfps=1\n\n[[schedule]]\ndays = "weekdays"\nfrom = "09:00"\nto = "17:30"\n'
            b'bandwidth = "5 MB/s"',
        ),
        (
            b"[[schedule]] # a\nfrom=09:00:00\nto='1:00'\nbandwidth='pause'\n"
            b"[[schedule]] # b\nfrom='2:00'\nto='1:00'\nbandwidth='pause'\n[z]",
            "schedule",
            [{"from": "10:00", "to": "1:00", "bandwidth": "pause"}],
            b"[[schedule]] # a\nfrom=\"10:00\"\nto='1:00'\nbandwidth='pause'\n[z]",
        ),
        (b"[[schedule]]\nfrom=09:00:00\nto='1:00'\nbandwidth='pause'\n", "schedule", [], b"schedule = []\n"),
        (b"[ui]\nfps=1\n", "schedule", [], b"schedule = []\n[ui]\nfps=1\n"),
    ],
)
def test_a_value_is_written_where_people_would_write_it(
    before: bytes, key: str, value: Any, after: bytes
) -> None:
    assert edit(before, key, value) == after


@pytest.mark.parametrize("place", every_setting())
def test_a_key_of_the_template_is_uncommented_and_comes_back(place: tuple[str, ...]) -> None:
    plain = template().encode()
    key = ".".join(place)
    value = OTHERS[key]
    changed = edit(plain, key, value)
    loaded = load(changed)
    assert loaded.problems == ()
    assert [name for name, origin in loaded.origins.items() if origin.layer == "file"] == [key]
    if place != ("schedule",):
        # One line differs, and not by its comment.
        old, new = plain.splitlines(), changed.splitlines()
        (index,) = (index for index in range(len(old)) if old[index] != new[index])
        assert len(old) == len(new)
        assert old[index].startswith(b"#" + new[index].split(b" = ")[0])
        assert reset(changed, key) == plain
    assert load(reset(changed, key)).settings == load(None).settings


OTHERS: dict[str, Any] = {
    "storage.models_dir": "/srv/models",
    "storage.check_space": False,
    "storage.keep_free": "2 GB",
    "transfer.connections": 12,
    "transfer.max_connections": 32,
    "transfer.per_host": {"a.b:5000": 3, "c": 1},
    "transfer.part_size": "32 MiB",
    "transfer.layout": "sixteenths",
    "transfer.active_pulls": 3,
    "transfer.bandwidth": "20 MB/s",
    "transfer.transport": "httpx",
    "retry.max_retries": 0,
    "retry.stall_timeout": "1 min",
    "retry.slow_factor": 0.25,
    "retry.backoff_cap": 2.5,
    "retry.give_up_after": 0,
    "retry.max_redirects": 3,
    "network.proxy": "http://proxy:3128",
    "network.ca_file": "~/ca.pem",
    "network.user_agent": 'says "hi" \\ there',
    "network.insecure_hosts": ["a", "b:1"],
    "network.token_hosts": ["a"],
    "network.connect_timeout": 3,
    "schedule": SCHEDULE * 2,
    "ui.theme": "nord é",
    "ui.fps": 3,
    "ui.glyphs": "ascii",
    "ui.animations": False,
    "ui.bell": True,
    "ui.confirm_delete": False,
    "ui.resume_on_start": False,
    "ui.keys": {"pause": ["p"], "quit": ["q", "f10"]},
    "hooks.on_done": ["notify-send", "it's done"],
    "hooks.on_failed": ["sh", "-c", 'echo "$PULLTUI_WHY"'],
}


@pytest.mark.parametrize(
    ("before", "key", "after"),
    [
        (b"[ui]\nfps = 3 # c\nbell = true\n", "ui.fps", b"[ui]\n#fps = 10 # c\nbell = true\n"),
        (b"ui.fps = 3", "ui.fps", b"#ui.fps = 10"),
        (b"ui = { fps = 3, bell = true }", "ui.fps", b"ui = { bell = true }"),
        (b"ui = { bell = true , fps = 3 }", "ui.fps", b"ui = { bell = true }"),
        (b"ui = { fps = 3 }", "ui.fps", b"ui = {  }"),
        (b"[hooks]\n  on_done = [ # c\n 'a',\n ] # d\n", "hooks.on_done", b"[hooks]\n  #on_done = [] # d\n"),
        (b"[transfer.per_host]\nx = 1\n# c\n[ui]\n", "transfer.per_host", b"# c\n[ui]\n"),
        (
            b"[transfer]\n  per_host.x = 1\n  layout = 'fixed'\n",
            "transfer.per_host",
            b"[transfer]\n  layout = 'fixed'\n",
        ),
        (b"[[schedule]]\nfrom = 'x'\n[[schedule]]\n[ui]\n", "schedule", b"[ui]\n"),
        (b"[ui]\nbell = true\n", "ui.fps", b"[ui]\nbell = true\n"),
        (b"", "ui.fps", b""),
    ],
)
def test_a_value_is_taken_out_of_force(before: bytes, key: str, after: bytes) -> None:
    assert reset(before, key) == after


@pytest.mark.parametrize(
    ("text", "key", "value", "said"),
    [
        (b"", "ui.fps", 99, "ui.fps: 99 is not allowed; allowed: 1 to 10"),
        (b"", "transfer.bandwidth", 20, '"20 MB/s"'),
        (b"", "transfer.per_host", {"hf": {"co": 3}}, "a name with dots needs quotes"),
        (b"", "schedule", [{"form": "1:00"}], "schedule[0].form: unknown key (did you mean from?)"),
        (b"", "transfer.part_sise", "1 MB", "did you mean transfer.part_size?"),
        (b"", "part_size", "1 MB", "did you mean transfer.part_size?"),
        (b"", "transfer", {}, "this is a table (its keys are transfer.connections, "),
        (b"", "transfer.per_host.x", 1, "transfer.per_host can only be set as a whole"),
        (b"", "\x1b[2J", 1, "unknown key"),
        (b"a = ", "ui.fps", 3, "config.toml:1: this is not TOML"),
        (b"\xff", "ui.fps", 3, "this is not UTF-8"),
        (b"ui = 5", "ui.fps", 3, "ui is 5 in the file, where a table belongs"),
        (b"[[ui]]", "ui.fps", 3, "where a table belongs"),
    ],
)
def test_what_cannot_be_written_is_refused_in_words(text: bytes, key: str, value: Any, said: str) -> None:
    with pytest.raises(RefusedError) as caught:
        edit(text, key, value)
    assert said in str(caught.value)
    assert all(str(problem).isprintable() for problem in caught.value.problems)
    assert all(problem.severity == "error" for problem in caught.value.problems)


def test_a_change_that_would_change_something_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for spoilt in (b"[ui]\nfps = 3\nbell = true\n", b"[ui]\nfps = 4\n", b"[ui\n", b""):
        monkeypatch.setattr("pulltui_config.patch.put", lambda *_, spoilt=spoilt: spoilt)
        with pytest.raises(RefusedError, match="by hand"):
            edit(b"[ui]\nfps = 5\n", "ui.fps", 3)


def test_numbers_of_others_are_not_looked_at_too_closely() -> None:
    text = b"x = [nan, +nan, -inf, 1e400, 0.10]\n[ui]\n"
    changed = edit(text, "ui.fps", 3)
    assert changed == text + b"fps = 3\n"
    assert tomllib.loads(changed.decode())["ui"] == {"fps": 3}
