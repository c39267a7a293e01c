from __future__ import annotations

import os
import re
from pathlib import PurePosixPath

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pulltui.engine.clean import safe_name
from pulltui.engine.errors import BadNameError, InsecureError
from pulltui.engine.hosts import flaw
from pulltui.engine.names import allowed_scheme, parse, split_login

LONG = "x" * 80
LONG_HOST = ".".join(["h" * 62] * 4)

OLLAMA = ("registry.ollama.ai", "library")


@pytest.mark.parametrize(
    ("text", "scheme", "parts"),
    [
        ("gemma3", "", (*OLLAMA, "gemma3", "latest")),
        ("gemma3:4b-it-q8_0", "", (*OLLAMA, "gemma3", "4b-it-q8_0")),
        ("someone/gemma3", "", ("registry.ollama.ai", "someone", "gemma3", "latest")),
        ("someone/gemma3:4b", "", ("registry.ollama.ai", "someone", "gemma3", "4b")),
        ("models.example/team/gemma3", "", ("models.example", "team", "gemma3", "latest")),
        ("models.example/team/gemma3:4b", "", ("models.example", "team", "gemma3", "4b")),
        ("models.example:5000/team/gemma3", "", ("models.example:5000", "team", "gemma3", "latest")),
        ("models.example:5000/team/gemma3:4b", "", ("models.example:5000", "team", "gemma3", "4b")),
        (
            "https://models.example:443/team/gemma3:4b",
            "https",
            ("models.example:443", "team", "gemma3", "4b"),
        ),
        ("HTTP://127.0.0.1:5000/a/b", "http", ("127.0.0.1:5000", "a", "b", "latest")),
        ("hf.co/bartowski/Llama-3.2-1B-GGUF", "", ("hf.co", "bartowski", "Llama-3.2-1B-GGUF", "latest")),
        (
            "huggingface.co/u_1/Repo.v2:Q4_K_M.gguf",
            "",
            ("huggingface.co", "u_1", "Repo.v2", "Q4_K_M.gguf"),
        ),
        ("  gemma3:4b\n", "", (*OLLAMA, "gemma3", "4b")),
        (f"{LONG_HOST}/{LONG}/{LONG}:{LONG}", "", (LONG_HOST, LONG, LONG, LONG)),
    ],
)
def test_parse(text: str, scheme: str, parts: tuple[str, str, str, str]) -> None:
    name = parse(text)
    assert (name.scheme, name.path_parts) == (scheme, parts)


