"""What the headless command says to people."""

from __future__ import annotations

import io
import os

import pytest
from pulltui.engine.views import (
    BlobState,
    EngineView,
    Event,
    EventKind,
    PartState,
    PartView,
    PullState,
    PullView,
    Waiting,
)
from pulltui.lines import Lines, fit, happened, segments
from pulltui.outcome import Outcome
from pulltui.output import Output, OutputClosedError, cut, cut_left
from support.scripted_engine import DIGEST, blob, done, event, pull

OTHER = "sha256:" + "cd" * 32


def stalled_part(wait: float) -> PartView:
    """A part that stalled and waits for its second retry."""
    return PartView(
        3, 0, 9, 0, PartState.STALLED, attempt=2, attempts=6, wait=wait, why="stalled: no byte for 5 s"
    )


def texts(*pulls: PullView) -> list[str]:
    """The pieces of the progress line of these pulls."""
    return [segment.text for segment in segments(pulls)]


class TestWords:
    """What lines say."""

    def test_progress_has_percent_bytes_rate_time_left_connections(self) -> None:
        line = "  ".join(texts(pull(blob(43_900_000, rate=21_300_000), eta=2.6)))
        assert line == "tiny  43%  43.9 MB of 100 MB  21.3 MB/s  3s left  8 connections"

    def test_shared_blobs_count_once_and_failed_pulls_not_at_all(self) -> None:
        pulls = [
            pull(blob(50_000_000), name="a"),
            pull(blob(50_000_000), name="b"),
            pull(blob(1, digest=OTHER), name="c", state=PullState.FAILED),
        ]
        assert texts(*pulls)[:3] == ["1 of 3 pulls ended", "50%", "50.0 MB of 100 MB"]

    def test_models_of_unknown_size_are_counted_and_no_share_is_made_up(self) -> None:
        queued = [pull(name=name, state=PullState.QUEUED) for name in ("b", "c")]
        line = texts(pull(blob(50_000_000, rate=1e6), name="a"), *queued)
        assert line == [
            "0 of 3 pulls ended",
            "50.0 MB of 100 MB + 2 models of unknown size",
            "1.00 MB/s",
            "8 connections",
        ]
        assert "50%" in texts(pull(blob(50_000_000), name="a"), pull(name="b", state=PullState.FAILED))

    def test_a_time_left_that_is_not_known_is_not_told(self) -> None:
        assert texts(pull(blob(50_000_000)))[-2:] == ["0 B/s", "8 connections"]
        ended = [pull(blob(100_000_000, rate=1e6), name=name) for name in ("a", "b")]
        assert not any("left" in text for text in texts(*ended))

    def test_hundred_per_cent_means_all_of_it(self) -> None:
        assert texts(pull(blob(99_999_999)))[1] == "99%"

    @pytest.mark.parametrize(
        ("troubled", "words"),
        [
            (pull(blob(5, quiet=1)), "1 part quiet"),
            (
                pull(
                    blob(
                        5,
                        quiet=2,
                        active=(
                            PartView(0, 0, 9, 0, PartState.QUIET, silent=7.2),
                            PartView(1, 9, 9, 0, PartState.QUIET, silent=3.2),
                        ),
                    )
                ),
                "2 parts quiet 7 s",
            ),
            (
                pull(
                    blob(
                        5,
                        retrying=1,
                        active=(
                            PartView(
                                3, 0, 9, 0, PartState.WAITING, attempt=2, attempts=6, wait=0.42, why="503"
                            ),
                        ),
                    )
                ),
                "retry 2 of 6 in 0.4 s (503)",
            ),
            (
                pull(blob(5), state=PullState.WAITING, waiting=Waiting("registry busy", 2.9)),
                "waiting: registry busy, 3 s",
            ),
            (pull(blob(5, stalled=2), blob(5, digest=OTHER, stalled=1)), "3 parts stalled"),
            (
                pull(blob(5, stalled=1, active=(stalled_part(2.9),))),
                "1 part stalled, retry 2 of 6 in 3 s",
            ),
            (
                pull(blob(5, stalled=2, active=(stalled_part(2.9), stalled_part(1.2)))),
                "2 parts stalled, first: retry 2 of 6 in 1 s",
            ),
            (pull(blob(5, retrying=2)), "2 parts to try again"),
            (pull(blob(5, single_stream=True)), "one connection only: the server knows no ranges"),
        ],
    )
    def test_trouble_comes_last_in_words(self, troubled: PullView, words: str) -> None:
        assert texts(troubled)[-1] == words

    def test_verifying_and_the_manifest_are_told_apart(self) -> None:
        verifying = blob(100, 100, state=BlobState.VERIFYING, hashed=45)
        assert texts(pull(verifying, state=PullState.VERIFYING))[-1] == "verifying 45%"
        assert texts(pull(state=PullState.RESOLVING)) == [
            "tiny",
            "asks registry.test what there is to pull",
        ]

    def test_a_narrow_line_keeps_the_trouble_and_drops_figures(self) -> None:
        parts = segments([pull(blob(43_900_000, rate=21_300_000, quiet=1), eta=2.6)])
        assert fit(parts, 200).endswith("8 connections  1 part quiet")
        assert fit(parts, 66) == "tiny  43%  43.9 MB of 100 MB  21.3 MB/s  3s left  1 part quiet"
        assert fit(parts, 45) == "tiny  43%  21.3 MB/s  3s left  1 part quiet"
        assert fit(parts, 20) == "tiny  43%  21.3 MB/…"

    def test_cut_counts_cells_not_letters(self) -> None:
        assert cut("abc", 3) == "abc"
        assert cut("abcd", 3) == "ab…"
        assert cut("模型模型", 5) == "模型…"
        assert cut("e\u0301e\u0301", 2) == "e\u0301e\u0301"
        assert cut("abc", 0) == ""
        assert cut_left("hf.co/user/model:q4", 9) == "…model:q4"

    @pytest.mark.parametrize(
        ("group", "line"),
        [
            (
                [event(1, EventKind.RESOLVED, blobs=3, size=253_000_000, here=1_200_000)],
                "tiny: 3 blobs, 253 MB, 1.20 MB of it here already",
            ),
            (
                [
                    event(
                        1, EventKind.RETRY, digest=DIGEST, part=4, attempt=2, attempts=6, wait=0.41, why="503"
                    )
                ],
                "tiny: model part 4: retry 2 of 6 in 0.4 s (503)",
            ),
            (
                [
                    event(
                        1, EventKind.STALLED, digest=DIGEST, part=4, wait=0.1, why="stalled: no byte for 30 s"
                    )
                ],
                "tiny: model part 4: stalled: no byte for 30 s, next try in 0.1 s",
            ),
            (
                [event(n, EventKind.RETRY, digest=DIGEST, part=n, wait=n / 5, why="502") for n in (2, 1, 3)],
                "tiny: model: 3 parts try again (502), next try in 0.2 s",
            ),
            (
                [event(1, EventKind.WAITING, wait=3.1, why="registry busy")],
                "tiny: waiting: registry busy, 3 s",
            ),
            (
                [event(1, EventKind.RETRY, digest=DIGEST, part=4, attempt=6, attempts=6, why="502")],
                "tiny: model part 4: set aside after 6 tries (502)",
            ),
            ([event(1, EventKind.VERIFIED, digest=DIGEST)], f"tiny: model: verified {DIGEST}"),
            ([event(1, EventKind.DONE, size=253_000_000, seconds=107.0)], "tiny: done, 253 MB in 1m47s"),
        ],
    )
    def test_permanent_lines(self, group: list[Event], line: str) -> None:
        assert happened(group, [pull(blob(5))]) == line


