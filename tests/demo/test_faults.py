from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulltui.demo import faults as module
from pulltui.demo.faults import KINDS, PLACES, RANGE_MODES, Fault, FaultError, Faults, Picker, Scope, parse
from pulltui.demo.values import Form

GOOD = {
    "": [],
    "stall=1/9@4MB": [Fault("stall", 9, 4_000_000)],
    "reset=1/20@14MB,rate@5MB/s": [Fault("reset", 20, 14_000_000), Fault("rate", value=5_000_000)],
    "503@4s,expire@2.5s": [Fault("503", value=4.0), Fault("expire", value=2.5)],
    "mute=1/1": [Fault("mute")],
    "ttfb@250ms": [Fault("ttfb", value=0.25)],
    "trickle=1/9@100KB": [Fault("trickle", 9, 100_000)],
    "stall": [Fault("stall", value=0)],
    "stall=1/9@0": [Fault("stall", 9, 0)],
    "reset@2MB-14MB,stall=1/9@500KB-4MB*3": [
        Fault("reset", value=(2_000_000, 14_000_000)),
        Fault("stall", 9, (500_000, 4_000_000), 3),
    ],
    "502=1/5": [Fault("502", 5)],
    "reset@1MB*3": [Fault("reset", value=1_000_000, limit=3)],
    " reset @ 1 MB , flip = 1/20 ": [Fault("reset", value=1_000_000), Fault("flip", 20)],
    "max@4,offline@3s-23s": [Fault("max", value=4), Fault("offline", value=(3.0, 23.0))],
    "outage@1s-21s": [Fault("outage", value=(1.0, 21.0))],
    "resolve:503@4s": [Fault("503", value=4.0, place="resolve")],
    "wrongrange@total,wrongrange": [Fault("wrongrange", value="total"), Fault("wrongrange")],
    "location@ftp://127.0.0.1:2/a": [Fault("location", value="ftp://127.0.0.1:2/a")],
    "slow=1/8@200KB/s": [Fault("slow", 8, 200_000)],
}
BAD = {
    "stal=1/9": ["'stal=1/9'", "did you mean stall?"],
    "retryafter@2s": ["did you mean retry-after?"],
    "xyzzy": ["'xyzzy'", "known are", "400 to 599"],
    "200": ["no fault is called '200'"],
    "stall@soon": ["'stall@soon'", "a size such as"],
    "stall@5MB/s": ["a size such as"],
    "reset@14MB-2MB": ["two such as 2MB-14MB"],
    "long@1MB-2MB": ["a size such as"],
    "rate@5MB": ["a rate such as 5MB/s"],
    "rate@0MB/s": ["a rate such as"],
    "rate": ["rate needs a rate"],
    "expire@5": ["a time such as"],
    "503@4MB": ["a time such as"],
    "mute@3s": ["no value"],
    "max@0": ["a whole number"],
    "max@four": ["a whole number"],
    "offline@3s": ["two times"],
    "offline@9s-3s": ["two times"],
    "stall=2/3": ["1/n"],
    "stall=1/0": ["1/n"],
    "stall=half": ["1/n"],
    "stall*0": ["1 or more"],
    "stall*": ["1 or more"],
    "rate=1/2@5MB/s": ["whole registry"],
    "expire@2s*3": ["whole registry"],
    "resolve:link@5MB/s": ["whole registry"],
    "nowhere:stall": ["'nowhere' is no place", "blob, resolve, manifest"],
    "wrongrange@sideways": ["wrongrange knows", "'sideways'"],
    "location@": ["a word"],
    "stall,,reset": ["an empty piece"],
    "stall@4MB@5MB": ["'stall@4MB@5MB'"],
}


@pytest.mark.parametrize(("spec", "expected"), GOOD.items())
def test_good_plans(spec: str, expected: list[Fault]) -> None:
    assert parse(spec) == Faults(expected)


@pytest.mark.parametrize(("spec", "said"), BAD.items())
def test_bad_plans_name_the_piece_and_what_is_right(spec: str, said: list[str]) -> None:
    with pytest.raises(FaultError) as problem:
        parse(f"flip,{spec},mute" if spec != "stall,,reset" else spec)
    assert all(words in str(problem.value) for words in said), str(problem.value)


