"""Each fault, seen on the wire by a client that hides nothing."""

import email.utils
import gzip
import threading
import time
from collections.abc import Callable, Iterator

import httpx
import pytest
from pulltui.demo import Registry
from pulltui.demo.models import MANIFEST_TYPE
from pulltui.demo.reply import HTML
from support.rawhttp import LONG, Answer, Ending, ask, resolve
from support.registry import KB, MB, layer, make_model

MODEL = make_model("tiny", 8 * MB, seed=21)
BLOB = layer(MODEL)
PATH = f"/v2/library/tiny/blobs/{BLOB.digest}"
SPAN = (MB, 3 * MB)
RIGHT = BLOB.read(MB, 2 * MB)
PATIENCE = 0.15

Order = Callable[[str], Registry]


@pytest.fixture
def order() -> Iterator[Order]:
    """A registry with the faults of a spec; a test may order others in turn."""
    with Registry([MODEL]) as registry:

        def set_faults(spec: str) -> Registry:
            registry.faults = spec
            return registry

        yield set_faults


def ranged(
    registry: Registry, patience: float = LONG, *, after: int | None = None, enough: int | None = None
) -> Answer:
    return ask(resolve(registry, "library/tiny", BLOB), SPAN, patience, after=after, enough=enough)


def manifest(registry: Registry) -> Answer:
    url = f"{registry.url}/v2/library/tiny/manifests/latest"
    return ask(url, headers={"Accept": MANIFEST_TYPE})


def test_without_faults_all_is_well(order: Order) -> None:
    answer = ranged(order(""))
    assert (answer.status, answer.ending, answer.body) == (206, Ending.COMPLETE, RIGHT)


def test_mute_sends_nothing(order: Order) -> None:
    answer = ranged(order("mute"), PATIENCE)
    assert (answer.ending, answer.raw) == (Ending.SILENT, b"")


@pytest.mark.parametrize(("value", "size"), [("", 0), ("@0", 0), ("@100KB", 100 * KB)])
def test_stall_sends_headers_and_so_many_bytes(order: Order, value: str, size: int) -> None:
    answer = ranged(order("stall" + value), PATIENCE, after=size)
    assert (answer.status, answer.ending) == (206, Ending.SILENT)
    assert answer.body == RIGHT[:size]


def test_a_stalled_connection_ends_when_the_client_goes(order: Order) -> None:
    registry = order("stall")
    ranged(registry, PATIENCE)
    registry.counters.wait_for(lambda counters: counters.open_now() == 0)


def test_quiet_goes_on_after_a_while(order: Order) -> None:
    registry = order("quiet@200ms")
    answer = ranged(registry)
    assert (answer.body, answer.ending) == (RIGHT, Ending.COMPLETE)
    registry.counters.wait_for(lambda counters: counters.open_now() == 0)
    record = registry.counters.ranges(BLOB.digest)[0]
    assert record.ended is not None
    assert record.ended - record.started >= 0.2


def test_trickle_goes_on_a_byte_a_second(order: Order) -> None:
    began = time.monotonic()
    answer = ranged(order("trickle@100KB"), enough=100 * KB + 2)
    assert answer.body == RIGHT[: 100 * KB + 2]
    assert time.monotonic() - began >= 1.0


@pytest.mark.parametrize(("value", "size"), [("", 0), ("@1MB", MB)])
def test_reset_after_so_many_bytes(order: Order, value: str, size: int) -> None:
    answer = ranged(order("reset" + value))
    assert answer.ending is Ending.RESET
    assert answer.body == RIGHT[:size]


@pytest.mark.parametrize(("value", "size"), [("", MB), ("@0", 0), ("@300KB", 300 * KB)])
def test_short_promises_more_than_it_sends(order: Order, value: str, size: int) -> None:
    answer = ranged(order("short" + value))
    assert answer.ending is Ending.CLOSED
    assert answer.get("content-length") == str(2 * MB)
    assert answer.body == RIGHT[:size]


