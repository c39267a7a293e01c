"""What a 401 asks for. The first cases are those of Ollama's own test of its parser."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulltui.engine.challenge import Challenge, parse_challenges


@pytest.mark.parametrize(
    ("header", "realm", "service", "scopes"),
    [
        (
            'Bearer realm="https://auth.example.com/token",service="registry",scope="repository:foo:pull"',
            "https://auth.example.com/token",
            "registry",
            ["repository:foo:pull"],
        ),
        (
            'Bearer realm="https://auth.example.com/token",service="ollama.ai",scope="-"',
            "https://auth.example.com/token",
            "ollama.ai",
            ["-"],
        ),
        ("", "", "", []),
        ('Bearer realm="r", service="s", scope="a:b:pull c:d:pull"', "r", "s", ["a:b:pull", "c:d:pull"]),
        ("bearer  Realm=https://r/x?y=1 , SERVICE = s", "https://r/x?y=1", "s", []),
        (r'Bearer realm="a \"quoted\" one",service="with, comma"', 'a "quoted" one', "with, comma", []),
        ('Bearer realm="first",realm="second"', "first", "", []),
        ('Bearer realm="never closed', '"never', "", []),
    ],
)
def test_bearer(header: str, realm: str, service: str, scopes: list[str]) -> None:
    found = next(iter(parse_challenges([header])), Challenge("", {}))
    if realm == '"never':  # nothing can be made of it, and nothing is
        assert found.realm == ""
        return
    assert (found.realm, found.service, found.scopes) == (realm, service, scopes)


@pytest.mark.parametrize(
    "headers",
    [
        ['Basic realm="x"', 'Bearer realm="https://r/"', "Negotiate"],
        ['Basic realm="x", Bearer realm="https://r/", Negotiate'],
        ['Basic realm="x",Bearer realm="https://r/",, Negotiate YWJj=='],
    ],
)
def test_several_ways_in_one_header_or_many(headers: list[str]) -> None:
    found = parse_challenges(headers)
    assert [one.scheme for one in found] == ["basic", "bearer", "negotiate"]
    assert found[1].realm == "https://r/"
    assert found[2].parameters == {}


def test_why_a_token_does_not_do() -> None:
    header = 'Bearer realm="r",error="insufficient_scope",error_description="read only"'
    assert parse_challenges([header])[0].error == "read only"
    assert parse_challenges(['Bearer realm="r",error="invalid_token"'])[0].error == "invalid_token"


@given(st.lists(st.one_of(st.text(), st.text(alphabet='Ba= ",\\\t;x1'))))
def test_nothing_breaks_it(headers: list[str]) -> None:
    for found in parse_challenges(headers):
        assert found.scheme == found.scheme.lower() != ""
