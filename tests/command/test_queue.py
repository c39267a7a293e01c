"""`pulltui status`, `pause`, `resume`, `cancel`, `limit`: on the files, while no pulltui runs."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pulltui.demo import Model, Registry
from pulltui.desk import HELD
from pulltui.engine.manifest import parse_manifest
from pulltui.engine.partial import Partial
from pulltui.engine.queuefile import Entry, Failure, QueueFile
from pulltui.engine.store import Store
from pulltui_config import load, locate
from pulltui_config.locations import models_dir as find_models_dir
from support.command import Terminal, run, start
from support.commands import SIZE, SLOW, Command, blobs_of, whole
from support.registry import KB, MB, layer, make_model

SINCE = "2026-01-02T03:04:05+00:00"


class Files:
    """The files of a queue as a pulltui that ended has left them."""

    def __init__(self, models: Path) -> None:
        self.models = models
        self.queue = QueueFile(locate().models_state(models))
        self.store = Store(models)
        self._raw: dict[str, bytes] = {}

    def entry(self, name: str, model: Model | None = None, **fields: object) -> Entry:
        """An entry; `model` is what its manifest says."""
        if model is not None:
            manifest = parse_manifest(model.manifest)
            self._raw[manifest.digest] = model.manifest
            fields |= {"manifest": manifest.digest, "size": manifest.size}
        return Entry(name=f"registry.ollama.ai/library/{name}:latest", scheme="https", **fields)  # type: ignore[arg-type]

    def save(self, *entries: Entry) -> None:
        self.queue.save(entries, self._raw)

    def begin(self, model: Model, count: int) -> str:
        """Leave `count` bytes of a model's large blob on disk; its digest."""
        blob = layer(model)
        self.store.open(SINCE)
        partial = Partial(self.store.partial(blob.digest), blob.digest, blob.size, 100 * KB)
        for part in partial.table:
            size = min(part.size, count - part.offset)
            if size > 0:
                partial.write(part, memoryview(blob.read(part.offset, size)), None)
        partial.checkpoint()
        partial.close()
        self.store.close()
        return blob.digest

    @property
    def entries(self) -> tuple[Entry, ...]:
        kept = QueueFile(self.queue.directory).read()
        assert kept.damage == ""
        return kept.entries

    def on_disk(self) -> set[str]:
        return {path.name for path in self.store.work.glob("sha256-*")}


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

    def test_each_models_directory_has_a_queue_of_its_own(
        self, three: Files, here: Command, tmp_path: Path
    ) -> None:
        assert "Nothing" in here("status", "--models-dir", str(tmp_path / "other")).stdout
        assert "alpha" in here("status", "--models-dir", str(three.models)).stdout

    @pytest.mark.usefixtures("held")
    def test_when_another_process_holds_it_that_is_said_last(self, three: Files, here: Command) -> None:
        shown = here("status")
        assert shown.returncode == HELD
        assert "beta:latest   queued  59%" in shown.stdout
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


class TestWithPulls:
    """The commands around pulls that really run."""

    @staticmethod
    def status(home: Path) -> tuple[int, dict[str, Any]]:
        """What `status --json` says about `models`, and its exit code."""
        shown = run(["status", "--json", "--models-dir", "models"], home)
        return shown.returncode, json.loads(shown.stdout)

    def test_a_pull_that_was_stopped_is_shown_paused_and_deleted(
        self, registry: Registry, tmp_path: Path
    ) -> None:
        registry.faults = SLOW
        process = start(["pull", *registry.names(), "--models-dir", "models"], tmp_path)
        registry.counters.wait_for(lambda counters: counters.bytes_sent() > 1 * MB, timeout=30)
        code, shown = self.status(tmp_path)
        assert (code, str(process.pid) in shown["held"]) == (HELD, True)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
        code, shown = self.status(tmp_path)
        (pull,) = shown["pulls"]
        assert (code, shown["held"], pull["state"]) == (0, None, "queued")
        assert 0 < pull["done"] < pull["total"]
        for command in ("pause", "cancel --delete"):
            words = [*command.split(), *registry.names(), "--models-dir", "models"]
            assert run(words, tmp_path).returncode == 0
        assert self.status(tmp_path)[1]["pulls"] == []
        assert list((tmp_path / "models/.pulltui").glob("sha256-*")) == []

    def test_the_app_goes_on_with_what_waits_and_not_with_what_was_paused(
        self, registry: Registry, tiny: Model, tmp_path: Path
    ) -> None:
        registry.faults = SLOW
        with Terminal([*registry.names(), "--models-dir", "models"], tmp_path) as terminal:
            registry.counters.wait_for(lambda counters: counters.bytes_sent() > 1 * MB, timeout=30)
            terminal.type(b"q")
            assert terminal.end() == 0
        registry.faults = ""
        mark = registry.counters.mark()
        assert run(["pause", "--all", "--models-dir", "models"], tmp_path).returncode == 0
        with Terminal(["--models-dir", "models"], tmp_path) as terminal:
            terminal.wait_for(rb"paused")
            terminal.type(b"q")
            assert terminal.end() == 0
        assert registry.counters.bytes_sent(since=mark) == 0
        assert run(["resume", *registry.names(), "--models-dir", "models"], tmp_path).returncode == 0
        with Terminal(["--models-dir", "models"], tmp_path) as terminal:
            terminal.wait_for(rb"is done")
            terminal.type(b"q")
            assert terminal.end() == 0
        assert blobs_of(tmp_path / "models") == whole(tiny)
        assert registry.counters.bytes_sent(since=mark) < SIZE, "what had come was not fetched again"
        assert self.status(tmp_path)[1]["pulls"] == []

    def test_a_headless_pull_leaves_and_tells_nothing_of_the_rest_of_the_queue(
        self, registry: Registry, here: Command, tmp_path: Path
    ) -> None:
        files = Files(tmp_path / "models")
        entry = Entry(name=f"{registry.host}/library/other:latest", scheme="http")
        files.save(entry)
        ended = here("pull", *registry.names(), "--models-dir", "models", "--json")
        assert ended.returncode == 0, ended.stderr
        names = {json.loads(line)["pull"] for line in ended.stdout.splitlines()}
        assert names == {None, registry.names()[0].removeprefix("http://")}
        assert files.entries == (entry,)
        assert not [record for record in registry.counters.records() if "other" in record.target]

    def test_a_cap_of_the_command_line_counts_when_it_runs(self, registry: Registry, tmp_path: Path) -> None:
        registry.faults = SLOW
        process = start(["pull", *registry.names(), "--models-dir", "models"], tmp_path)
        registry.counters.wait_for(lambda counters: counters.bytes_sent() > 1 * MB, timeout=30)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=30)
        registry.faults = ""
        words = ["limit", registry.names()[0], "2 MB/s", "--models-dir", "models"]
        assert run(words, tmp_path).returncode == 0
        left = self.status(tmp_path)[1]["pulls"][0]
        ended = run(["pull", *registry.names(), "--models-dir", "models", "--json"], tmp_path)
        last = json.loads(ended.stdout.splitlines()[-1])
        assert last["done"] == 1
        assert (left["total"] - left["done"]) / last["seconds"] < 2.4 * MB
