from pathlib import Path

from pulltui_config.kinds import every_setting
from pulltui_config.reading import load
from pulltui_config.show import markdown, rows

FILE = b"""\
[transfer]
bandwidth = "1.5 MB/s"
per_host = { "hf.co" = 2 }
[network]
proxy = "http://user:secret@proxy:3128"
"""


def test_rows_say_value_and_origin(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_bytes(FILE)
    loaded = load(file, {"PULLTUI_UI_FPS": "5"}, {"retry.stall_timeout": 5, "ui.bell": False})
    shown = {f"{row.table}.{row.key}": (row.value, row.is_default, row.origin) for row in rows(loaded)}
    assert len(shown) == len(every_setting())
    assert shown["transfer.bandwidth"] == ('"1.5 MB/s"', False, f"{file}:2")
    assert shown["transfer.per_host"] == ('{ "hf.co" = 2 }', False, f"{file}:3")
    assert shown["network.proxy"] == ('"http://***@proxy:3128"', False, f"{file}:5")
    assert shown["ui.fps"] == ("5", False, "environment PULLTUI_UI_FPS")
    assert shown["retry.stall_timeout"] == ("5", False, "flag")
    assert shown["ui.bell"] == ("false", True, "flag")
    assert shown["transfer.part_size"] == ('"16 MB"', True, "default")
    assert shown[".schedule"] == ("[]", True, "default")


def test_what_is_shown_can_be_written_in_a_file() -> None:
    loaded = load(FILE.replace(b"user:secret@", b""), {"PULLTUI_RETRY_GIVE_UP_AFTER": "1.5 h"})
    text = "".join(f"{row.table}.{row.key} = {row.value}\n".lstrip(".") for row in rows(loaded))
    assert load(text.encode()).settings == loaded.settings


def test_the_readme_table_has_a_line_for_every_key() -> None:
    lines = markdown().splitlines()
    assert len(lines) == 2 + len(every_setting())
    assert all(line.count(" | ") == 3 for line in lines)