def test_long_sends_more_than_asked(order: Order) -> None:
    registry = order("long@5KB")
    answer = ranged(registry)
    assert answer.get("content-range") == f"bytes 1000000-2999999/{8 * MB}"
    assert len(answer.body) == 2 * MB + 5 * KB
    assert answer.body[: 2 * MB] == RIGHT
    assert registry.counters.bytes_sent(BLOB.digest) == 2 * MB + 5 * KB
    assert registry.counters.sent(BLOB.digest) == [SPAN]


def test_close_sends_nothing_and_closes(order: Order) -> None:
    answer = ranged(order("close"))
    assert (answer.ending, answer.raw) == (Ending.CLOSED, b"")


def test_garbage_is_not_http(order: Order) -> None:
    answer = ranged(order("garbage"))
    assert (answer.status, answer.ending) == (0, Ending.CLOSED)
    assert answer.raw.startswith(b"SSH-2.0-")


@pytest.mark.parametrize("place", ["blob", "resolve", "manifest"])
def test_html_is_a_page_in_place_of_the_answer(order: Order, place: str) -> None:
    registry = order(f"{place}:html")
    if place == "manifest":
        answer = manifest(registry)
    else:
        answer = ranged(registry) if place == "blob" else ask(registry.url + PATH)
    assert (answer.status, answer.get("content-type"), answer.body) == (200, "text/html", HTML)
    assert registry.counters.sent(BLOB.digest) == []


@pytest.mark.parametrize("status", [403, 404, 410, 425, 429, 500, 502, 503, 504, 599])
def test_statuses(order: Order, status: int) -> None:
    registry = order(f"{status}*1")
    answer = ranged(registry)
    assert (answer.status, answer.ending) == (status, Ending.COMPLETE)
    assert b'"errors"' in answer.body
    assert answer.get("retry-after") == ""
    assert registry.counters.sent(BLOB.digest) == []
    assert ranged(registry).body == RIGHT
    assert registry.counters.faults() == {f"{status}*1": 1}


def test_other_places_have_statuses_too(order: Order) -> None:
    registry = order("manifest:503*1,resolve:500*1")
    assert [manifest(registry).status, manifest(registry).status] == [503, 200]
    assert [ask(registry.url + PATH).status, ask(registry.url + PATH).status] == [500, 307]


@pytest.mark.parametrize("status", [429, 503])
def test_a_burst_says_when_to_come_back_and_ends(order: Order, status: int) -> None:
    registry = order(f"{status}@250ms")
    first = ranged(registry)
    assert (first.status, first.get("retry-after")) == (status, "1")
    while (answer := ranged(registry)).status != 206:
        assert answer.status == status
    records = registry.counters.ranges(BLOB.digest)
    assert records[-1].started - records[0].started >= 0.2


def test_retry_after_as_ordered(order: Order) -> None:
    assert ranged(order("503,retry-after@7s")).get("retry-after") == "7"
    assert ranged(order("503@9s,retry-after@0s")).get("retry-after") == ""
    date = ranged(order("429,retry-after-date@100s")).get("retry-after")
    assert 90 < email.utils.parsedate_to_datetime(date).timestamp() - time.time() < 110


def test_norange_sends_everything(order: Order) -> None:
    registry = order("norange")
    answer = ranged(registry)
    assert (answer.status, answer.get("content-range"), answer.ending) == (200, "", Ending.COMPLETE)
    assert answer.body == BLOB.read(0, BLOB.size)
    assert registry.counters.sent(BLOB.digest) == [(0, BLOB.size)]


WRONG = {
    "start": ["bytes 1004096-3004095/8000000"],
    "total": ["bytes 1000000-2999999/8000001"],
    "end": ["bytes 1000000-3000000/8000000"],
    "missing": [],
    "double": ["bytes 1000000-2999999/8000000", "bytes 0-1999999/8000000"],
    "unit": ["items 1000000-2999999/8000000"],
    "shorter": ["bytes 1000000-1999999/8000000"],
}


