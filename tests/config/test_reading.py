import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulltui_config.kinds import every_setting
from pulltui_config.problems import Problem
from pulltui_config.reading import LARGEST_FILE, Loaded, Origin, load
from pulltui_config.settings import Settings
from pulltui_config.show import rows

EVERYTHING_WRONG = b"""\
part_size = "1 MB"
[transfer]
part_size = 16
connection = 5
connections = "autos"
per_host = { hf.co = 3 }
layout = "fixd"
active_pulls = 3
bandwidth = 20
[retri]
max_retries = 1
[retry]
max_retries = "6"
stall_timeout = nan
[network]
insecure_hosts = [
  "good:5000",
  "bad host",
]
proxy = "http://user:secret@host:x y"
[ui]
theme = true
bell = "true"
'glyphs' = ["a"]
keys."pause" = "p"
[[schedule]]
days = ["monday"]
from = "9:00"
bandwith = "1 MB/s"
to = "25:00"
[[schedule]]
from = "10:00"
to = "10:00"
bandwidth = "pause"
[[schedule]]
from = 22:00:00
to = "06:00"
bandwidth = "500 KB/s"
[hooks]
on_done = "notify-send"
"""


def problems_of(text: bytes) -> tuple[Problem, ...]:
    return load(text).problems


def one(loaded: Loaded) -> Problem:
    assert len(loaded.problems) == 1, [str(problem) for problem in loaded.problems]
    return loaded.problems[0]


def test_nothing_at_all_gives_the_defaults() -> None:
    loaded = load(None)
    assert loaded.settings == Settings()
    assert loaded.problems == ()
    assert loaded.ok
    assert set(loaded.origins.values()) == {Origin("default")}


def test_all_problems_come_at_once_each_with_its_line() -> None:
    found = [(problem.line, problem.key, problem.severity) for problem in problems_of(EVERYTHING_WRONG)]
    assert found == [
        (1, "part_size", "warning"),
        (3, "transfer.part_size", "error"),
        (4, "transfer.connection", "warning"),
        (5, "transfer.connections", "error"),
        (6, "transfer.per_host.hf", "error"),
        (7, "transfer.layout", "error"),
        (9, "transfer.bandwidth", "error"),
        (10, "retri", "warning"),
        (13, "retry.max_retries", "error"),
        (14, "retry.stall_timeout", "error"),
        (18, "network.insecure_hosts[1]", "error"),
        (20, "network.proxy", "error"),
        (22, "ui.theme", "error"),
        (23, "ui.bell", "error"),
        (24, "ui.glyphs", "error"),
        (25, "ui.keys.pause", "error"),
        (26, "schedule[0]", "error"),
        (27, "schedule[0].days", "error"),
        (29, "schedule[0].bandwith", "warning"),
        (30, "schedule[0].to", "error"),
        (31, "schedule[1]", "error"),
        (40, "hooks.on_done", "error"),
    ]


def test_good_values_beside_bad_ones_stay_in_force() -> None:
    settings = load(EVERYTHING_WRONG).settings
    assert settings.transfer.active_pulls == 3
    assert settings.transfer.part_size == Settings().transfer.part_size
    assert settings.network.insecure_hosts == ()
    assert [(period.from_, period.to, period.bandwidth) for period in settings.schedule] == [
        (1320, 360, 500_000)
    ]


