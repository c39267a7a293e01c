import contextlib
import hashlib
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from pulltui.demo import Counters, Record, Registry
from pulltui.demo.counters import SLOT
from pulltui.demo.models import CONFIG_TYPE, LAYER_TYPE, MANIFEST_TYPE
from support.rawhttp import Ending, ask, resolve
from support.registry import MB, layer, make_model

MODEL = make_model("tiny", 3 * MB, 500, seed=11)
BLOB = layer(MODEL)
ACCEPT = {"Accept": f"application/json, {MANIFEST_TYPE}"}


@pytest.fixture
def registry() -> Iterator[Registry]:
    with Registry([MODEL]) as running:
        yield running


@pytest.fixture
def client(registry: Registry) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=registry.url, trust_env=False) as polite:
        yield polite


def test_a_manifest_as_registries_serve_it(client: httpx.Client) -> None:
    answer = client.get("/v2/library/tiny/manifests/latest", headers=ACCEPT)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == MANIFEST_TYPE
    assert answer.headers["docker-content-digest"] == "sha256:" + hashlib.sha256(answer.content).hexdigest()
    manifest = json.loads(answer.content)
    assert manifest["mediaType"] == MANIFEST_TYPE
    assert manifest["config"]["mediaType"] == CONFIG_TYPE
    kinds = [described["mediaType"].removeprefix(LAYER_TYPE) for described in manifest["layers"]]
    assert kinds == ["model", "projector", "license"]
    for described in [manifest["config"], *manifest["layers"]]:
        blob = client.get(f"/v2/library/tiny/blobs/{described['digest']}", follow_redirects=True).content
        assert len(blob) == described["size"]
        assert "sha256:" + hashlib.sha256(blob).hexdigest() == described["digest"]


def test_a_manifest_needs_its_accept_header(client: httpx.Client) -> None:
    answer = client.get("/v2/library/tiny/manifests/latest")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "MANIFEST_INVALID"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/v2/library/tiny/manifests/other", "MANIFEST_UNKNOWN"),
        ("/v2/library/other/manifests/latest", "MANIFEST_UNKNOWN"),
        ("/v2/library/tiny/blobs/sha256:" + "0" * 64, "BLOB_UNKNOWN"),
        (f"/v2/library/other/blobs/{BLOB.digest}", "BLOB_UNKNOWN"),
        ("/elsewhere", "NOT_FOUND"),
    ],
)
def test_what_is_not_there_is_said_in_json(client: httpx.Client, path: str, code: str) -> None:
    answer = client.get(path, headers=ACCEPT)
    assert answer.status_code == 404
    assert [set(error) for error in answer.json()["errors"]] == [{"code", "message"}]
    assert answer.json()["errors"][0]["code"] == code


def test_blobs_come_from_the_second_host_by_a_signed_url(registry: Registry) -> None:
    url = resolve(registry, "library/tiny", BLOB)
    assert urlsplit(url).hostname == "localhost"
    assert urlsplit(url).port != urlsplit(registry.url).port
    answer = ask(url, (1000, 2_000_000))
    assert (answer.status, answer.ending) == (206, Ending.COMPLETE)
    assert answer.body == BLOB.read(1000, 1_999_000)
    assert answer.get("Content-Range".lower()) == f"bytes 1000-1999999/{BLOB.size}"
    assert answer.get("etag") == f'"{BLOB.digest}"'
    assert answer.get("docker-content-digest") == BLOB.digest
    assert ask(url + "0").status == 403
    assert ask(url.replace(BLOB.digest[7:], layer(MODEL, 1).digest[7:])).status == 403


def test_both_loopback_addresses_answer(registry: Registry) -> None:
    for url in (registry.url, registry.cdn_url):
        families = [socket.AF_INET]
        with socket.socket(socket.AF_INET6) as probe:
            if probe.connect_ex(("::1", urlsplit(url).port or 0)) == 0:
                families.append(socket.AF_INET6)
        for family in families:
            host = "127.0.0.1" if family is socket.AF_INET else "[::1]"
            assert ask(f"http://{host}:{urlsplit(url).port}/v2/").status in {200, 404}


@pytest.mark.parametrize(
    ("span", "status", "body"),
    [
        (None, 200, (0, 3 * MB)),
        ("bytes=0-0", 206, (0, 1)),
        ("bytes=2999990-", 206, (2_999_990, 3 * MB)),
        ("bytes=2999990-5000000", 206, (2_999_990, 3 * MB)),
        ("bytes=-7", 206, (3 * MB - 7, 3 * MB)),
        ("bytes=3000000-", 416, (0, 0)),
        ("bytes=0-1,5-6", 200, (0, 3 * MB)),
        ("pages=0-1", 200, (0, 3 * MB)),
    ],
)
def test_ranges(
    registry: Registry, client: httpx.Client, span: str | None, status: int, body: tuple[int, int]
) -> None:
    registry.faults = "noredirect"
    headers = {} if span is None else {"Range": span}
    answer = client.get(f"/v2/library/tiny/blobs/{BLOB.digest}", headers=headers)
    assert answer.status_code == status
    assert answer.content == BLOB.read(body[0], body[1] - body[0])
    expected = {206: f"bytes {body[0]}-{body[1] - 1}/3000000", 416: "bytes */3000000"}
    assert answer.headers.get("content-range") == expected.get(status)


def test_head_says_the_same_without_a_body(registry: Registry) -> None:
    answer = ask(resolve(registry, "library/tiny", BLOB), method="HEAD")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.get("content-length") == str(BLOB.size)


