"""Terms that filter the list."""

from __future__ import annotations

import msgspec
import pytest
from msgspec.structs import replace
from pulltui.engine.views import PullState, PullView
from pulltui.ui.filter import parse
from support.scenes import busy_blob, busy_pull, pull, queue

PULLS = queue().pulls


def names(text: str) -> list[str]:
    chosen = parse(text)
    assert not chosen.problem, chosen.problem
    return [each.name.partition(":")[0].rpartition("/")[2] for each in PULLS if chosen.matches(each)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("QWEN", ["qwen3"]),
        ("32b", ["qwen3"]),
        ("llama q4", ["Llama-3.3-70B-Instruct-GGUF"]),
        ("llama3.2:3b", ["llama3.2"]),
        ("state:stalled", ["qwen3"]),
        ("state:quiet", ["qwen3"]),
        ("state:retrying", ["qwen3"]),
        ("state:failed", ["phi4"]),
        ("state:paus", ["gemma3"]),
        ("STATE:Done", ["nomic-embed-text"]),
        ("state:active", ["qwen3", "Llama-3.3-70B-Instruct-GGUF", "llama3.2", "mistral-small"]),
        ("size>18g", ["qwen3", "Llama-3.3-70B-Instruct-GGUF"]),
        ("size<=274mb", ["nomic-embed-text"]),
        ("size=274MB", ["nomic-embed-text"]),
        ("speed>50m/s", ["qwen3"]),
        ("percent>=100", ["llama3.2", "nomic-embed-text"]),
        ("percent>90% percent<100", ["phi4"]),
        ("left>25g", ["Llama-3.3-70B-Instruct-GGUF"]),
        ("host:hf", ["Llama-3.3-70B-Instruct-GGUF"]),
        ("-host:ollama", ["Llama-3.3-70B-Instruct-GGUF"]),
        ("-state:active -state:failed -nomic", ["gemma3", "deepseek-r1"]),
        ("nothing-like-it", []),
    ],
)
def test_what_a_filter_shows(text: str, expected: list[str]) -> None:
    assert names(text) == expected


def test_nothing_filters_nothing() -> None:
    assert names("  ") == names("") and len(names("")) == 8
    assert len(names("-")) == 4, "a dash alone is a piece of a name"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("state:stall3d", "try stalled"),
        ("state:", "try"),
        ("state:zzz", "active, stalled, failed"),
        ("size>10x", "size>10g"),
        ("size:10g", "size>10g"),
        ("percent>lots", "0 to 100"),
        ("sizze>3", "no sizze to filter by, try size"),
        ("x2>3", "try size, left, speed, percent"),
        (">3", "no field to filter by"),
        ("state>3", "state:failed"),
        ("sate:stalled", "try state:stalled"),
    ],
)
def test_what_cannot_be_understood_is_said_and_filters_nothing(text: str, words: str) -> None:
    chosen = parse(f"qwen {text}")
    assert words in chosen.problem and len(chosen.problem) <= 70
    assert [each.name for each in PULLS if chosen.matches(each)] == ["qwen3:32b"]


@pytest.mark.parametrize("text", ["stable:7b", "slate:latest", "sate:", "sate:do", "x.y:5000/state:3b"])
def test_what_may_be_a_name_is_one(text: str) -> None:
    assert not parse(text).problem


def test_a_pull_held_by_the_cap() -> None:
    held = msgspec.structs.replace(busy_pull(), capped=True)
    assert parse("state:capped").matches(held) and not parse("state:capped").matches(busy_pull())


def test_a_size_that_is_not_known_is_none() -> None:
    unknown: PullView = pull(1, "m", PullState.RESOLVING, 0, 0)
    assert not parse("percent>0").matches(unknown) and parse("size<1g").matches(unknown)


def test_stalled_finds_what_is_about_to_and_what_connects_again() -> None:
    def found(**more: int) -> bool:
        blob = replace(busy_blob(troubled=False), **more)
        return parse("state:stalled").matches(replace(busy_pull(), blobs=(blob,)))

    assert found(quiet=1) and found(stalled=1) and found(stalls=48, reconnecting=48)
    assert not found(stalls=48) and not found(reconnecting=1)
