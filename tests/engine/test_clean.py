from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulltui.engine.clean import REPLACEMENT, safe, safe_url


@pytest.mark.parametrize(
    "character",
    [
        "\0",
        "\x07",
        "\x08",
        "\x0b",
        "\x1b",
        "\x7f",
        "\x80",
        "\x9b",
        "\xad",
        "\u061c",
        "\u200b",
        "\u200d",
        "\u200e",
        "\u200f",
        "\u2028",
        "\u2029",
        "\u202a",
        "\u202e",
        "\u2060",
        "\u2066",
        "\u2069",
        "\ufeff",
        "\ud800",
        "\udfff",
        "\ufff9",
        "\U000e0001",
        "\U000e0041",
    ],
    ids=lambda character: f"U+{ord(character):04X}",
)
def test_each_class_of_harmful_character_is_replaced(character: str) -> None:
    assert safe(f"a{character}b") == f"a{REPLACEMENT}b"


@given(st.text(), st.integers(1, 50))
def test_what_comes_out_is_one_short_line_that_no_terminal_acts_on(text: str, limit: int) -> None:
    cleaned = safe(text, limit)
    assert len(cleaned) <= limit
    assert not any(unicodedata.category(each) in ("Cc", "Cs", "Zl", "Zp") for each in cleaned)
    assert safe(cleaned, limit) == cleaned
    cleaned.encode()


def test_white_space_becomes_one_space_and_length_is_cut() -> None:
    assert safe(" two\r\n\twords ") == "two words"
    assert safe("x" * 400) == "x" * 299 + "…"
    assert safe("grüße 世界 🙂") == "grüße 世界 🙂"


def test_an_escape_sequence_is_harmless_text() -> None:
    assert safe("\x1b]0;owned\x07\x1b[2Jmodel") == f"{REPLACEMENT}]0;owned{REPLACEMENT}{REPLACEMENT}[2Jmodel"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://me:secret@host:8443/a/b?X-Signature=secret#secret", "https://host:8443/a/b"),
        ("http://[::1]:5000/v2/?token=secret", "http://[::1]:5000/v2/"),
        ("http://host:99999/", "(unreadable address)"),
        ("http://[broken/", "(unreadable address)"),
    ],
)
def test_an_address_is_shown_without_its_secrets(url: str, shown: str) -> None:
    assert safe_url(url) == shown