def test_problems_say_what_is_allowed_and_what_was_meant() -> None:
    said = {problem.key: str(problem) for problem in problems_of(EVERYTHING_WRONG)}
    assert said["transfer.part_size"] == (
        "config.toml:3: transfer.part_size: 16 is not allowed; allowed: 1 MB to 1 GB "
        '(a number without a unit counts bytes; write "16 MB")'
    )
    assert "did you mean transfer.part_size?" in said["part_size"]
    assert "did you mean connections?" in said["transfer.connection"]
    assert "did you mean retry?" in said["retri"]
    assert 'did you mean "fixed"?' in said["transfer.layout"]
    assert '"20 MB/s"' in said["transfer.bandwidth"]
    assert "quotes" in said["transfer.per_host.hf"]
    assert 'did you mean "mon"?' in said["schedule[0].days"]
    assert "bandwidth is missing" in said["schedule[0]"]
    assert "did you mean bandwidth?" in said["schedule[0].bandwith"]
    assert '["notify-send"]' in said["hooks.on_done"]
    assert "secret" not in said["network.proxy"]


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (b"[transfer]\nstall_timeout = 5", "retry.stall_timeout"),
        (b"[trasfer]", "transfer"),
        (b"[transfer]\nproxy = ''", "network.proxy"),
        (b"[transfer]\npart-size = '1 MB'", "part_size"),
        (b"keep_fre = '1 GB'", "storage.keep_free"),
        (b"[schedules]", "schedule"),
    ],
)
def test_the_nearest_known_key_is_named(text: bytes, hint: str) -> None:
    problem = one(load(text))
    assert problem.severity == "warning"
    assert problem.hint == f"did you mean {hint}?"


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        (b"[transfer]\npart_size = \n", 2, 13),
        (b"[transfer]\r\npart_size = 1\r\nx y\r\n", 3, 3),
        (b"[transfer\n", 1, 10),
        (b"a = 1\na = 2\n", 2, 6),
        (b"a = 'x", 1, None),
        (b"# gr\xfc\xdf\n", 1, 5),
        (b"ok = 1\nb = '\xff'\n", 2, 6),
    ],
)
def test_a_file_that_is_not_toml_is_one_problem_and_counts_for_nothing(
    text: bytes, line: int, column: int | None
) -> None:
    loaded = load(b"[ui]\nfps = 7\n[ui2]\n" + text, {"PULLTUI_UI_BELL": "true"}, {"ui.glyphs": "ascii"})
    problem = one(loaded)
    assert (problem.line, problem.column) == (line + 3, column)
    assert problem.severity == "error"
    assert loaded.settings.ui.fps == 10
    assert loaded.settings.ui.bell
    assert loaded.settings.ui.glyphs == "ascii"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"[ui]\n[transfer]\n[ui]\n", "[ui] stands here a second time; its keys go below the first"),
        (b'["a b".c]\n["a b".c]\n', '["a b".c] stands here a second time'),
        (b"a = 1\na = 2\n", "this name has a value already, further up"),
        (b"a = [1]\n[[a]]\n", "a has its value further up, and nothing can be added to it here"),
        (b"[a.b]\n[a]\nb.c = 1\n", "a.b has its value further up"),
        (b"[ui\n", "the ] behind the table's name is missing"),
        (b"[ui]\nfps\n", "an = and a value are missing behind the name"),
        (b"a = yes\n", "behind the = there is no value; texts are written in quotes"),
        (b'a = "x\n', "a text begins here and does not end: its second quote is missing"),
        (b"a = 01\n", "behind the value stands something else"),
        (b"a = [1 2]\n", "the ] of the list is missing, or a comma in it"),
        (b"= 1\n", "here a name, an = and a value are expected"),
    ],
)
def test_what_is_no_toml_is_said_in_words_for_people(text: bytes, words: str) -> None:
    (problem,) = load(text).problems
    assert problem.message.startswith(f"this is not TOML: {words}")
    assert "('" not in problem.message


@pytest.mark.parametrize(
    "text",
    [
        b"a = " + b"[" * 5000,
        b"a = " + b"9" * 5000,
        b"a = 0x" + b"f" * 5000,
        b"[ui]\nfps = 0x" + b"f" * 5000,
        b"[ui]\nfps = 1e400",
        b"a = 2021-02-30",
        b"\x00",
        b"#" * (LARGEST_FILE + 1),
        b".".join([b"a"] * 2000) + b" = 1",
        b'[ui]\ntheme = "\\u001b]0;x\\u0007\\u202e"\nfps = "\\u001b[2J"',
    ],
)
def test_hostile_files_give_problems_that_a_terminal_can_show(text: bytes) -> None:
    loaded = load(text)
    assert loaded.problems
    assert all(str(problem).isprintable() for problem in loaded.problems)


def test_a_byte_order_mark_and_windows_line_ends_are_read() -> None:
    text = b'\xef\xbb\xbf[transfer]\r\npart_size = "2 MB"\r\nlayout = 1\r\n'
    loaded = load(text)
    assert loaded.settings.transfer.part_size == 2_000_000
    assert one(loaded).line == 3