VALUES = {
    Form.NONE: st.none(),
    Form.SIZE: st.integers(0, 10**12),
    Form.SIZES: st.integers(0, 10**12) | st.tuples(st.integers(0, 10**9), st.integers(10**9 + 1, 10**12)),
    Form.RATE: st.integers(1, 10**10),
    Form.DURATION: st.floats(0, 10**6, allow_nan=False).map(lambda seconds: round(seconds, 3)),
    Form.COUNT: st.integers(1, 1000),
    Form.WINDOW: st.tuples(st.integers(0, 50).map(float), st.integers(51, 99).map(float)),
    Form.WORD: st.sampled_from(RANGE_MODES),
}


@st.composite
def any_fault(draw: st.DrawFn) -> Fault:
    kind = draw(st.sampled_from([*KINDS, "429", "500", "503", "599"]))
    about = KINDS.get(kind, module.STATUS_KIND)
    value = draw(VALUES[about.form])
    if about.scope is Scope.SERVER:
        return Fault(kind, value=value)
    limit = draw(st.none() | st.integers(1, 50))
    return Fault(kind, draw(st.integers(1, 50)), value, limit, draw(st.sampled_from(PLACES)))


@given(st.lists(any_fault(), max_size=6))
def test_a_plan_written_is_read_back_the_same(faults: list[Fault]) -> None:
    assert parse(str(Faults(faults))) == Faults(faults)


def test_every_kind_is_in_the_table() -> None:
    assert module.__doc__ is not None
    assert [kind for kind in KINDS if f"| {kind} |" not in module.__doc__] == []


def hits(plan: str, lengths: list[int], seed: int = 0, ranged: bool = True) -> list[str]:
    picker = Picker(parse(plan), seed)
    return [" ".join(map(str, picker.pick("blob", length, ranged, 0.0))) for length in lengths]


@pytest.mark.parametrize(("seed", "every"), product(range(5), (1, 2, 9)))
def test_a_fraction_hits_every_nth_from_an_offset(seed: int, every: int) -> None:
    got = [bool(hit) for hit in hits(f"mute=1/{every}", [100] * 90, seed)]
    first = got.index(True)
    assert first < every
    assert got == [number % every == first for number in range(90)]


def test_seeds_move_the_offset_and_the_same_seed_does_not() -> None:
    plans = [tuple(hits("mute=1/9,flip=1/20", [100] * 40, seed)) for seed in range(30)]
    assert len(set(plans)) > 5
    assert plans == [tuple(hits("mute=1/9,flip=1/20", [100] * 40, seed)) for seed in range(30)]


def test_only_requests_it_can_happen_to_are_counted() -> None:
    assert hits("stall=1/2@4MB", [1000, 4_000_000, 4_000_001, 9_000_000] * 3).count("stall=1/2@4MB") == 3
    assert hits("wrongrange,norange", [1000] * 3, ranged=False) == ["", "", ""]
    assert hits("flip,short", [0, 1]) == ["", ""]


def test_each_request_draws_its_own_size_and_what_is_shorter_gets_away() -> None:
    picker = Picker(parse("reset@2MB-14MB"), 0)
    drawn = [fault.size for _ in range(400) for fault in picker.pick("blob", 8_000_000, True, 0.0)]
    sizes = [size for size in drawn if size is not None]
    assert len(sizes) == len(drawn) == pytest.approx(200, abs=50)
    assert 2_000_000 <= min(sizes) < 2_500_000
    assert 7_500_000 < max(sizes) < 8_000_000
    assert set(hits("reset@2MB-14MB", [2_000_000] * 50)) == {""}
    assert set(hits("reset@2MB-14MB", [20_000_000] * 50)) == {"reset@2MB-14MB"}


def test_a_limit_ends_it() -> None:
    assert [bool(hit) for hit in hits("close*2", [9] * 5)] == [True, True, False, False, False]


def test_one_fate_at_a_time_and_the_other_takes_the_next() -> None:
    got = hits("mute=1/4,reset=1/4,flip", [100] * 40, seed=3)
    assert sum("mute" in hit for hit in got) == 10
    assert sum("reset" in hit for hit in got) in {9, 10}
    assert not any("mute" in hit and "reset" in hit for hit in got)
    assert all(hit.endswith("flip") for hit in got)
    both = hits("mute*1,close*1", [100] * 3)
    assert both == ["mute*1", "close*1", ""]


def test_a_burst_lasts_from_the_first_request_of_its_place() -> None:
    picker = Picker(parse("503@4s,resolve:500@1s"), 0)
    assert picker.pick("resolve", 9, False, 100.0)
    assert not picker.pick("resolve", 9, False, 101.0)
    assert picker.pick("blob", 9, True, 110.0)
    assert picker.pick("blob", 9, True, 113.9)
    assert not picker.pick("blob", 9, True, 114.0)
    assert not picker.pick("manifest", 9, True, 110.0)
