"""The details: what there is to know about a pull and its blob."""

from __future__ import annotations

from msgspec.structs import replace
from pulltui.engine.views import BlobState, BlobView, EngineView, PullState, PullView
from pulltui.ui.draw.detail import KEYS, Look
from pulltui.ui.draw.facts import fact_lines, facts
from pulltui.ui.glyphs import UNICODE
from pulltui.ui.words import pull_words
from rich.cells import cell_len
from support.scenes import GB, MB, busy_blob, busy_pull, digest, pull, view

LOOK = Look(UNICODE, KEYS)


def told(shown: PullView, blob: BlobView | None, scene: EngineView | None = None) -> dict[str, str]:
    return {fact.label: fact.value for fact in facts(scene or view(shown), shown, blob)}


def test_all_that_was_promised_is_there() -> None:
    blob = replace(
        busy_blob(),
        source="cdn.example",
        received=6 * GB,
        retries=4,
        stalls=1,
        fetched_again=12 * MB,
    )
    shown = replace(busy_pull(), seconds=192.0, blobs=(blob, *busy_pull().blobs[1:]))
    found = told(shown, blob)
    assert found["digest"] == blob.digest
    assert found["type"] == "application/vnd.ollama.image.model"
    assert found["registry"] == "registry.ollama.ai"
    assert found["source"] == "cdn.example"
    assert found["elapsed"] == "3m12s since this start, 31.2 MB/s on average"
    assert found["trouble"] == "4 retries, 1 stall"
    assert found["again"] == "12.0 MB fetched a second time"
    assert found["hashed"] == "64%, 12.1 GB so far"
    assert found["goes to"] == "/home/ada/.ollama/models/blobs"
    assert found["parts"] == "125 of 188 so far, 15 connections"
    assert found["connections"] == "settled at 16 (+94% over 8)"
    assert found["needs"].endswith("GB more, 212 GB are free")


def test_what_comes_for_two_pulls_is_no_average_of_one() -> None:
    blob = replace(busy_blob(), received=6 * GB)
    mine = replace(busy_pull(), seconds=191.2, blobs=(blob,))
    other = replace(mine, id="other")
    assert "on average" in told(mine, blob)["elapsed"]
    assert told(mine, blob, view(mine, other))["elapsed"] == "3m12s since this start"


def test_a_time_is_the_same_in_the_list_and_in_the_details() -> None:
    done = pull(8, "m", PullState.DONE, GB, GB, seconds=4.2, cached=GB)
    assert pull_words(done, 40)[0] == f"done in {told(done, None)['elapsed']}" == "done in 5 s"


def test_what_is_done_is_somewhere_and_needs_nothing() -> None:
    shown = pull(8, "m", PullState.DONE, GB, GB)
    found = told(shown, shown.blobs[0])
    assert found["is in"] == "/home/ada/.ollama/models/blobs"
    assert not {"goes to", "needs", "cap", "hashed"} & set(found)


def test_a_verified_blob_of_an_unfinished_pull_is_not_there_yet() -> None:
    blob = replace(busy_blob(), state=BlobState.VERIFIED)
    assert "goes to" in told(busy_pull(), blob)
    assert "is in" in told(busy_pull(), replace(blob, state=BlobState.CACHED))


def test_caps_say_whose_they_are() -> None:
    capped = replace(busy_pull(), limit=5e6)
    scene = replace(view(capped), limit=2e7, limit_why="set by hand")
    assert told(capped, None, scene)["cap"] == "5.00 MB/s for this pull, 20.0 MB/s for all (set by hand)"
    assert told(busy_pull(), None)["cap"] == "none"
    paused = replace(view(), limit=0.0, limit_why="schedule: 22:00 to 07:00")
    assert told(busy_pull(), None, paused)["cap"] == "everything is paused (schedule: 22:00 to 07:00)"


def test_plain_http_is_said() -> None:
    assert told(replace(busy_pull(), insecure=True), None)["registry"].endswith("by plain http")


def test_a_pull_without_blobs_has_a_name_and_a_registry() -> None:
    found = told(pull(1, "m", PullState.RESOLVING, 0, 0), None)
    assert found["pull"] == "m" and "digest" not in found


def test_lines_fit_and_a_long_value_keeps_both_ends() -> None:
    found = facts(view(busy_pull()), busy_pull(), busy_blob())
    for width in (40, 60, 80, 120):
        lines = fact_lines(found, width, 20, LOOK)
        assert all(cell_len(line.text) <= width for line in lines)
    (line,) = [line.text for line in fact_lines(found, 45, 20, LOOK) if "digest" in line.text]
    assert "sha256:9e" in line and "…" in line and line.rstrip().endswith(digest(1)[-8:])


def test_two_columns_when_there_is_width_but_no_height() -> None:
    found = facts(view(busy_pull()), busy_pull(), busy_blob())
    lines = [line.text for line in fact_lines(found, 120, 6, LOOK)]
    assert len(lines) == 6 and "pull" in lines[0]
    text = "\n".join(lines)
    assert all(fact.label in text for fact in found[:12])
    assert len(fact_lines(found, 60, 6, LOOK)) == 6


def test_a_pause_says_that_what_is_there_is_read_again() -> None:
    blob = replace(busy_blob(), state=BlobState.PAUSED, hashed=0)
    assert told(busy_pull(), blob)["hashed"] == "read again when it goes on"


def test_what_was_taken_over_is_counted() -> None:
    assert told(busy_pull(), replace(busy_blob(), received=5, takeovers=6))["trouble"].endswith(
        "6 taken over"
    )


def test_what_pulls_share_is_said() -> None:
    other = replace(busy_pull(), id="other")
    found = told(busy_pull(), None, view(busy_pull(), other))
    assert found["shared"] == "18.7 GB are another pull's, too" and "shared" not in told(busy_pull(), None)


def test_a_total_is_whole_beside_what_was_here_before() -> None:
    found = told(replace(busy_pull(), cached=796), None)
    assert found["here"] == "13.5 GB of 18.7 GB, 5 blobs" and found["before"] == "796 B were here already"


def test_a_path_is_told_in_full() -> None:
    directory = "/tmp/pulltui-demo-x5l7v5kz/" + "models/" * 12
    scene = replace(view(busy_pull()), models_dir=directory + "end")
    lines = [line.text for line in fact_lines(facts(scene, busy_pull(), busy_blob()), 46, 40, LOOK)]
    at = next(number for number, line in enumerate(lines) if "goes to" in line)
    joined = "".join(line[12:].strip() for line in lines[at : at + 6])
    assert directory + "end/blobs" in joined


def test_what_there_is_no_room_for_is_counted() -> None:
    found = facts(view(busy_pull()), busy_pull(), busy_blob())
    for height in range(1, 30):
        lines = [line.text for line in fact_lines(found, 60, height, LOOK)]
        assert len(lines) <= height
        assert ("more: enter makes room" in lines[-1]) == (height < len(found) + 1) or len(lines) == height