def test_files_that_cannot_be_read_are_problems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = one(load(tmp_path))
    assert (directory.source, directory.message) == (str(tmp_path), "this is not a file")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert one(load(pipe)).message == "this is not a file"
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    assert "cannot be read" in one(load(loop)).message
    file = tmp_path / "config.toml"
    file.write_text("[ui]\n")

    def denied(*_args: object, **_kwargs: object) -> None:
        raise PermissionError(13, "Permission denied")

    # The tests may run as root, whom no mode stops.
    monkeypatch.setattr(Path, "open", denied)
    assert "Permission denied" in one(load(file)).message


def test_a_file_that_does_not_exist_is_no_problem(tmp_path: Path) -> None:
    assert load(tmp_path / "none" / "config.toml").problems == ()
    (tmp_path / "file").touch()
    assert load(tmp_path / "file" / "config.toml").problems == ()


LAYERS = {
    "ollama": ("environment", "OLLAMA_DOWNLOAD_PART_SIZE", 2_000_000),
    "file": ("file", "config.toml", 3_000_000),
    "env": ("environment", "PULLTUI_TRANSFER_PART_SIZE", 4_000_000),
    "flag": ("flag", "", 5_000_000),
}


@pytest.mark.parametrize("present", range(16))
def test_later_layers_win(present: int) -> None:
    chosen = [name for bit, name in enumerate(LAYERS) if present >> bit & 1]
    env = {"OLLAMA_DOWNLOAD_PART_SIZE": "2"} if "ollama" in chosen else {}
    env |= {"PULLTUI_TRANSFER_PART_SIZE": "4 MB"} if "env" in chosen else {}
    file = b'[transfer]\npart_size = "3 MB"\n' if "file" in chosen else None
    flags = {"transfer.part_size": "5 MB"} if "flag" in chosen else {}
    loaded = load(file, env, flags)
    assert loaded.problems == ()
    layer, name, size = LAYERS[chosen[-1]] if chosen else ("default", "", 16_000_000)
    origin = loaded.origins["transfer.part_size"]
    assert (origin.layer, origin.name, loaded.settings.transfer.part_size) == (layer, name, size)


def test_a_bad_value_leaves_the_layer_below_in_force() -> None:
    loaded = load(b"[ui]\nfps = 7\n", {"PULLTUI_UI_FPS": "fast"}, {"ui.fps": 1000})
    assert loaded.settings.ui.fps == 7
    assert [(p.where, p.source, p.line) for p in loaded.problems] == [
        ("environment", "PULLTUI_UI_FPS", None),
        ("flag", "flag", None),
    ]


@pytest.mark.parametrize(
    ("variable", "text", "key", "value"),
    [
        ("PULLTUI_TRANSFER_CONNECTIONS", "12", "connections", 12),
        ("PULLTUI_TRANSFER_CONNECTIONS", "auto", "connections", "auto"),
        ("PULLTUI_TRANSFER_LAYOUT", '"sixteenths"', "layout", "sixteenths"),
        ("PULLTUI_TRANSFER_BANDWIDTH", "20 MB/s", "bandwidth", 20_000_000),
        ("PULLTUI_TRANSFER_PER_HOST", '{ "a.b:5000" = 2 }', "per_host", {"a.b:5000": 2}),
        ("OLLAMA_DOWNLOAD_CONCURRENCY", " '16' ", "connections", 16),
        ("OLLAMA_DOWNLOAD_PART_SIZE", '"32"', "part_size", 32_000_000),
    ],
)
def test_variables_are_toml_or_else_text(variable: str, text: str, key: str, value: object) -> None:
    loaded = load(None, {variable: text, "UNRELATED": "x"})
    assert loaded.problems == ()
    assert getattr(loaded.settings.transfer, key) == value


def test_the_variable_with_credentials_is_no_setting_and_no_mistake() -> None:
    loaded = load(None, {"PULLTUI_CREDENTIALS": "host=me:hunter2", "PULLTUI_CREDENTIAL": "x"})
    assert [problem.source for problem in loaded.problems] == ["PULLTUI_CREDENTIAL"]
    assert "hunter2" not in repr(loaded)


def test_text_that_looks_like_toml_is_text_where_text_is_wanted() -> None:
    env = {"PULLTUI_UI_THEME": "true", "PULLTUI_HOOKS_ON_DONE": '["a", "b c"]'}
    settings = load(None, env).settings
    assert (settings.ui.theme, settings.hooks.on_done) == ("true", ("a", "b c"))


