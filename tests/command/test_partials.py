"""`pulltui partials` and `pulltui handback`: shown, adopted, deleted, given back, on real directories."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from pulltui.demo import Model, Registry
from pulltui.engine.names import parse
from pulltui.engine.queuefile import Entry, QueueFile
from pulltui.engine.store import Store
from pulltui_config.locations import locate
from support import ollama_partials as ollama
from support.command import Terminal, run, start
from support.commands import SIZE, SLOW, SOME, Command
from support.registry import MB, layer, make_model


def make_other() -> Model:
    """Another model, with weights of two megabytes."""
    return make_model("other", 2 * MB, seed=7)


def shown(result: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    assert result.returncode == 0, result.stderr
    answer = json.loads(result.stdout)
    assert answer["v"] == 1
    partials: list[dict[str, Any]] = answer["partials"]
    return partials


def list_of(home: Path) -> list[dict[str, Any]]:
    return shown(run(["partials", "--json", "--models-dir", "models"], home))


@pytest.fixture
def digest(tiny: Model) -> str:
    return layer(tiny).digest


@pytest.fixture
def begun(tiny: Model, tmp_path: Path) -> Path:
    """A home in which a pull was stopped in the middle."""
    with Registry([tiny], SLOW) as slow:
        process = start(["pull", *slow.names(), "--models-dir", "models", "--json"], tmp_path)
        assert process.stdout is not None
        for line in process.stdout:
            if json.loads(line).get("done", 0) > SOME:
                break
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
        assert process.returncode == 143
    return tmp_path


def queue_up(tiny: Model, home: Path, monkeypatch: pytest.MonkeyPatch, **more: Any) -> QueueFile:
    """Put the model into the queue of the models directory, with its manifest."""
    monkeypatch.setenv("HOME", str(home))
    queue = QueueFile(locate().models_state((home / "models").resolve()))
    store = Store(home / "models")
    store.open("now")
    name = "127.0.0.1:1/library/tiny:latest"
    manifest = f"sha256:{hashlib.sha256(tiny.manifest).hexdigest()}"
    entry = Entry(name=name, scheme="http", manifest=manifest, **more)
    queue.save([entry], {manifest: tiny.manifest})
    store.close()
    return queue


class TestShowing:
    def test_nothing_is_made_where_there_is_nothing(self, here: Command, tmp_path: Path) -> None:
        result = here("partials", "--models-dir", "models")
        assert result.returncode == 0
        assert result.stdout == f"Nothing is unfinished in {tmp_path / 'models'}.\n"
        assert not (tmp_path / "models").exists()

    def test_ours_and_ollamas_with_size_age_owner(self, begun: Path, digest: str) -> None:
        other = layer(make_other())
        ollama.begin(begun / "models" / "blobs", other, [1.0, 0.5], age=7200)
        found = {each["digest"]: each for each in list_of(begun)}
        ours = found[digest]
        assert (ours["owner"], ours["size"], ours["why"]) == ("pulltui", SIZE, "")
        assert SOME < ours["done"] < SIZE
        theirs = found[other.digest]
        assert (theirs["owner"], theirs["size"], theirs["done"]) == (
            "ollama",
            other.size,
            other.size * 3 // 4,
        )
        assert 7200 <= theirs["age"] < 7500
        lines = run(["partials", "--models-dir", "models"], begun).stdout
        assert f"{other.digest[7:19]}  ollama   75%" in lines
        assert "2 hours old" in lines

    def test_why_one_cannot_be_adopted_is_below_it(self, begun: Path) -> None:
        ollama.begin(begun / "models" / "blobs", layer(make_other()), [1.0], age=0)
        result = run(["partials", "--models-dir", "models"], begun)
        assert "s ago: Ollama may be fetching it" in result.stdout

    def test_who_needs_it(
        self, begun: Path, tiny: Model, digest: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        queue_up(tiny, begun, monkeypatch)
        found = {each["digest"]: each for each in list_of(begun)}
        assert found[digest]["pulls"] == ["127.0.0.1:1/library/tiny:latest"]

    def test_while_another_holds_the_directory_it_is_shown_with_who_that_is(
        self, tiny: Model, tmp_path: Path
    ) -> None:
        with Registry([tiny], SLOW) as slow:  # it holds the directory until it is told
            process = start(["pull", *slow.names(), "--models-dir", "models", "--json"], tmp_path)
            slow.counters.wait_for(lambda counters: counters.bytes_sent() > SOME)
            listed = run(["partials", "--json", "--models-dir", "models"], tmp_path)
            assert listed.returncode == 4
            assert f"process {process.pid}" in json.loads(listed.stdout)["held"]
            for command in (["--adopt"], ["--clean", "--all", "--yes"]):
                refused = run(["partials", *command, "--models-dir", "models"], tmp_path)
                assert refused.returncode == 4
                assert f"process {process.pid} on" in refused.stderr
                assert "since" in refused.stderr
            refused = run(["handback", "tiny", "--models-dir", "models"], tmp_path)
            assert refused.returncode == 4
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)


class TestAdopting:
    def test_a_pull_then_fetches_only_what_is_missing(
        self, registry: Registry, tiny: Model, digest: str, tmp_path: Path
    ) -> None:
        ollama.begin(tmp_path / "models" / "blobs", layer(tiny), [1.0, 0.5, 0.0])
        result = run(["partials", "--adopt", "--models-dir", "models"], tmp_path)
        assert result.returncode == 0, result.stderr
        assert f"{digest[7:19]}: took over 3.00 MB that Ollama had fetched" in result.stdout
        [ours] = list_of(tmp_path)
        assert (ours["owner"], ours["done"]) == ("pulltui", SIZE // 2)
        assert ollama.files(tmp_path / "models" / "blobs", digest) == []
        pulled = run(["pull", *registry.names(), "--models-dir", "models"], tmp_path)
        assert pulled.returncode == 0, pulled.stderr
        assert registry.counters.sent(digest) == [(SIZE // 2, SIZE)]

    def test_one_that_is_named_and_refused_is_a_failure(
        self, tiny: Model, digest: str, tmp_path: Path
    ) -> None:
        ollama.begin(tmp_path / "models" / "blobs", layer(tiny), [1.0], age=0)
        result = run(["partials", "--adopt", digest[7:15], "--models-dir", "models"], tmp_path)
        assert result.returncode == 1
        assert f"{digest[7:19]}: what Ollama has of it cannot be taken over: it changed" in result.stderr

    def test_where_there_is_nothing_that_is_said(self, here: Command, tmp_path: Path) -> None:
        result = here("partials", "--adopt", "--models-dir", "models")
        assert result.returncode == 0
        assert "Ollama has begun nothing of this" in result.stdout


class TestCleaning:
    def test_what_is_named_goes_and_what_it_frees_is_told(self, begun: Path, digest: str) -> None:
        other = layer(make_other())
        ollama.begin(begun / "models" / "blobs", other, [1.0, 0.5])
        result = run(["partials", "--clean", other.digest[:12], "--yes", "--models-dir", "models"], begun)
        assert result.returncode == 0, result.stderr
        assert "Freed 1.5" in result.stdout, "1.5 MB, and the blocks of two records"
        assert ollama.files(begun / "models" / "blobs", other.digest) == []
        assert digest in {each["digest"] for each in list_of(begun)}, "nothing else goes"

    def test_all_leaves_what_a_pull_needs_unless_it_is_named(
        self, begun: Path, tiny: Model, digest: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        queue_up(tiny, begun, monkeypatch)
        before = list_of(begun)
        all_ = ["partials", "--clean", "--all", "--yes", "--models-dir", "models"]
        kept = run(all_, begun)
        assert kept.returncode == 0
        assert f"{digest[7:19]} stays: 127.0.0.1:1/library/tiny:latest needs it" in kept.stdout
        assert [each["digest"] for each in list_of(begun)] == [each["digest"] for each in before]
        named = run(["partials", "--clean", digest, "--yes", "--models-dir", "models"], begun)
        assert named.returncode == 0
        assert digest not in {each["digest"] for each in list_of(begun)}

    @pytest.mark.parametrize("harm", ["the queue", "a manifest"])
    def test_all_leaves_everything_if_nobody_knows_what_the_queue_needs(
        self, harm: str, begun: Path, tiny: Model, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        queue = queue_up(tiny, begun, monkeypatch)
        if harm == "the queue":
            queue.file.write_bytes(queue.file.read_bytes().replace(b"name", b"nmae"))
        else:
            next(queue.manifests.iterdir()).unlink()
        before = list_of(begun)
        refused = run(["partials", "--clean", "--all", "--yes", "--models-dir", "models"], begun)
        assert refused.returncode == 1
        assert f"nothing is deleted: {harm} " in refused.stderr.replace("the manifest", "a manifest")
        assert [each["digest"] for each in list_of(begun)] == [each["digest"] for each in before] != []

    def test_without_a_terminal_nothing_goes_unasked(self, begun: Path, digest: str) -> None:
        before = list_of(begun)
        refused = run(["partials", "--clean", digest, "--models-dir", "models"], begun)
        assert refused.returncode == 2
        assert "--yes" in refused.stderr
        assert len(list_of(begun)) == len(before)

    @pytest.mark.parametrize(("answer", "left"), [(b"n\r", True), (b"y\r", False)])
    def test_on_a_terminal_it_asks(self, begun: Path, digest: str, answer: bytes, left: bool) -> None:
        with Terminal(["partials", "--clean", digest[7:], "--models-dir", "models"], begun) as terminal:
            terminal.wait_for(rb"Delete this for good\?")
            terminal.type(answer)
            assert terminal.end() == int(left)
        assert (digest in {each["digest"] for each in list_of(begun)}) == left

    @pytest.mark.parametrize(
        ("words", "why"),
        [
            (["--clean"], "name the blobs to delete"),
            (["--clean", "--all", "abcd"], "name the blobs to delete"),
            (["--all"], "it goes with --clean only"),
            (["abcd"], "they go with --adopt or --clean"),
            (["--adopt", "--json"], "one at a time"),
            (["--clean", "xyzw", "--yes"], "is no digest"),
            (["--clean", "abc", "--yes"], "is no digest"),
            (["--clean", "0000000", "--yes"], "no unfinished blob begins with 0000000"),
        ],
    )
    def test_what_makes_no_sense_is_refused(self, words: list[str], why: str, here: Command) -> None:
        refused = here("partials", *words, "--models-dir", "models")
        assert refused.returncode == 2
        assert why in " ".join(refused.stderr.split())


class TestHandingBack:
    def test_ollama_goes_on_with_a_pull_of_the_queue_which_is_paused(
        self, begun: Path, tiny: Model, digest: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        queue = queue_up(tiny, begun, monkeypatch)
        [had] = [each["done"] for each in list_of(begun) if each["digest"] == digest]
        result = run(["handback", "127.0.0.1:1/library/tiny", "--models-dir", "models"], begun)
        assert result.returncode == 0, result.stderr
        assert f"{digest[7:19]}: " in result.stdout
        assert "is Ollama's now" in result.stdout
        assert queue.read().entries[0].paused
        blobs = begun / "models" / "blobs"
        missing = ollama.prepare(blobs, digest).missing
        assert sum(b - a for a, b in missing) == SIZE - had
        path = ollama.finish(blobs, digest, layer(tiny))
        assert path.read_bytes() == layer(tiny).read(0, SIZE)
        assert [each for each in list_of(begun) if each["owner"] == "pulltui"] == []

    def test_a_damaged_queue_is_set_aside_with_a_word(
        self, begun: Path, tiny: Model, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        queue = queue_up(tiny, begun, monkeypatch)
        with queue.file.open("ab") as file:
            file.write(b"[[\n")
        result = run(["handback", "127.0.0.1:1/library/tiny", "--models-dir", "models"], begun)
        assert result.returncode == 1, "its entry is the one that was hit"
        assert f"the file is kept as {queue.file}.damaged-1" in result.stderr

    def test_a_blob_can_be_named_instead(self, begun: Path, digest: str) -> None:
        result = run(["handback", digest[:17], "--models-dir", "models"], begun)
        assert result.returncode == 0, result.stderr
        assert ollama.prepare(begun / "models" / "blobs", digest).total == SIZE

    def test_what_nobody_knows_is_refused_with_what_to_do(self, begun: Path) -> None:
        result = run(["handback", "gemma3", "--models-dir", "models"], begun)
        assert result.returncode == 1
        assert "gemma3 is not in the queue" in result.stderr
        assert "pulltui partials" in result.stderr

    def test_a_pull_of_which_nothing_came(
        self, here: Command, tiny: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "models").mkdir()
        queue_up(tiny, tmp_path, monkeypatch)
        result = here("handback", parse("127.0.0.1:1/library/tiny").short, "--models-dir", "models")
        assert result.returncode == 1
        assert "nothing of it is unfinished here" in result.stderr


def test_the_commands_are_in_the_help(here: Command) -> None:
    shown_help = here("--help").stdout
    assert "partials" in shown_help
    assert "handback" in shown_help
    assert max(map(len, shown_help.splitlines())) <= 80