class Terminal(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


class TestLines:
    """Live and plain lines, with a clock of their own."""

    @staticmethod
    def lines(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> tuple[Lines, list[float], io.StringIO]:
        monkeypatch.setenv("TERM", "xterm")
        now = [100.0]
        errors = io.StringIO()
        return Lines(Output(stream), Output(errors), lambda: now[0]), now, errors

    def test_the_live_line_is_drawn_five_times_a_second_and_fits(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stream = Terminal()
        lines, now, _ = self.lines(stream, monkeypatch)
        view = [pull(blob(50_000_000), name="a" * 200)]
        for _ in range(17):
            lines.progress(view, EngineView())
            now[0] += 1 / 16
        drawn = stream.getvalue().split("\r\x1b[K")[1:]
        assert len(drawn) == 5
        assert all("\n" not in line and len(line) <= 79 and "50%" in line for line in drawn)

    def test_an_event_clears_the_live_line_and_a_failure_goes_to_the_errors(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stream = Terminal()
        lines, _, errors = self.lines(stream, monkeypatch)
        pulls = [pull(blob(5))]
        lines.progress(pulls, EngineView())
        lines.events([event(1, EventKind.WAITING, wait=3.0, why="registry busy")], pulls)
        assert stream.getvalue().endswith("\r\x1b[Ktiny: waiting: registry busy, 3 s\n")
        lines.events(
            [event(2, EventKind.FAILED, why="tiny is not known (404)", hint="Check the name.")], pulls
        )
        assert errors.getvalue() == "tiny: failed: tiny is not known (404)\n  Check the name.\n"

    def test_plain_lines_come_every_ten_seconds_or_ten_per_cent(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stream = io.StringIO()
        lines, now, _ = self.lines(stream, monkeypatch)
        for second in range(1, 31):
            now[0] = 100.0 + second
            lines.progress([pull(blob(1_000_000 * second))], EngineView())
        slow = stream.getvalue().splitlines()
        assert len(slow) == 3
        for tenth in range(1, 41):
            now[0] = 130.0 + tenth / 10
            lines.progress([pull(blob(30_000_000 + 1_500_000 * tenth))], EngineView())
        fast = stream.getvalue().splitlines()[3:]
        assert len(fast) == 4, "never more than one a second"
        assert "\x1b" not in stream.getvalue()
        assert "\r" not in stream.getvalue()

    @pytest.mark.parametrize("saved", [True, False])
    def test_a_stop_says_that_the_state_is_kept(self, saved: bool, monkeypatch: pytest.MonkeyPatch) -> None:
        lines, _, errors = self.lines(io.StringIO(), monkeypatch)
        lines.summary(Outcome((pull(blob(5)),), 2.0, 5, "/models", stop_code=130, saved=saved))
        assert "same command" in errors.getvalue()
        assert ("Nothing is lost" in errors.getvalue()) == saved

    def test_the_summary_says_how_much_how_fast_and_where(self, monkeypatch: pytest.MonkeyPatch) -> None:
        stream = io.StringIO()
        lines, _, errors = self.lines(stream, monkeypatch)
        lines.summary(Outcome((done(),), 4.0, 80_000_000, "/models"))
        assert stream.getvalue() == (
            "1 of 1 done, fetched 80.0 MB in 4s (20.0 MB/s), 0 B fetched again; models directory: /models\n"
        )
        assert errors.getvalue() == ""

    def test_dumb_terminals_get_plain_lines(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TERM", "dumb")
        assert not Output(Terminal()).live


class TestBell:
    """The terminal rings when pulls end, if it is one and that is wanted."""

    RUNG = "\x1b]9;pulltui: tiny is done, 100 MB\a\a"

    @staticmethod
    def told(output: io.StringIO, errors: io.StringIO, *, wanted: bool = True) -> tuple[str, str]:
        """What both streams have when a pull is done, and two more at once soon after."""
        lines = Lines(Output(output), Output(errors), lambda: 100.0, lambda: wanted)
        lines.events([event(1, EventKind.DONE, size=100_000_000)], [done()])
        lines.events([event(2, EventKind.DONE), event(3, EventKind.FAILED)], [done()])
        lines.summary(Outcome((done(),), 4.0, 80_000_000, "/models"))
        return output.getvalue(), errors.getvalue()

    @pytest.fixture(autouse=True)
    def xterm(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TERM", "xterm")

    def test_on_a_terminal_after_the_line_and_what_was_held_back_at_the_end(self) -> None:
        output, _ = self.told(Terminal(), io.StringIO())
        assert output.startswith("tiny: done, 100 MB in 0s\n" + self.RUNG)
        assert output.endswith("\n\x1b]9;pulltui: 1 done, 1 failed\a\a")

    def test_on_the_errors_if_only_they_are_a_terminal(self) -> None:
        output, errors = self.told(io.StringIO(), Terminal())
        assert "\x1b" not in output and "\a" not in output
        assert self.RUNG in errors

    def test_nowhere_without_a_terminal_or_if_it_is_not_wanted(self) -> None:
        for streams, wanted in (((io.StringIO(), io.StringIO()), True), ((Terminal(), Terminal()), False)):
            assert "\a" not in "".join(self.told(*streams, wanted=wanted))


def test_a_broken_pipe_is_told_once_and_for_all() -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as stream:
        output = Output(stream)
        for _ in range(2):
            with pytest.raises(OutputClosedError):
                output.write("text\n")
        assert output.closed
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, write)
        os.close(null)


def test_letters_that_the_terminal_cannot_show_are_replaced() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    Output(stream).write("模 ok\n")
    assert raw.getvalue() == b"? ok\n"