@pytest.mark.parametrize(
    "text",
    [
        "m",
        "7",
        "_under/_scores/_lead:_too",
        "host/namespace/model:tag",
        "h/n/m:t",
        "h.t/n-n/m.m:t.t",
        "a-b_c/d-e_f/g-h_i:j-k_l",
        "trailing-/dash-/is-:fine-",
        "ns/m..odel:t..ag",
        "UPPER/Case:Kept",
        "1.2.3.4:80/0/0:0",
        "localhost/team/model",
        "x:8b-cloudy",
        "models.example/team/model:cloud",
    ],
)
def test_valid(text: str) -> None:
    assert parse(text).model


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the name is empty"),
        ("  \t", "the name is empty"),
        ("/", "the host is empty|the namespace is empty"),
        (":", "the model is empty"),
        (":tag", "the model is empty"),
        ("model:", "the tag is empty"),
        ("/model", "the namespace is empty"),
        ("namespace/", "the model is empty"),
        ("/namespace/model", "the host is empty"),
        ("host//model", "the namespace is empty"),
        ("a/b/c/d", 'the host "a/b" has a slash in it'),
        ("-model", 'begins with "-"'),
        (".model", 'begins with "."'),
        ("..", 'begins with "."'),
        ("../../etc/passwd", 'begins with "."'),
        ("host/../model:tag", 'the namespace ".." begins with "."'),
        ("host/namespace/..:tag", 'the model ".." begins with "."'),
        ("model:..", 'the tag ".." begins with "."'),
        ("model:-t", 'the tag "-t" begins with "-"'),
        ("-host/n/m", 'the host "-host" begins with "-"'),
        ("my.org/model", 'the namespace "my.org" has "." in it'),
        ("localhost:5000/model", 'the namespace "localhost:5000" has ":" in it'),
        ("a:b:c", 'the model "a:b" has ":" in it'),
        ("mo del", 'the model "mo del" has a space in it'),
        ("model:t ag", "a space in it"),
        ("mod\x00el", "the model"),
        ("mod%2fel", '"%" in it'),
        ("mod\\el", '"\\\\" in it'),
        ("model?x=1", re.escape('"?" in it')),
        ("model#frag", '"#" in it'),
        ("modèl", '"è" in it'),
        ("bücher.example/n/m", '"ü" in it'),
        ("x" * 81, "the model has 81 characters; 80 are allowed"),
        ("m:" + "x" * 81, "the tag has 81 characters"),
        ("x" * 81 + "/m", "the namespace has 81 characters"),
        (f"{LONG_HOST}.more/n/m", "the host has 256 characters; 255 are allowed"),
        ("h" * 64 + "/n/m", "more than 63 characters between dots"),
        ("host..example/n/m", "a dot too many"),
        ("host./n/m", "a dot too many"),
        ("host:/n/m", "the port"),
        ("host:port/n/m", 'the port "port"'),
        ("host:0/n/m", 'the port "0"'),
        ("host:65536/n/m", "from 1 to 65535"),
        ("host:1:2/n/m", 'the port "1:2"'),
        ("[::1]:5000/n/m", "IPv6"),
        ("https://[2001:db8::1]/n/m", "IPv6"),
        ("2001:db8::1/n/m", "IPv6"),
        ("::1/n/m", "IPv6"),
        ("https://fe80::1/n/m", "IPv6"),
        ("xn--a.example/n/m", 'an "xn--" in it that stands for no letters'),
        ("1.2.3.256/n/m", "is not an IPv4 address, which has four numbers from 0 to 255"),
        ("1.2.3.4444:80/n/m", "is not an IPv4 address"),
        ("127.1/n/m", "is not an IPv4 address"),
        ("2130706433/n/m", "is not an IPv4 address"),
        ("0x7f.0.0.0x1/n/m", "is not an IPv4 address"),
        ("010.1.1.1/n/m", "is not an IPv4 address"),
        ("1.2.3.4.5/n/m", "is not an IPv4 address"),
        ("host.123:80/n/m", "although it ends in a number"),
        ("ftp://host/n/m", '"ftp://" is not a way to ask a registry'),
        ("file:///etc/passwd", '"file://" is not'),
        ("https://model", "after https:// there must be host/namespace/model"),
        ("https://host/model", "after https:// there must be host/namespace/model"),
        ("://h/n/m", '"://" is not'),
        ("model@sha256:" + "0" * 64, "asks for a digest"),
        ("h/n/model:tag@sha256:" + "0" * 64, "asks for a digest"),
        ("@", 'an "@" in it'),
        ("gemma3:cloud", "is a cloud model"),
        ("gemma3:8b:cloud", "is a cloud model"),
        ("gpt-oss:120b-cloud", "is a cloud model"),
        ("someone/gpt-oss:120b-Cloud", "is a cloud model"),
    ],
)
def test_refused_with_the_reason(text: str, message: str) -> None:
    with pytest.raises(BadNameError, match=message):
        parse(text)


@pytest.mark.parametrize(
    ("text", "user", "password"),
    [
        ("https://me:hunter2@host/n/m", "me", "hunter2"),
        (" HTTP://me:hunter2@host:5000/n/m:t\n", "me", "hunter2"),
        ("https://me%40work:p%3Aw%2F%25@host/n/m", "me@work", "p:w/%"),
        ("https://me:a@b:c@host/n/m", "me", "a@b:c"),
    ],
)
def test_user_and_password_are_no_part_of_the_name(text: str, user: str, password: str) -> None:
    rest, login = split_login(text)
    assert login is not None
    assert (login.user, login.password) == (user, password)
    assert password not in rest + repr(login) and "@" not in rest
    assert parse(text) == parse(rest)
    assert parse(text).host in ("host", "host:5000")
    assert password not in safe_name(text)


