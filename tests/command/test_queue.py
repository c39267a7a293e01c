"""`pulltui status`, `pause`, `resume`, `cancel`, `limit`: on the files, while no pulltui runs."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from pulltui.desk import HELD
from pulltui.engine.history import History, Record
from pulltui.engine.queuefile import Entry, Failure
from pulltui.engine.store import Store
from pulltui_config import load
from pulltui_config.locations import models_dir as find_models_dir
from support.commands import Command
from support.queuefiles import SINCE, Files
from support.registry import KB, layer, make_model


@pytest.fixture
def files(here: Command, tmp_path: Path) -> Files:
    """In the home of `here`, for its usual models directory."""
    return Files(find_models_dir(load(None).settings, os.environ, tmp_path))


@pytest.fixture
def three(files: Files) -> Files:
    """alpha is paused, beta waits with a cap and 150 of its 250 KB, gamma has failed."""
    beta = make_model("beta", 250 * KB)
    files.begin(beta, 150 * KB)
    failure = Failure(kind="not-found", why="404 from \x1b[31mthere", hint="Check the name.")
    files.save(
        files.entry("alpha", paused=True),
        files.entry("beta", beta, limit=2_000_000.0),
        files.entry("gamma", failure=failure),
    )
    return files


@pytest.fixture
def held(three: Files) -> Iterator[None]:
    """Another holder of the models directory: a lock does not know whose process it is in."""
    other = Store(three.models)
    other.open(SINCE)
    yield
    other.close()


class TestStatus:
    """`pulltui status`."""

    def test_it_shows_every_pull_in_order_with_what_came_of_it(self, three: Files, here: Command) -> None:
        before = {path: path.stat().st_mtime_ns for path in three.models.rglob("*")}
        shown = here("status")
        assert (shown.returncode, shown.stderr) == (0, "")
        assert shown.stdout == (
            "1  alpha:latest  paused       size not known yet\n"
            "2  beta:latest   queued  59%  150 KB of 250 KB    at most 2.00 MB/s\n"
            "3  gamma:latest  failed       size not known yet\n"
            "   404 from �[31mthere\n"
            "   Check the name.\n"
        )
        assert {path: path.stat().st_mtime_ns for path in three.models.rglob("*")} == before

    def test_as_json(self, three: Files, here: Command) -> None:
        shown = json.loads(here("status", "--json").stdout)
        assert {key: shown[key] for key in ("v", "models_dir", "held")} == {
            "v": 1,
            "models_dir": str(three.models),
            "held": None,
        }
        alpha, beta, gamma = shown["pulls"]
        assert alpha == {
            "order": 1,
            "name": "alpha:latest",
            "state": "paused",
            "done": 0,
            "total": None,
            "limit": None,
            "why": "",
            "hint": "",
        }
        size = make_model("beta", 250 * KB).size
        assert (beta["state"], beta["done"], beta["total"], beta["limit"]) == ("queued", 150_000, size, 2e6)
        assert (gamma["state"], gamma["why"], gamma["hint"]) == (
            "failed",
            "404 from �[31mthere",
            "Check the name.",
        )

    def test_blobs_that_are_here_count(self, files: Files, here: Command) -> None:
        model = make_model("alpha", 20 * KB)
        files.save(files.entry("alpha", model))
        files.store.blobs.mkdir(parents=True)
        for digest, blob in model.blobs.items():
            files.store.blob(digest).write_bytes(blob.read(0, blob.size))
        assert "100%" in here("status").stdout

    def test_nothing_in_the_queue_is_one_sentence_and_makes_nothing(
        self, here: Command, tmp_path: Path
    ) -> None:
        shown = here("status", "--models-dir", "else/where")
        assert (shown.returncode, shown.stderr) == (0, "")
        assert shown.stdout == f"Nothing is in the queue for {tmp_path}/else/where.\n"
        assert list(tmp_path.iterdir()) == []

    def test_what_is_done_is_told_when_nothing_else_is_there(self, files: Files, here: Command) -> None:
        files.save()
        done = [Record(f"m{n}", "sha256:0", 2_000_000, 3.0, f"2026-11-2{n}T18:03:05+01:00") for n in range(7)]
        History(files.queue.file.parent).append(done)
        lines = here("status").stdout.splitlines()
        assert lines[0].startswith("Nothing is in the queue")
        assert lines[1] == "done 2026-11-26 18:03  m6  2.00 MB"
        assert len(lines) == 6

    def test_each_models_directory_has_a_queue_of_its_own(
        self, three: Files, here: Command, tmp_path: Path
    ) -> None:
        assert "Nothing" in here("status", "--models-dir", str(tmp_path / "other")).stdout
        assert "alpha" in here("status", "--models-dir", str(three.models)).stdout

    @pytest.mark.usefixtures("held")
    def test_when_another_process_holds_it_that_is_said_last(self, three: Files, here: Command) -> None:
        shown = here("status")
        assert shown.returncode == HELD
        assert "beta:latest   queued or active  59%" in shown.stdout
        assert f"process {os.getpid()} on " in shown.stderr
        assert f"since {SINCE}" in shown.stderr
        as_json = here("status", "--json")
        assert as_json.returncode == HELD
        assert str(os.getpid()) in json.loads(as_json.stdout)["held"]

    def test_a_holder_that_was_killed_is_none(self, three: Files, here: Command) -> None:
        (three.store.work / "lock").write_text('{"Pid":1,"Host":"x","Since":"y"}')
        assert here("status").returncode == 0

    def test_what_can_be_read_of_a_damaged_file_is_shown_with_the_damage(
        self, three: Files, here: Command
    ) -> None:
        damaged = three.queue.file.read_bytes() + b"\n[[pulls]]\nname = "
        three.queue.file.write_bytes(damaged)
        shown = here("status")
        assert "gamma:latest" in shown.stdout
        assert "is damaged" in shown.stderr
        assert three.queue.file.read_bytes() == damaged


class TestChanges:
    """The commands that change the queue."""

    def test_pause_and_resume(self, three: Files, here: Command) -> None:
        told = here("pause", "beta", "alpha")
        assert (told.returncode, told.stdout) == (0, "alpha:latest: paused\nbeta:latest: paused\n")
        assert [entry.paused for entry in three.entries] == [True, True, False]
        told = here("resume", "--all")
        assert told.stdout.count("waits for its turn again") == 3
        assert [(entry.paused, entry.failure) for entry in three.entries] == [(False, None)] * 3

    def test_a_failed_pull_cannot_be_paused(self, three: Files, here: Command) -> None:
        before = three.entries
        told = here("pause", "gamma")
        assert (told.returncode, told.stdout) == (
            0,
            "gamma:latest: has failed, so there is nothing to pause\n",
        )
        assert three.entries == before

    def test_limit_and_unlimited(self, three: Files, here: Command) -> None:
        assert here("limit", "alpha", "500 KB/s").stdout == "alpha:latest: gets at most 500 KB/s\n"
        assert here("limit", "beta", "unlimited").stdout == "beta:latest: has no cap of its own\n"
        assert [entry.limit for entry in three.entries] == [500_000.0, None, None]

    @pytest.mark.parametrize(("rate", "why"), [("5", '"5 MB/s"'), ("10 B/s", "1 KB/s"), ("fast", "20 MB/s")])
    def test_a_rate_that_is_none_is_refused_with_what_to_write(
        self, rate: str, why: str, three: Files, here: Command
    ) -> None:
        refused = here("limit", "alpha", rate)
        assert refused.returncode == 2
        assert why in refused.stderr

    def test_names_are_those_of_everywhere(self, three: Files, here: Command) -> None:
        for name in ("alpha", "library/Alpha", "https://registry.ollama.ai/library/alpha:latest"):
            assert here("resume", name).returncode == 0
            assert here("pause", name).returncode == 0

    def test_the_end_of_a_name_is_enough_if_only_one_ends_so(self, files: Files, here: Command) -> None:
        names = ("localhost:5000/me/harbor:7b", "hf.co/you/harbor:7b", "hf.co/you/x:latest")
        files.save(*(Entry(name=name, scheme="https") for name in names))
        assert here("pause", "me/harbor").stdout == "localhost:5000/me/harbor:7b: paused\n"
        assert here("pause", "X").stdout == "hf.co/you/x:latest: paused\n"
        refused = here("pause", "harbor:7b")
        assert refused.returncode == 2
        assert "harbor:7b could be localhost:5000/me/harbor:7b or hf.co/you/harbor:7b\n" in refused.stderr
        assert "arbor is not in the queue" in here("pause", "arbor").stderr

    @pytest.mark.parametrize("command", ["pause", "resume", "cancel"])
    def test_a_name_that_is_not_there_changes_nothing(
        self, command: str, three: Files, here: Command
    ) -> None:
        before = three.queue.file.read_bytes()
        refused = here(command, "beta", "alpa", "nothing-like-it")
        assert refused.returncode == 2
        assert "alpa is not in the queue: did you mean alpha:latest?" in refused.stderr
        assert "nothing-like-it is not in the queue\n" in refused.stderr
        assert three.queue.file.read_bytes() == before

    def test_an_empty_queue_makes_nothing(self, here: Command, tmp_path: Path) -> None:
        for words in (["pause"], ["cancel", "--delete"]):
            assert here(*words, "--all").stdout == "Nothing is in the queue.\n"
        assert here("pause", "alpha").returncode == 2
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.usefixtures("held")
    @pytest.mark.parametrize(
        "words", [["pause", "alpha"], ["resume", "--all"], ["cancel", "beta"], ["limit", "beta", "1 MB/s"]]
    )
    def test_another_holder_is_named_and_nothing_changes(
        self, words: list[str], three: Files, here: Command
    ) -> None:
        before = three.queue.file.read_bytes()
        refused = here(*words)
        assert refused.returncode == HELD
        assert f"process {os.getpid()} on " in refused.stderr
        assert "do it there, or quit that one first" in refused.stderr
        assert refused.stdout == ""
        assert three.queue.file.read_bytes() == before

    def test_the_directory_is_free_again(self, three: Files, here: Command) -> None:
        here("pause", "--all")
        three.store.open(SINCE)
        three.store.close()

    def test_a_damaged_file_is_set_aside_with_a_word(self, three: Files, here: Command) -> None:
        damaged = three.queue.file.read_bytes() + b"\n[[pulls]]\nname = "
        three.queue.file.write_bytes(damaged)
        told = here("pause", "beta")
        assert told.returncode == 0
        assert "queue.toml.damaged-1" in told.stderr
        assert three.queue.file.with_name("queue.toml.damaged-1").read_bytes() == damaged
        assert [entry.paused for entry in three.entries] == [True, True, False]

    def test_settings_that_cannot_be_used_change_no_other_queue(
        self, three: Files, here: Command, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = three.queue.file.read_bytes()
        monkeypatch.setenv("PULLTUI_STORAGE_MODELS_DIR", "not/absolute")
        assert here("cancel", "--all").returncode == 2
        assert three.queue.file.read_bytes() == before


class TestCancel:
    """`pulltui cancel`."""

    def test_what_came_of_it_stays(self, three: Files, here: Command) -> None:
        before = three.on_disk()
        told = here("cancel", "beta")
        assert told.returncode == 0
        assert told.stdout.startswith("beta:latest: is out of the queue\n")
        assert [entry.model.model for entry in three.entries] == ["alpha", "gamma"]
        assert three.on_disk() == before != set()

    def test_delete_removes_it(self, three: Files, here: Command) -> None:
        told = here("cancel", "--delete", "beta")
        assert told.returncode == 0
        assert "deleted " in told.stdout
        assert three.on_disk() == set()
        assert here("cancel", "--delete", "alpha").stdout.endswith("nothing of it was on disk\n")

    def test_delete_keeps_what_another_pull_needs(self, files: Files, here: Command) -> None:
        both, two = make_model("one", 100 * KB, 60 * KB), make_model("two", 100 * KB)
        files.save(files.entry("one", both), files.entry("two", two))
        shared, own = files.begin(two, 50 * KB), layer(both, 1).digest
        files.store.staged(own).write_bytes(b"verified")
        assert here("cancel", "--delete", "one").returncode == 0
        names = "".join(files.on_disk())
        assert shared[7:] in names
        assert own[7:] not in names

    def test_delete_keeps_everything_if_nobody_knows_what_the_others_need(
        self, files: Files, here: Command
    ) -> None:
        one, two = make_model("one", 100 * KB, 60 * KB), make_model("two", 100 * KB)
        files.save(files.entry("one", one), files.entry("two", two))
        files.begin(two, 50 * KB)
        (files.queue.manifests / files.entries[1].manifest.replace(":", "-")).unlink()
        before = files.on_disk()
        told = here("cancel", "--delete", "one")
        assert told.returncode == 1
        assert "nothing is deleted: the manifest of two:latest is lost" in told.stderr
        assert [entry.model.model for entry in files.entries] == ["two"]
        assert files.on_disk() == before != set()
