from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulltui.ui.glyphs import UNICODE
from pulltui.ui.lines import Span, bar, fit, fit_name, join_fitting, percent, wrap
from rich.cells import cell_len


@given(text=st.text(st.characters(exclude_categories=("C", "M"))), width=st.integers(0, 40))
def test_fitted_text_takes_exactly_its_width(text: str, width: int) -> None:
    for middle in (False, True):
        assert cell_len(fit(text, width, "…", middle=middle)) == width


@given(text=st.text(st.characters(exclude_categories=("C", "M"))), width=st.integers(0, 40))
def test_fitted_names_take_exactly_their_width(text: str, width: int) -> None:
    assert cell_len(fit_name(text, width, "…")) == width
    assert cell_len(fit_name(f"registry/{text}", width, "..")) == width


def test_what_tells_pulls_apart_is_not_cut() -> None:
    assert fit_name("127.0.0.1:43653/library/harbor:latest", 18, "…") == "127…/harbor:latest"
    assert fit_name("127.0.0.1:43653/library/harbor:latest", 33, "…") == "127.0.0.1:43653/li…/harbor:latest"
    assert fit_name("registry/library/harbor:latest", 15, "…") == "…/harbor:latest"
    assert fit_name("hf.co/bartowski/Llama-70B-GGUF:Q4_K_M", 20, "…") == "hf.co/ba…GGUF:Q4_K_M"
    assert fit_name("qwen3:4b", 10, "…") == "qwen3:4b  "


def test_text_is_cut_where_it_says_least() -> None:
    assert fit("abcdefghij", 6, "…") == "abcde…"
    assert fit("hf.co/bartowski/Llama-70B-GGUF:Q4_K_M", 20, "…", middle=True) == "hf.co/ba…GGUF:Q4_K_M"
    assert fit("ab", 4, "…", right=True) == "  ab"


@pytest.mark.parametrize(
    ("part", "whole", "filled"),
    [(0, 100, ""), (100, 100, "━━━━━"), (99, 100, "━━━━╸"), (30, 100, "━╸"), (5, 0, ""), (200, 100, "━━━━━")],
)
def test_a_bar_is_full_only_at_the_end(part: int, whole: int, filled: str) -> None:
    assert bar(part, whole, 5, UNICODE.bar) == (filled, "·" * (5 - len(filled)))


def test_percent_never_rounds_up_to_all() -> None:
    assert percent(999_999, 1_000_000) == "99%"
    assert percent(999_999, 1_000_000, fine=True) == "99.9%"
    assert percent(1_000_000, 1_000_000, fine=True) == "100%"
    assert percent(1, 0) == ""


def test_the_least_important_goes_first() -> None:
    facts = [(0, Span("name")), (2, Span("detail")), (1, Span("speed"))]
    texts = ["".join(span.text for span in join_fitting(facts, width, "  ")) for width in (19, 18, 10, 3)]
    assert texts == ["name  detail  speed", "name  speed", "name", ""]


def test_wrapped_text_ends_with_what_was_left_out() -> None:
    assert wrap("one two three four", 9, 2, "…") == ["one two", "three fo…"]
    assert wrap("one two", 20, 2, "…") == ["one two"]
    assert wrap("", 20, 2, "…") == []


def test_a_word_that_is_too_long_keeps_its_end() -> None:
    assert wrap("see 127.0.0.1:44047/library/harbor:latest there", 20, 4, "…") == [
        "see",
        "127.0.0.…rbor:latest",
        "there",
    ]