@pytest.mark.parametrize("text", ["gemma3", "https://host/n/m", "host:5000/n/m:t"])
def test_most_names_have_none(text: str) -> None:
    assert split_login(text) == (text, None)
    assert safe_name(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "me:hunter2@host/n/m",
        "me:hunter2@host",
        "hunter2@host/m",
        "https://hunter2@host/n/m",
        "https://:hunter2@host/n/m",
        "https://me:@hunter2/n/m",
        "https://me:hunter2/@host/n/m",
        "https://me:hun%00ter2hunter2@host/n/m",
        "me:hunter2@sha.example/n/m",
        "https://me:hunter2@x@sha256/n/m@hunter2",
        "me:hunter2@sha256:x",
    ],
)
def test_an_at_that_is_something_else_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(BadNameError, match='"@"') as raised:
        parse(text)
    assert "hunter2" not in str(raised.value) + raised.value.hint
    assert "https://user:password@" in raised.value.hint
    assert "hunter2" not in safe_name(text.rpartition("@")[0] + "@host")


@pytest.mark.parametrize(
    "text",
    [
        "https://me:hunter2@host/n",
        "https://me:hunter2@host/n/m m",
        "https://me:hunter2@[::1]/n/m",
        "https://me:hunter2@b\u00fccher.example/n/m",
        "https://me:hunter2@host/n/m:cloud:cloud",
        "https://me:hunter2@registry.ollama.ai/n/m:cloud",
        "ftp://me:hunter2@host/n/m",
    ],
)
def test_what_else_is_wrong_is_told_without_the_password(text: str) -> None:
    with pytest.raises(BadNameError) as raised:
        parse(text)
    assert "hunter2" not in str(raised.value) + raised.value.hint


@pytest.mark.parametrize(
    ("host", "hint"),
    [
        ("b\u00fccher.example:5000", "xn--bcher-kva.example:5000"),
        ("B\u00dcCHER.example", "xn--bcher-kva.example"),
        ("\u0440\u0430ypal.example", "xn--ypal-43d9g.example"),
        ("\u4f8b\u3048.\u30c6\u30b9\u30c8", "xn--r8jz45g.xn--zckzah"),
        ("\u2603\u202e.example", "and this one has none"),
    ],
)
def test_a_host_with_other_letters_is_told_its_ascii_form(host: str, hint: str) -> None:
    with pytest.raises(BadNameError, match="the host") as raised:
        parse(f"{host}/n/m")
    assert raised.value.hint.rstrip(".").endswith(hint)
    if hint.startswith("xn--"):
        assert parse(f"{hint}/n/m").host == hint


def test_what_is_shown_of_a_bad_name_is_clean() -> None:
    with pytest.raises(BadNameError) as raised:
        parse("mod\x1b[31mel\u202e" + "y" * 60)
    assert str(raised.value).isprintable()


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("gemma3", "gemma3:latest"),
        ("registry.ollama.ai/library/gemma3:4b", "gemma3:4b"),
        ("Registry.Ollama.AI/Library/gemma3:4b", "gemma3:4b"),
        ("someone/gemma3", "someone/gemma3:latest"),
        ("hf.co/library/gemma3:x", "hf.co/library/gemma3:x"),
        ("http://localhost:5000/a/b:c", "localhost:5000/a/b:c"),
    ],
)
def test_short(text: str, short: str) -> None:
    assert parse(text).short == short


def test_case_does_not_tell_names_apart_but_is_kept() -> None:
    one, other = parse("HF.co/User/Repo:Q4_K_M"), parse("hf.co/user/repo:q4_k_m")
    assert one.key == other.key
    assert one.path_parts == ("HF.co", "User", "Repo", "Q4_K_M")
    assert parse("hf.co/user/repo:q5").key != other.key
    assert parse("https://h/n/m").key == parse("h/n/m").key


host = st.from_regex(
    r"[A-Za-z0-9_][A-Za-z0-9_-]{0,20}(\.[A-Za-z0-9_-]{1,20}){0,3}(:[1-9][0-9]{0,3})?", fullmatch=True
).filter(lambda host: not flaw(host.partition(":")[0]))
namespace = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,79}", fullmatch=True)
last = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}", fullmatch=True)


