"""What the screen says is what went over the wire: read off it and held against the registry's counters."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from operator import eq
from typing import NamedTuple

from pulltui.demo import Registry
from pulltui.demo.counters import Counters
from pulltui.demo.intervals import intersection, total
from pulltui.engine.views import PullState
from pulltui.ui.app import PulltuiApp
from pulltui_config.units import format_size
from support.apps import make_app, shown
from support.drawn import drawn
from support.engine import KB, PATIENCE, Engine
from support.registry import layer, make_model

PART = 60 * KB
MODEL = make_model("library/tiny", 6_000 * KB)
LAYER = layer(MODEL)
DIGEST, SIZE = LAYER.digest, LAYER.size
CONNECTIONS = 4
NO_TAKEOVER = {"takeover_after": 600.0, "idle_after": 600.0}

Start = Callable[..., Engine]


class Said(NamedTuple):
    """What is on the screen at one moment."""

    pull: float
    blob: float
    """Percent of the pull and of its large blob."""
    hashing: tuple[bool, bool]
    """Whether the percents are of what is hashed: the pull's, the blob's. They change one after the other."""
    amount: str
    """"1.20 MB", of the blob."""
    whole: str
    parts: tuple[int, int]
    """How many are done, and of how many."""
    connections: int
    bars: list[str]
    """Lines of parts that hold a connection; "+3 healthy" counts as one."""


def read(app: PulltuiApp) -> Said | None:
    """Read the screen, None as long as not everything is on it."""
    rows, panel = shown(app, "pulls").splitlines(), shown(app, "panel")
    amount = re.search(r"model \w+ · ([\d.]+ \w+) of ([\d.]+ \w+)", panel)
    parts = re.search(r"parts +(\d+) of (\d+) so far(?:, (\d+) connections?)?", panel)
    shares = [float(share) for row in rows[:2] for share in re.findall(r"([\d.]+)%", row)]
    if amount is None or parts is None or len(shares) < 2:
        return None
    return Said(
        pull=shares[0],
        blob=shares[1],
        hashing=("verifying" in rows[0], "verifying" in rows[1]),
        amount=amount[1],
        whole=amount[2],
        parts=(int(parts[1]), int(parts[2])),
        connections=int(parts[3] or 0),
        bars=[line for line in panel.splitlines() if re.match(r" [▶?!~░✗] +\d+ ", line)],
    )


class Watch:
    """Polls the app as its timer would, and holds every frame against what was sent."""

    def __init__(self, app: PulltuiApp, server: Registry, engine: Engine) -> None:
        self._app, self._server, self._engine = app, server, engine
        self.frames: list[Said] = []

    def look(self) -> Said | None:
        """Look once; what has to hold at any moment holds."""
        self._engine.look()
        self._app.poll()
        said = read(self._app)
        if said is None:
            return None
        sent = self._server.counters.bytes_sent(DIGEST)
        before = self.frames[-1] if self.frames else said
        self.frames.append(said)
        for now, then, same in zip(said[:2], before[:2], map(eq, said.hashing, before.hashing), strict=True):
            assert not same or now >= then, "percent never falls"
        if not said.hashing[1]:
            assert said.blob <= 100 * sent / SIZE, "nothing is shown that was not sent"
        assert said.parts[0] >= before.parts[0]
        assert said.parts[0] * PART <= sent
        assert said.parts[1] == -(-SIZE // PART)
        assert len(said.bars) <= said.parts[1]
        return said

    async def until(self, predicate: Callable[[], object], what: str) -> None:
        """Look until this holds."""
        deadline = time.monotonic() + PATIENCE
        while not predicate():
            assert time.monotonic() < deadline, f"{what} did not happen:\n{drawn(self._app)}"
            self.look()
            await asyncio.sleep(0.005)
        self.look()


def all_stand_still(counters: Counters) -> bool:
    """Whether every connection has fallen silent."""
    open_now = [record for record in counters.ranges(DIGEST) if record.ended is None]
    return len(open_now) == CONNECTIONS and all(
        "stall" in record.fault and record.sent >= 100 * KB for record in open_now
    )


async def test_percent_bytes_and_parts_are_those_that_the_registry_has_counted(
    registry: Callable[..., Registry], engine: Start
) -> None:
    server = registry(MODEL, faults="stall@100KB")
    it = engine(
        part_size=PART, connections=CONNECTIONS, stall_timeout=600.0, slow_factor=0.0, tuning=NO_TAKEOVER
    )
    app = make_app(it.service, names=[server.names()[0]])
    counters = server.counters
    async with app.run_test(size=(160, 40)):
        watch = Watch(app, server, it)
        await watch.until(lambda: all_stand_still(counters), "every connection silent")
        sent = counters.bytes_sent(DIGEST)
        assert 0 < sent < SIZE
        pull = it.look().pulls[0].id
        await watch.until(lambda: it.blob(pull, DIGEST).done == sent, "all that was sent is written")
        await watch.until(lambda: it.blob(pull, DIGEST).quiet == CONNECTIONS, "all are quiet")
        await watch.until(lambda: watch.frames[-1].connections == CONNECTIONS, "the screen shows it")
        said = watch.frames[-1]
        # Everything stands still: now the figures are exactly the registry's.
        here = counters.sent(DIGEST)
        ends = [(start, min(start + PART, SIZE)) for start in range(0, SIZE, PART)]
        whole = [part for part in ends if total(intersection([part], here)) == part[1] - part[0]]
        small = MODEL.size - SIZE
        assert said.blob == sent * 1000 // SIZE / 10
        assert said.pull == (sent + small) * 1000 // MODEL.size / 10
        assert (said.amount, said.whole) == (format_size(sent), format_size(SIZE))
        assert said.parts == (len(whole), len(ends))
        assert said.connections == counters.open_now() == CONNECTIONS
        assert len(said.bars) == CONNECTIONS and all("quiet" in bar for bar in said.bars)
        assert f"{CONNECTIONS} quiet" in shown(app, "pulls").splitlines()[0], "its pull says it, too"
        mark = counters.mark()
        server.faults = "link@2MB/s"  # so that there is much to look at
        server.reset_connections()
        await watch.until(lambda: it.pull(pull).state is PullState.DONE, "the end")
        assert counters.asked_again(DIGEST, here, mark) == []
        assert "quiet" not in shown(app, "pulls") + shown(app, "panel").partition("log")[0]
        rows = shown(app, "pulls").splitlines()
        assert "100%" in rows[0] and format_size(MODEL.size) in rows[0]
    assert len(watch.frames) > 20
    it.assert_installed(MODEL, host=server.host)


async def test_a_silent_part_is_quiet_then_stalled_then_healthy_again(
    registry: Callable[..., Registry], engine: Start
) -> None:
    server = registry(MODEL, faults="stall@100KB*1,link@1MB/s")
    # An app that is being made holds everything up for longer than what is quiet elsewhere.
    tuning = NO_TAKEOVER | {"quiet_after": 0.5}
    it = engine(part_size=PART, connections=CONNECTIONS, stall_timeout=2.0, tuning=tuning)
    app = make_app(it.service, names=[server.names()[0]])
    async with app.run_test(size=(160, 40)):
        watch = Watch(app, server, it)
        seen: list[str] = []

        def marks() -> list[str]:
            """What is said, first to last, about the part that fell silent."""
            text = shown(app, "pulls").partition("\n")[0]
            for word in ("quiet", "stalled", "retrying"):
                if word in text and word not in seen:
                    seen.append(word)
            return seen

        await watch.until(lambda: list(server.counters.faults().values()) == [1], "the fault")
        await watch.until(lambda: "quiet" in marks(), "quiet")
        await watch.until(lambda: "reconnect at" in shown(app, "panel"), "the countdown")
        await watch.until(lambda: it.blob(it.look().pulls[0].id, DIGEST).stalls, "the stall")
        server.faults = ""
        await watch.until(lambda: it.look().pulls[0].state is PullState.DONE, "the end")
        marks()
        assert not any(word in shown(app, "pulls") for word in ("quiet", "stalled", "retrying"))
        blob = it.blob(it.look().pulls[0].id, DIGEST)
        assert blob.stalls >= 1 and blob.retries >= 1
        assert f"{blob.stalls} stall" in shown(app, "panel")
    it.assert_installed(MODEL, host=server.host)


async def test_what_our_cap_holds_back_is_said_to_be_held_by_it(
    registry: Callable[..., Registry], engine: Start
) -> None:
    server = registry(MODEL)
    it = engine(part_size=PART, connections=CONNECTIONS, stall_timeout=30.0, tuning={"quiet_after": 10.0})
    app = make_app(it.service, names=[server.names()[0]])
    async with app.run_test(size=(160, 40)):
        watch = Watch(app, server, it)
        it.service.set_limit(500 * KB).result(PATIENCE)
        await watch.until(lambda: "held by the cap" in shown(app, "panel"), "the cap on the screen")
        assert "500 KB/s" in shown(app, "header")
        assert not re.search(r"quiet|stalled|retry", shown(app, "pulls"))
        it.service.set_limit(None).result(PATIENCE)
        await watch.until(lambda: it.look().pulls[0].state is PullState.DONE, "the end")
        assert "held by the cap" not in shown(app, "panel")


async def test_what_the_server_holds_back_is_said_to_be_its_wish(
    registry: Callable[..., Registry], engine: Start
) -> None:
    server = registry(MODEL, faults="429@600s")
    it = engine(part_size=PART, connections=CONNECTIONS)
    app = make_app(it.service, names=[server.names()[0]])
    async with app.run_test(size=(160, 40)):
        watch = Watch(app, server, it)
        await watch.until(lambda: "busy" in shown(app, "pulls"), "the reason in the list")
        await watch.until(lambda: "next try in" in shown(app, "panel"), "the sentence")
        assert "(429)" in shown(app, "panel")
        server.faults = ""
        await watch.until(lambda: it.look().pulls[0].state is PullState.DONE, "the end")
        assert "busy" not in shown(app, "pulls")
