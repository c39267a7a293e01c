from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulltui.engine.takeover import LEAST, Patience, Progress, Usual, cut, is_slow, reason, usual_rate

MB = 1_000_000
USUAL = Usual(rate=20 * MB, first_byte=0.02)


def why(run: Progress, usual: Usual = USUAL, *, idle: bool = False, others_move: bool = True) -> str:
    haste = "a connection is free" if idle else ""
    return reason(run, usual, patience=Patience(), haste=haste, others_move=others_move, factor=0.1)


def run(
    left: int = 10 * MB, rate: float = 20 * MB, silent: float = 0.0, *, begun: bool = True, **rest: float
) -> Progress:
    return Progress(left, rate, silent, begun, slow_for=rest.get("slow_for"), moves=int(rest.get("moves", 0)))


def test_silence_is_too_much_after_three_seconds_while_others_go_on() -> None:
    assert not why(run(silent=2.9))
    assert why(run(silent=3.0)) == "quiet for 3.0 s while the others go on"


def test_silence_of_all_is_nobodys_fault() -> None:
    assert not why(run(silent=20), others_move=False)


def test_with_a_free_connection_little_silence_is_enough() -> None:
    assert why(run(silent=0.3), idle=True) == "quiet for 0.3 s, and a connection is free"
    assert not why(run(silent=0.1), idle=True)


def hurried(progress: Progress, **haste: str) -> str:
    return reason(progress, USUAL, patience=Patience(), others_move=True, factor=0.1, **haste)


def test_for_whom_much_waits_little_silence_is_enough() -> None:
    told = hurried(run(silent=0.3), haste="what is behind it waits to be hashed")
    assert told == "quiet for 0.3 s, and what is behind it waits to be hashed"


def test_where_there_is_no_time_for_crawling_silence_is_no_crime() -> None:
    crawling = run(rate=0.2 * MB, slow_for=0.0)
    assert not hurried(crawling)
    assert hurried(crawling, crawls="the end is near") == "far slower than the others, and the end is near"
    assert not hurried(run(silent=0.3), crawls="the end is near"), "bytes come in lumps"
    assert not hurried(run(rate=3 * MB, slow_for=0.0), crawls="the end is near"), "not that slow"
    puts_up = [0.01 * n for n in range(200)]
    firsts = [
        next(s for s in puts_up if hurried(run(rate=0.2 * MB, slow_for=s, moves=moves), crawls="so"))
        for moves in range(1, 6)
    ]
    assert firsts == pytest.approx([0.0, 0.1, 0.2, 0.4, 0.8])


def test_a_server_that_takes_its_time_gets_it() -> None:
    leisurely = Usual(rate=20 * MB, first_byte=2.0)
    assert not why(run(silent=5, begun=False), leisurely)
    assert why(run(silent=6, begun=False), leisurely)
    assert not why(run(silent=7.9, begun=False), leisurely, idle=True, others_move=False)
    assert why(run(silent=3, begun=True), leisurely), "once bytes have come, silence is silence"


def test_as_long_as_nothing_is_known_nobody_is_hurried() -> None:
    assert not why(run(silent=2.9, begun=False), Usual(), idle=True, others_move=False)
    assert why(run(silent=3.0, begun=False), Usual(), idle=True, others_move=False)


def test_each_time_in_vain_lengthens_what_is_put_up_with() -> None:
    assert not why(run(silent=5.9, moves=1))
    assert why(run(silent=6.0, moves=1))
    assert not why(run(silent=11, moves=2))
    assert why(run(silent=0.15, moves=1), idle=True)
    assert not why(run(silent=0.29, moves=2), idle=True)
    assert why(run(silent=0.3, moves=2), idle=True)
    assert not why(run(silent=0.29, moves=1, begun=False), idle=True), "it may have become slow to answer"
    assert why(run(silent=0.3, moves=1, begun=False), idle=True)