@given(st.sampled_from(["", "http://", "https://"]), host, namespace, last, last)
def test_what_is_put_together_comes_apart_again(
    scheme: str, host: str, namespace: str, model: str, tag: str
) -> None:
    if host.lower() == "registry.ollama.ai" or tag.lower() == "cloud":
        return
    name = parse(f"{scheme}{host}/{namespace}/{model}:{tag}")
    assert name.path_parts == (host, namespace, model, tag)
    assert parse(name.full) == name
    again = parse(name.short)
    assert (again.key, again.path_parts) == (name.key, name.path_parts)


@given(st.one_of(st.text(), st.text(alphabet="aZ9_-.:/@%\\ \0\n~[]é"), st.from_regex(r"[./:a]{0,20}")))
@example("..")
@example("a/../..:..")
@example("a\n/b/c:d")
@example("con:a/b/c")
@example("1.2.3.400/b/c")
@example("1.2.3.4.5/b/c")
@example("xn--a/b/c")
@example("_1.-/b/c")
@example("HOST:0080/b/c")
def test_no_name_leaves_its_directory(text: str) -> None:
    try:
        name = parse(text)
    except BadNameError as error:
        assert str(error)
        return
    url = httpx.URL(name.base_url("https"))
    assert url.raw_host.decode() == name.hostname.lower() and url.host
    path = PurePosixPath("/models/manifests").joinpath(*name.path_parts)
    assert len(path.parts) == 7
    assert os.path.normpath(path) == str(path)
    assert str(path).isascii() and str(path).isprintable()
    assert all(0 < len(part) < 256 and part[0] not in ".-" for part in name.path_parts)


class TestAllowedScheme:
    def scheme(self, text: str, insecure: bool = False, hosts: tuple[str, ...] = ()) -> str:
        return allowed_scheme(parse(text), insecure=insecure, insecure_hosts=hosts)

    def test_https_is_what_nobody_asks_for(self) -> None:
        assert self.scheme("gemma3") == "https"
        assert self.scheme("models.example:5000/a/b") == "https"

    @pytest.mark.parametrize(
        "host", ["127.0.0.1:5000", "127.9.9.9", "localhost:80", "LocalHost", "a.localhost"]
    )
    def test_this_machine_speaks_plain_http(self, host: str) -> None:
        assert self.scheme(f"{host}/a/b") == "http"
        assert self.scheme(f"http://{host}/a/b") == "http"
        assert self.scheme(f"https://{host}/a/b") == "https"

    def test_hosts_that_were_granted(self) -> None:
        assert self.scheme("models.example:5000/a/b", hosts=("Models.example",)) == "http"
        assert self.scheme("models.example:5000/a/b", hosts=("models.example:5000",)) == "http"
        assert self.scheme("models.example:5000/a/b", hosts=("models.example:5001", "example")) == "https"
        assert self.scheme("https://models.example/a/b", hosts=("models.example",)) == "https"

    def test_the_flag(self) -> None:
        assert self.scheme("models.example/a/b", insecure=True) == "http"
        assert self.scheme("http://models.example/a/b", insecure=True) == "http"
        assert self.scheme("https://models.example/a/b", insecure=True) == "https"

    @pytest.mark.parametrize(
        "host", ["models.example", "127.0.0.1.example", "localhost.example:1", "128.0.0.1"]
    )
    def test_plain_http_elsewhere_is_refused_with_the_remedy(self, host: str) -> None:
        with pytest.raises(InsecureError, match="plain http") as raised:
            self.scheme(f"http://{host}/a/b")
        assert f'insecure_hosts = ["{host}"]' in raised.value.hint
        assert "--insecure" in raised.value.hint

    def test_base_url(self) -> None:
        assert parse("localhost:5000/a/b").base_url("http") == "http://localhost:5000"


def test_names_are_values() -> None:
    assert parse("a/b") == parse("a/b:latest")
    assert len({parse("a/b"), parse("a/b:latest")}) == 1