def test_a_variable_cannot_smuggle_in_other_keys() -> None:
    loaded = load(None, {"PULLTUI_UI_FPS": "5\nbell = true"})
    assert loaded.settings == Settings()
    assert one(loaded).key == "ui.fps"


def test_a_schedule_can_come_from_a_variable() -> None:
    text = '[{ days = "weekends", from = "00:00", to = "24:00", bandwidth = "pause" }]'
    (period,) = load(None, {"PULLTUI_SCHEDULE": text}).settings.schedule
    assert (period.days, period.from_, period.to) == (("sat", "sun"), 0, 1440)


def test_unknown_variables_of_ours_are_reported() -> None:
    problem = one(load(None, {"PULLTUI_TRANSFER_PARTSIZE": "1 MB"}))
    assert (problem.severity, problem.hint) == ("warning", "did you mean PULLTUI_TRANSFER_PART_SIZE?")


@pytest.mark.parametrize("text", ["0", "-3", "many", "1.5", "4096", "٣"])
def test_ollamas_variables_never_stop_us(text: str) -> None:
    loaded = load(None, {"OLLAMA_DOWNLOAD_CONCURRENCY": text, "OLLAMA_DOWNLOAD_PART_SIZE": text})
    assert loaded.ok
    assert loaded.settings == Settings()
    assert len(loaded.problems) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"[schedule]\nfrom = '1:00'\n", "write [[schedule]]"),
        (b"schedule = 'never'\n", "write [[schedule]]"),
        (b"[[schedule]]\nfrom='1:00'\nto='2:00'\nbandwidth='0 MB/s'\n", 'or "pause"'),
        (b"[[schedule]]\nfrom='1:00'\nto='2:00'\nbandwidth='unlimited'\n", 'or "pause"'),
        (b"[[schedule]]\nfrom='24:00'\nto='2:00'\nbandwidth='pause'\n", "a time like"),
        (b"[[schedule]]\nfrom='1:60'\nto='2:00'\nbandwidth='pause'\n", "a time like"),
        (b"[[schedule]]\ndays=[]\nfrom='1:00'\nto='2:00'\nbandwidth='pause'\n", "no days"),
        (b"transfer = 5\n", "[transfer]"),
        (b"[[transfer]]\n", "[transfer]"),
        (b"[storage]\nmodels_dir = 'models'\n", "absolute path"),
        (b'[network]\nuser_agent = "a\\r\\nX: y"\n', "one line"),
        (b'[network]\nuser_agent = "a\\n"\n', "one line"),
        (b"[network]\nproxy = 'ftp://h'\n", "http://host:port"),
        (b"[transfer]\npart_size = 1.5\n", '"1.5 MB"'),
        (b"[transfer]\npart_size = '2 GB'\n", "1 MB to 1 GB"),
        (b"[ui]\nfps = true\n", "1 to 10"),
    ],
)
def test_what_is_refused_and_what_is_said(text: bytes, message: str) -> None:
    loaded = load(text)
    assert loaded.settings == Settings()
    assert message in str(one(loaded))


def test_days_are_put_in_order_once() -> None:
    text = b"[[schedule]]\ndays=['sun','mon','sun']\nfrom='1:00'\nto='2:00'\nbandwidth='1 MB/s'\n"
    assert load(text).settings.schedule[0].days == ("mon", "sun")


def test_an_unknown_flag_is_the_callers_mistake() -> None:
    with pytest.raises(KeyError):
        load(None, {}, {"transfer.nothing": 1})


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.dates()
    | st.times()
    | st.datetimes()
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["from", "to", "days", "bandwidth", "x.y", ""]), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.sampled_from([".".join(place) for place in every_setting()]), VALUES)
def test_any_value_for_any_key_is_taken_or_refused_in_words(key: str, value: object) -> None:
    loaded = load(None, {}, {key: value})
    taken = loaded.origins[key].layer == "flag"
    assert taken or not loaded.ok
    assert all(str(problem).isprintable() for problem in loaded.problems)
    # What was taken can be written down and read again.
    again = "".join(f"{row.table}.{row.key} = {row.value}\n".lstrip(".") for row in rows(loaded))
    assert load(again.encode()).settings == loaded.settings
