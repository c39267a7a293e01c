"""What is said about a pull in every state: what happens, why, and what to do."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from pulltui.engine.views import BlobState, EngineView, PartialView, PullState, PullView, Waiting
from pulltui.ui.draw.detail import Look, nothing_lines, status, status_lines
from pulltui.ui.glyphs import UNICODE
from support.scenes import GB, busy_blob, busy_pull, digest, failed_pull, pull, view


def said(shown: PullView, *others: PullView, **changes: object) -> str:
    scene = replace(view(shown, *others), **changes)
    blob = shown.blobs[0] if shown.blobs else None
    return "\n".join(sentence.text for sentence in status(scene, shown, blob, {}))


def waiting(kind: str, why: str, seconds: float | None, **more: object) -> PullView:
    given = Waiting(why, seconds, kind)
    return replace(pull(1, "m", PullState.WAITING, 10 * GB, 4 * GB, waiting=given), **more)


def test_bytes_that_just_come_need_no_words() -> None:
    assert said(busy_pull()) == ""


@pytest.mark.parametrize("state", [state for state in PullState if state is not PullState.DOWNLOADING])
def test_every_other_state_has_some(state: PullState) -> None:
    assert said(pull(1, "m", state, 1000, 500))


def test_a_failure_is_told_in_full_with_what_to_do() -> None:
    assert said(failed_pull()).splitlines() == [
        "phi4:14b: registry.ollama.ai refused blob 8b1f0a2c at part 83 (403 Forbidden)",
        "The registry may want a login.",
        "r tries again; 8.30 GB are kept.",
    ]


def test_a_name_that_the_error_says_is_not_said_twice() -> None:
    error = "registry.ollama.ai has no manifest of phi4:14b (404)"
    assert said(replace(failed_pull(), error=error)).startswith(error)


def test_offline_has_a_countdown_and_goes_on_by_itself() -> None:
    text = said(waiting("offline", "connection refused by registry.ollama.ai", 6.4))
    assert text.splitlines() == [
        "connection refused by registry.ollama.ai, next try in 7 s",
        "It goes on by itself as soon as registry.ollama.ai answers. r tries now; 4.00 GB are kept.",
    ]


def test_a_busy_server_is_nobodys_fault() -> None:
    text = said(waiting("busy", "registry busy (503)", 6.4))
    assert "registry busy (503), next try in 7 s" in text
    assert "costs no retry" in text


def test_a_full_disk_says_what_is_missing_and_what_to_do() -> None:
    text = said(waiting("no-space", "6.6 GB are needed, 2.1 GB free on /home", None, hint="Free some space."))
    assert text.startswith("no space: 6.6 GB are needed, 2.1 GB free on /home\nFree some space. r tries now")


def test_quiet_hours_say_until_when() -> None:
    text = said(waiting("schedule", "schedule: 22:00 to 07:00", 8040.0))
    assert text == "held by the schedule: 22:00 to 07:00, goes on in 2h14m"


def test_a_pause_says_what_is_kept_and_how_it_goes_on() -> None:
    text = said(pull(1, "m", PullState.PAUSED, 10 * GB, 4 * GB))
    assert text == "paused: 4.00 GB of 10.0 GB are kept. p goes on."


def test_a_queued_pull_knows_its_place() -> None:
    shown = pull(3, "m", PullState.QUEUED, GB, 0)
    scene = view(busy_pull(), pull(2, "n", PullState.QUEUED, GB, 0), shown)
    (sentence,) = status(scene, shown, None, {})
    assert sentence.text == "queued: 1 pull before it, 1 under way; ! puts it first"


def test_what_is_done_says_where_it_is_and_how_to_use_it() -> None:
    text = said(pull(1, "llama3.2:3b", PullState.DONE, 2 * GB, 2 * GB, seconds=31.0))
    assert text.splitlines() == [
        "done: 2.00 GB, verified in 31 s",
        "It is in /home/ada/.ollama/models. To use it: ollama run llama3.2:3b",
    ]


def test_what_a_demo_has_fetched_is_said_to_go_with_it() -> None:
    done = pull(1, "harbor:latest", PullState.DONE, GB, GB)
    scene = replace(view(done), models_dir="/tmp/pulltui-demo-x1/models")
    *_, sentence = status(scene, done, None, {})
    assert sentence.text == "It is in /tmp/pulltui-demo-x1/models, which is deleted when the demo ends."


def test_what_was_there_before_was_not_fetched() -> None:
    text = said(replace(pull(1, "m", PullState.DONE, 2 * GB, 2 * GB), cached=2 * GB, size=2 * GB))
    assert text.startswith("done: all 2.00 GB were here already")


def test_the_cap_that_holds_a_pull_back_is_named() -> None:
    capped = replace(busy_pull(), capped=True, limit=5e6)
    text = said(capped, limit=2e7, limit_why="settings")
    assert text == "held by the cap: 5.00 MB/s for this pull, 20.0 MB/s for all (settings)"


def test_one_stream_and_notes_are_told() -> None:
    blob = replace(busy_blob(), single_stream=True, note="the digest came out wrong: one pass more")
    text = "\n".join(each.text for each in status(view(busy_pull()), busy_pull(), blob, {}))
    assert "the server knows no ranges" in text and "one pass more" in text


def test_a_blob_that_is_verified_while_others_come_says_so() -> None:
    blob = replace(busy_blob(), state=BlobState.VERIFYING)
    (sentence,) = status(view(busy_pull()), busy_pull(), blob, {})
    assert "digest is checked" in sentence.text


def test_sentences_name_the_keys_that_are_configured() -> None:
    keys = {"retry": "f5", "pause": "x"}
    assert "f5 tries again" in "".join(s.text for s in status(EngineView(), failed_pull(), None, keys))
    paused = pull(1, "m", PullState.PAUSED, 10, 5)
    assert "the action pause goes on" in "".join(
        s.text for s in status(EngineView(), paused, None, {"retry": "r"})
    )


def test_a_click_on_a_sentence_does_what_it_says() -> None:
    actions = [sentence.action for sentence in status(EngineView(), failed_pull(), None, {})]
    assert actions == ["", "", "retry"]
    lines = status_lines(status(EngineView(), failed_pull(), None, {}), 60, 9, UNICODE)
    assert lines[-1].action_at(3) == "retry"


def test_an_empty_queue_says_what_to_do() -> None:
    text = "\n".join(line.text.strip() for line in nothing_lines(view(), 100, 5, Look(UNICODE, {})))
    assert text.splitlines() == [
        "Nothing queued.",
        "Press a and type a name, for example llama3.2:3b or hf.co/owner/model:Q4_K_M. Or paste one.",
        "Models go to /home/ada/.ollama/models",
        "Stop whenever you like: the next start goes on from what is on disk.",
        "? shows all keys.",
    ]


def test_what_ollama_has_begun_is_offered() -> None:
    found = tuple(PartialView(digest(n), 20 * GB, 15 * GB, 60.0, "ollama") for n in (1, 2))
    lines = nothing_lines(replace(view(), adoptable=found), 100, 20, Look(UNICODE, {"adopt": "O"}))
    (offer,) = [line for line in lines if "Ollama" in line.text]
    assert offer.text.strip() == "Ollama has left 2 unfinished downloads here (30.0 GB): O takes over."
    assert offer.action_at(5) == "adopt"


def test_a_filter_that_hides_all_is_told_from_an_empty_queue() -> None:
    (line,) = nothing_lines(view(busy_pull()), 100, 1, Look(UNICODE, {}))
    assert "1 pull under other tabs or filters" in line.text


def test_the_first_sentences_are_told_in_full_and_the_last_one_still_shows() -> None:
    lines = [line.text for line in status_lines(status(view(), failed_pull(), None, {}), 45, 4, UNICODE)]
    assert len(lines) == 4
    assert lines[1].rstrip().endswith("(403 Forbidden)")
    assert lines[3].strip() == "r tries again; 8.30 GB are kept."
