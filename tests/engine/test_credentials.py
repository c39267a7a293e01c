from __future__ import annotations

import base64
import os
from pathlib import Path

import httpx
import pytest
from pulltui.engine.credentials import Credentials
from pulltui.engine.errors import RefusedError
from pulltui.engine.login import Login, read_login, secrets_of
from pulltui.engine.origin import Origin

FILE = """
["registry.example"]
user = "me"
password = "hunter2"

["registry.example:5000"]
user = "other"
password = 'a "b" %41 ü'
"""


def origin(url: str) -> Origin:
    return Origin.of(httpx.URL(url))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "credentials.toml"
    path.write_text(FILE)
    path.chmod(0o600)
    return path


@pytest.mark.parametrize(
    ("url", "user"),
    [
        ("https://registry.example/v2/", "me"),
        ("https://Registry.Example:443/", "me"),
        ("http://registry.example/", None),
        ("https://registry.example:5000/", "other"),
        ("https://registry.example:5001/", None),
        ("https://sub.registry.example/", None),
        ("https://example/", None),
    ],
)
def test_a_file_knows_hosts_by_their_port(file: Path, url: str, user: str | None) -> None:
    login, _ = Credentials({}, file).find(origin(url))
    assert (login and login.user) == user


def test_what_stands_in_the_file_is_taken_as_it_is(file: Path) -> None:
    login, _ = Credentials({}, file).find(origin("https://registry.example:5000"))
    assert login is not None
    assert login.password == 'a "b" %41 ü'
    assert login.source == str(file)


def test_the_environment_comes_first(file: Path) -> None:
    env = {"PULLTUI_CREDENTIALS": "registry.example=you:pa%20ss%25:word\n[::1]:5000=a:b"}
    found = Credentials(env, file)
    login, _ = found.find(origin("https://registry.example"))
    assert login is not None
    assert (login.user, login.password, login.source) == ("you", "pa ss%:word", "PULLTUI_CREDENTIALS")
    six, _ = found.find(origin("http://[::1]:5000"))
    assert six is not None and six.user == "a"
    other, _ = found.find(origin("https://registry.example:5000"))
    assert other is not None and other.user == "other"


def test_no_file_is_no_error(tmp_path: Path) -> None:
    assert Credentials({}, tmp_path / "missing").find(origin("https://h")) == (None, "")
    assert Credentials({}, None).find(origin("https://h")) == (None, "")


@pytest.mark.parametrize(
    ("key", "url", "sent", "plain"),
    [
        ("registry.example", "https://registry.example", True, False),
        ("registry.example", "http://registry.example", False, False),
        ("registry.example:80", "http://registry.example", False, False),
        ("registry.example:5000", "http://registry.example:5000", False, False),
        ("http://registry.example", "http://registry.example", True, True),
        ("HTTP://Registry.Example:80/", "http://registry.example", True, True),
        ("http://registry.example:5000", "http://registry.example:5000", True, True),
        ("http://registry.example", "https://registry.example", False, False),
        ("https://registry.example", "https://registry.example:443", True, False),
        ("https://registry.example", "http://registry.example", False, False),
        ("10.0.0.1:5000", "http://10.0.0.1:5000", False, False),
        ("127.0.0.1:5000", "http://127.0.0.1:5000", True, False),
        ("localhost:5000", "http://localhost:5000", True, False),
        ("[::1]:5000", "http://[::1]:5000", True, False),
        ("http://[fd00::1]:5000", "http://[fd00::1]:5000", True, True),
    ],
)
@pytest.mark.parametrize("place", ["environment", "file"])
def test_what_names_a_host_alone_does_not_go_over_plain_http(
    *, tmp_path: Path, place: str, key: str, url: str, sent: bool, plain: bool
) -> None:
    file = tmp_path / "credentials.toml"
    if place == "file":
        file.write_text(f'["{key}"]\nuser = "me"\npassword = "hunter2"\n')
        file.chmod(0o600)
    environ = {"PULLTUI_CREDENTIALS": f"{key}=me:hunter2"} if place == "environment" else {}
    login, problem = Credentials(environ, file).find(origin(url))
    assert (login is not None) is sent
    assert login is None or (login.password, login.plain) == ("hunter2", plain)
    withheld = not sent and "://" not in key
    netloc = origin(url).netloc
    source = str(file) if place == "file" else "PULLTUI_CREDENTIALS"
    told = (
        f"What {source} has for {netloc} goes over plain http to another machine only if it is written down"
    )
    assert problem == (f"{told} for http://{netloc}" if withheld else "")