@pytest.mark.parametrize(("mode", "said"), WRONG.items())
def test_wrong_ranges(order: Order, mode: str, said: list[str]) -> None:
    answer = ranged(order(f"wrongrange@{mode}"))
    assert (answer.status, answer.all("content-range"), answer.ending) == (206, said, Ending.COMPLETE)
    right = {"start": BLOB.read(MB + 4096, 2 * MB), "shorter": RIGHT[:MB]}.get(mode, RIGHT)
    assert answer.body == right


def test_wrong_ranges_take_turns(order: Order) -> None:
    registry = order("wrongrange")
    said = [ranged(registry).all("content-range") for _ in range(4)]
    assert said == [WRONG["start"], WRONG["total"], WRONG["end"], WRONG["start"]]


def test_gzip_compresses_unasked(order: Order) -> None:
    answer = ranged(order("gzip"))
    assert (answer.get("content-encoding"), answer.get("content-length")) == ("gzip", "")
    assert gzip.decompress(dechunked(answer.body)) == RIGHT


def test_chunked_and_nolength_are_right_but_do_not_say_how_much(order: Order) -> None:
    chunked = ranged(order("chunked"))
    assert (chunked.get("transfer-encoding"), chunked.get("content-length")) == ("chunked", "")
    assert dechunked(chunked.body) == RIGHT
    without = ranged(order("nolength"))
    assert (without.get("transfer-encoding"), without.get("content-length")) == ("", "")
    assert (without.body, without.ending) == (RIGHT, Ending.CLOSED)


def dechunked(raw: bytes) -> bytes:
    """The body in a chunked one, which must end with the empty chunk and nothing after it."""
    body = b""
    while True:
        size, _, raw = raw.partition(b"\r\n")
        length = int(size, 16)
        body, end, raw = body + raw[:length], raw[length : length + 2], raw[length + 2 :]
        assert end == b"\r\n"
        if length == 0:
            assert raw == b""
            return body


def flipped_bits(body: bytes, right: bytes) -> int:
    return (int.from_bytes(body, "big") ^ int.from_bytes(right, "big")).bit_count()


def test_flip_is_one_bit_here_and_there(order: Order) -> None:
    registry = order("flip=1/2")
    bodies = [ranged(registry).body for _ in range(6)]
    assert sorted(flipped_bits(body, RIGHT) for body in bodies) == [0, 0, 0, 1, 1, 1]
    assert len(set(bodies)) == 4


def test_flip_goes_with_others(order: Order) -> None:
    registry = order("flip,stall@1999999")
    body = ranged(registry, PATIENCE, after=1_999_999).body
    assert len(body) == 1_999_999
    assert flipped_bits(body, RIGHT[:-1]) == 1
    assert registry.counters.faults() == {"stall@1999999": 1, "flip": 1}


def test_damage_is_at_the_server(order: Order) -> None:
    registry = order("damage@2MB")
    expected = RIGHT[:MB] + bytes([RIGHT[MB] ^ 1]) + RIGHT[MB + 1 :]
    assert [ranged(registry).body == expected for _ in range(3)] == [True] * 3
    assert manifest(registry).body == MODEL.manifest


def test_urls_expire(order: Order) -> None:
    registry = order("expire@50ms")
    url = resolve(registry, "library/tiny", BLOB)
    while (expired := ask(url, SPAN)).status == 206:
        assert expired.body == RIGHT
    assert (expired.status, b"expired" in expired.body) == (403, True)
    assert registry.counters.faults() == {"expire": 1}
    assert registry.counters.bytes_sent(BLOB.digest) % len(RIGHT) == len(expired.body)
    assert ranged(order("expire@1m")).body == RIGHT


def started(number: int, url: str) -> list[threading.Thread]:
    """Threads that each ask for the range, begun."""
    threads = [threading.Thread(target=ask, args=(url, SPAN)) for _ in range(number)]
    for thread in threads:
        thread.start()
    return threads