def test_slow_for_three_seconds_is_too_slow() -> None:
    assert why(run(rate=0.2 * MB, slow_for=3.0)) == "far slower than the others"
    assert not why(run(rate=0.2 * MB, slow_for=2.9))


def test_a_slow_end_is_taken_over_at_once_if_that_is_quicker() -> None:
    assert why(run(left=10 * MB, rate=0.2 * MB, slow_for=0.0), idle=True)
    assert not why(run(left=10 * MB, rate=0.2 * MB), idle=True), "too young to tell"
    assert why(run(left=10 * MB, rate=0.2 * MB, slow_for=0.0, moves=1), idle=True)
    assert not why(run(left=10 * MB, rate=0.2 * MB, slow_for=0.05, moves=2), idle=True), "not again at once"
    assert not why(run(left=8_000, rate=0.2 * MB, slow_for=0.5), idle=True), "as good as through"
    assert not why(run(left=10 * MB, rate=10 * MB, slow_for=0.0), idle=True), "split instead"


def test_what_is_usual_takes_three() -> None:
    assert usual_rate([5.0, 7.0]) == 0
    assert usual_rate([5.0, 7.0, 0.0, 9.0]) == 7
    assert usual_rate([0.2, 0.2, 40.0, 0.2, 0.2, 38.0]) == 40, "most bytes come as fast as that"
    assert is_slow(0.9, [10, 10, 12], 0.1)
    assert not is_slow(1.1, [10, 10, 12], 0.1)
    assert not is_slow(0.0, [10, 10], 0.1)


def test_where_most_crawl_those_that_bring_the_bytes_are_the_measure() -> None:
    fast, crawling = 20.0 * MB, 0.2 * MB
    assert is_slow(crawling, [fast, fast] + [crawling] * 5, 0.1)
    assert not is_slow(fast, [fast] + [crawling] * 6, 0.1)
    assert not is_slow(crawling, [crawling] * 7, 0.1), "all are equally slow"
    assert not is_slow(crawling, [crawling] * 7, 0.1, [fast] * 3), "the line may have become slow"
    assert is_slow(crawling, [], 0.1, [fast] * 3), "one alone"


def test_a_few_lucky_ones_make_nobody_slow() -> None:
    assert not is_slow(5e6, [100e6] * 2 + [5e6] * 29, 0.1)
    assert is_slow(200e3, [100e6] * 2 + [200e3] * 29, 0.1)


def test_both_end_together() -> None:
    at = cut(0, 40 * MB, 20 * MB, Usual(rate=20 * MB, first_byte=0.0))
    assert at == 20 * MB
    slow = cut(0, 40 * MB, 2 * MB, Usual(rate=18 * MB, first_byte=0.0))
    assert slow == pytest.approx(4 * MB, abs=1)


def test_speeds_next_to_nothing_are_no_trouble() -> None:
    assert cut(0, 10 * MB, 5e-324, Usual(5e-324, 0.0)) == 5 * MB


def test_what_is_as_good_as_through_is_left_alone() -> None:
    assert cut(0, 2 * LEAST - 1, 1.0, USUAL) is None
    assert cut(0, 10 * MB, 0.0, USUAL) is None, "nobody knows how fast it is"
    assert cut(0, 1 * MB, 20 * MB, USUAL) is None
    assert cut(0, 10 * MB, 20 * MB, Usual(rate=20 * MB, first_byte=0.3)) is None


@given(
    position=st.integers(0, 10**12),
    left=st.integers(1, 10**11),
    rate=st.floats(0, 1e10),
    usual=st.floats(0, 1e10),
    first_byte=st.floats(0, 60),
)
def test_a_cut_leaves_both_sides_enough(
    position: int, left: int, rate: float, usual: float, first_byte: float
) -> None:
    at = cut(position, position + left, rate, Usual(usual, first_byte))
    if at is not None:
        assert position + LEAST <= at <= position + left - LEAST