@pytest.mark.parametrize("key", ["ftp://h", "https://h/v1", "https://me:hunter2@h", "h/x", "http://", ""])
@pytest.mark.parametrize("place", ["environment", "file"])
def test_what_is_no_host_is_refused(tmp_path: Path, place: str, key: str) -> None:
    file = tmp_path / "credentials.toml"
    if place == "file":
        file.write_text(f'["{key}"]\nuser = "me"\npassword = "x"\n')
        file.chmod(0o600)
    environ = {"PULLTUI_CREDENTIALS": f"{key}=me:x"} if place == "environment" else {}
    with pytest.raises(RefusedError, match=r"cannot be (read|used)") as caught:
        Credentials(environ, file).find(origin("https://h"))
    assert "hunter2" not in str(caught.value) + caught.value.hint


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o610])
def test_a_file_that_others_can_open_is_refused_with_the_remedy(file: Path, mode: int) -> None:
    file.chmod(mode)
    with pytest.raises(RefusedError, match="is open to others") as caught:
        Credentials({}, file).find(origin("https://registry.example"))
    assert caught.value.hint == f"Run: chmod 600 {file}"
    file.chmod(0o400)
    assert Credentials({}, file).find(origin("https://registry.example"))[0] is not None


@pytest.mark.parametrize(
    "text",
    [
        "hunter2 = ",
        '["h"]\nuser = "me"\n"hunter2"',
        '["h"]\nuser = "me"',
        '["h"]\nuser = "me"\npassword = 2',
        '["h"]\nuser = "m:e"\npassword = "hunter2"',
        'h = "me:hunter2"',
        '["h"]\nuser = "me"\npassword = ""',
    ],
)
def test_a_damaged_file_is_refused_without_its_content(file: Path, text: str) -> None:
    file.write_text(text)
    with pytest.raises(RefusedError, match=r"not valid TOML|cannot be used") as caught:
        Credentials({}, file).find(origin("https://h"))
    assert str(file) in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="cannot be read: Is a directory"):
        Credentials({}, tmp_path).find(origin("https://h"))
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(RefusedError, match="is not a file"):
        Credentials({}, tmp_path / "pipe").find(origin("https://h"))


@pytest.mark.parametrize(
    "text", ["hunter2", "h=hunter2", "=me:hunter2", "h=:hunter2", "h=me:", "a=b:c d=%00:x"]
)
def test_a_variable_that_cannot_be_read_is_refused_without_its_content(text: str) -> None:
    with pytest.raises(RefusedError, match="of PULLTUI_CREDENTIALS cannot be read") as caught:
        Credentials({"PULLTUI_CREDENTIALS": text}, None).find(origin("https://h"))
    assert "hunter2" not in str(caught.value) + caught.value.hint


def test_the_header_and_what_must_not_be_shown_of_it() -> None:
    login = read_login("m%C3%BC:pass%3Aw%40rd", "a test")
    assert login == Login("mü", "pass:w@rd", "a test")
    assert base64.b64decode(login.basic.removeprefix("Basic ")).decode() == "mü:pass:w@rd"
    assert secrets_of(login.basic) == [
        login.basic.removeprefix("Basic "),
        "mü:pass:w@rd",
        "pass:w@rd",
    ]
    assert secrets_of("Bearer abc") == ["abc"]
    assert secrets_of("") == []
    assert "pass" not in repr(login) and "mü" not in repr(login)