def test_connections_are_kept_alive(registry: Registry, client: httpx.Client) -> None:
    for _ in range(3):
        client.get(f"/v2/library/tiny/blobs/{BLOB.digest}", follow_redirects=True)
    # One to each host.
    assert registry.counters.connections == 2


def test_everything_is_counted(registry: Registry) -> None:
    url = resolve(registry, "library/tiny", BLOB)
    ask(url, (0, 1000))
    mark = registry.counters.mark()
    ask(url, (500, 2000))
    ask(url)
    registry.counters.wait_for(lambda counters: counters.open_now() == 0)
    counters = registry.counters
    assert [(record.start, record.stop) for record in counters.ranges(BLOB.digest)] == [
        (0, 1000),
        (500, 2000),
        (0, 3 * MB),
    ]
    assert [record.ranged for record in counters.ranges(BLOB.digest)] == [True, True, False]
    assert counters.bytes_sent(BLOB.digest) == 3 * MB + 2500
    assert counters.sent(BLOB.digest) == [(0, 3 * MB)]
    assert counters.twice(BLOB.digest) == [(0, 2000)]
    assert counters.sent_twice(BLOB.digest) == 2500
    assert counters.asked_again(BLOB.digest, [(1900, 2100)], since=mark) == [(1900, 2100)]
    assert counters.asked_again(BLOB.digest, [(0, 10)], since=mark + 2) == []
    last = counters.ranges(BLOB.digest)[-1]
    assert last.ended is not None
    assert last.ended >= last.started
    assert last.headers["host"] == urlsplit(url).netloc
    assert json.loads(json.dumps(counters.dump()))["requests"] == {"resolve": 1, "blob": 3}


def test_what_went_out_is_counted_by_the_time_it_did() -> None:
    now = 100.0
    counters = Counters(lambda: now)
    right = Record(0, 1, "cdn", "blob", "GET", "/", {}, "sha256:ab", first=0, last=900, status=206)
    for record, moment in ((right, 100.01), (right, 100.02), (right, 100.13), (replace(right, last=0), 101)):
        now = moment

        def push() -> int:
            nonlocal now
            now += 0.25  # what is counted late is no later on the wire
            return 300

        assert counters.send(record, push) == 300
    assert counters.flow("sha256:ab") == {0: 600, 2: 300}
    assert counters.flow("sha256:cd") == {}
    dump = json.loads(json.dumps(counters.dump()))
    assert dump["flow"] == {"sha256:ab": [[0, 600], [2, 300]]}
    assert (dump["slot"], dump["origin"], dump["now"]) == (SLOT, 100.0, 1.25)


def test_hooks_hear_of_each_range_before_it_is_answered(registry: Registry) -> None:
    heard: list[Record] = []
    registry.on_range(heard.append)
    url = resolve(registry, "library/tiny", BLOB)
    ask(url, (5, 10))
    assert [(record.start, record.stop, record.host) for record in heard] == [(5, 10, "cdn")]


def test_waiting_for_what_never_happens_ends_with_the_figures(registry: Registry) -> None:
    ask(registry.url + "/v2/")
    with pytest.raises(TimeoutError, match="'connections': 1"):
        registry.counters.wait_for(lambda counters: counters.connections == 2, timeout=0.05)


def test_offline_resets_and_refuses_and_comes_back_at_the_same_port(registry: Registry) -> None:
    registry.faults = "stall@1000"
    url = resolve(registry, "library/tiny", BLOB)
    endings: list[Ending] = []
    stalled = threading.Thread(target=lambda: endings.append(ask(url, (0, 5000)).ending))
    stalled.start()
    registry.counters.wait_for(lambda counters: counters.bytes_sent() >= 1000)
    registry.go_offline()
    stalled.join()
    assert endings == [Ending.RESET]
    for port in (registry.url, registry.cdn_url):
        with pytest.raises(httpx.ConnectError):
            httpx.get(port, trust_env=False)
    registry.go_online()
    registry.faults = ""
    assert ask(url, (0, 5000)).ending is Ending.COMPLETE


def test_models_can_be_added_while_it_runs(registry: Registry, client: httpx.Client) -> None:
    name = registry.add(make_model("late", 100, tag="q4"))
    assert name == f"{registry.host}/library/late:q4"
    assert registry.names() == [registry.name("library/tiny"), name]
    assert client.get("/v2/library/late/manifests/q4", headers=ACCEPT).status_code == 200


def open_files() -> set[str]:
    """The numbers of this process's open files and sockets."""
    return {path.name for path in Path("/dev/fd").iterdir()}


def test_stopping_ends_the_thread_and_frees_the_ports() -> None:
    threads, files = set(threading.enumerate()), open_files()
    registry = Registry([MODEL], "mute").start()
    assert not open_files() <= files
    registry.stop()
    registry.stop()
    assert set(threading.enumerate()) <= threads
    # Not by their numbers, which others may be given at any moment.
    assert open_files() <= files


def test_rubbish_closes_the_connection_and_nothing_else(registry: Registry) -> None:
    port = urlsplit(registry.url).port or 0
    for rubbish in (b"\x16\x03\x01\0\0\r\n\r\n", b"GET / HTTP/1.1\r\nno colon\r\n\r\n", b"x" * 100_000):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
            sock.sendall(rubbish)
            with contextlib.suppress(ConnectionResetError):
                assert sock.recv(10) == b""
    assert ask(registry.url + "/v2/").status == 200
    assert ask(registry.url + "/v2/", method="POST").status == 405