def test_a_ceiling_of_connections(order: Order) -> None:
    registry = order("max@2,stall")
    url = resolve(registry, "library/tiny", BLOB)
    threads = started(2, url)
    registry.counters.wait_for(lambda counters: counters.open_now() == 2)
    refused = ask(url, SPAN)
    assert (refused.status, refused.get("retry-after")) == (429, "1")
    registry.reset_connections()
    for thread in threads:
        thread.join()
    registry.faults = "max@2"
    assert ask(url, SPAN).body == RIGHT


@pytest.mark.parametrize("spec", ["rate@10MB/s", "link@10MB/s", "slow@10MB/s"])
def test_rates_are_kept(order: Order, spec: str) -> None:
    began = time.monotonic()
    answer = ranged(order(spec))
    assert answer.body == RIGHT
    assert time.monotonic() - began >= 0.15


def test_the_link_is_shared_and_a_rate_is_not(order: Order) -> None:
    def seconds(number: int, spec: str) -> float:
        url = resolve(order(spec), "library/tiny", BLOB)
        began = time.monotonic()
        for thread in started(number, url):
            thread.join()
        return time.monotonic() - began

    assert seconds(4, "link@20MB/s") >= 0.35
    # Sharing would take 8 s, each for itself takes one.
    assert seconds(8, "rate@2MB/s") < 6


def test_ttfb_delays_the_first_byte(order: Order) -> None:
    answer = ranged(order("ttfb@150ms"))
    assert answer.body == RIGHT
    assert answer.first_byte >= 0.14


def test_etags_change(order: Order) -> None:
    registry = order("etag")
    assert [ranged(registry).get("etag") for _ in range(2)] == ['"other-1"', '"other-2"']


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_statuses(order: Order, status: int) -> None:
    answer = ask(order(f"redirect@{status}").url + PATH)
    assert answer.status == status
    assert answer.get("location").startswith("http://localhost:")


def test_redirects_in_a_row_in_a_circle_and_to_nowhere(order: Order) -> None:
    registry = order("hops@3")
    targets = [registry.url + PATH]
    for _ in range(3):
        targets.append(ask(targets[-1]).get("location"))
    assert [target.startswith(registry.url) for target in targets] == [True, True, True, False]
    assert ask(targets[-1], SPAN).body == RIGHT
    order("loop")
    target = registry.url + PATH
    for _ in range(15):
        target = ask(target).get("location")
    assert target.startswith(registry.url)
    assert ask(order("nolocation").url + PATH).all("location") == []
    assert ask(order("location@ftp://a/b").url + PATH).get("location") == "ftp://a/b"


def test_noredirect_sends_ranges_from_the_registry(order: Order) -> None:
    registry = order("noredirect,stall*1")
    assert ask(registry.url + PATH, SPAN, PATIENCE).ending is Ending.SILENT
    assert ask(registry.url + PATH, SPAN).body == RIGHT
    assert [record.host for record in registry.counters.ranges(BLOB.digest)] == ["registry"] * 2


def test_offline_comes_and_goes_by_itself(order: Order) -> None:
    registry = order("stall@1000")
    answers: list[Answer] = []
    stalled = threading.Thread(target=lambda: answers.append(ranged(registry)))
    stalled.start()
    registry.counters.wait_for(lambda counters: counters.bytes_sent() == 1000)
    began = time.monotonic()
    registry.faults = "offline@0s-500ms"
    stalled.join()
    assert answers[0].ending is Ending.RESET
    refused = 0
    while True:
        try:
            assert ranged(registry).body == RIGHT
            break
        except (httpx.ConnectError, ConnectionRefusedError):
            refused += 1
    assert refused > 0
    assert time.monotonic() - began >= 0.5


def test_an_outage_waits_for_the_first_request_for_a_blob(order: Order) -> None:
    registry = order("outage@0s-100s,stall@1000")
    url = resolve(registry, "library/tiny", BLOB)
    assert ask(url, SPAN).ending is Ending.RESET
    with pytest.raises((httpx.ConnectError, ConnectionRefusedError)):
        resolve(registry, "library/tiny", BLOB)


def test_a_new_plan_ends_being_offline(order: Order) -> None:
    registry = order("offline@0s-100s")
    registry.faults = ""
    assert ask(registry.url + "/v2/").status == 200
