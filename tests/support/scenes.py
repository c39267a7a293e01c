"""Fixed views for tests of screens, for pictures and for trying things out by eye."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from msgspec.structs import replace
from pulltui.engine.views import (
    BlobState,
    BlobView,
    EngineView,
    Event,
    EventKind,
    PartMap,
    PartState,
    PartView,
    PullState,
    PullView,
    Waiting,
)

GB, MB = 1_000_000_000, 1_000_000


def part_map(states: Sequence[int], sizes: Sequence[int], done: Sequence[int]) -> PartMap:
    """Pack a map; parts follow one another from 0."""
    offsets = [sum(sizes[:n]) for n in range(len(sizes))] if len(sizes) < 100 else _running(sizes)
    return PartMap(
        offsets=array("Q", offsets).tobytes(),
        sizes=array("Q", sizes).tobytes(),
        done=array("Q", done).tobytes(),
        states=bytes(states),
    )


def _running(sizes: Sequence[int]) -> list[int]:
    offsets, at = [], 0
    for size in sizes:
        offsets.append(at)
        at += size
    return offsets


def digest(number: int) -> str:
    """A digest that is the same every time, and looks like one."""
    return "sha256:" + f"{(number * 0x9E3779B97F4A7C15) % 2**64:016x}" * 4


def layers(number: int, *, state: BlobState = BlobState.VERIFIED) -> tuple[BlobView, ...]:
    """The small blobs that every model has."""
    sizes = (("license", 11_357), ("template", 1_482), ("params", 96), ("config", 487))
    return tuple(
        BlobView(
            digest=digest(1000 * number + n),
            kind=kind,
            media_type=f"application/vnd.ollama.image.{kind}",
            size=size,
            done=size if state is BlobState.VERIFIED else 0,
            hashed=size if state is BlobState.VERIFIED else 0,
            state=state,
        )
        for n, (kind, size) in enumerate(sizes)
    )


def busy_blob(parts: int = 188, part_size: int = 100 * MB, *, troubled: bool = True) -> BlobView:
    """A blob in the middle of it: two thirds done, 16 parts in work, some of them in trouble."""
    sizes = [part_size] * (parts - 1) + [part_size * 2 // 5]
    front = parts * 2 // 3
    states = [int(PartState.DONE)] * front + [int(PartState.TODO)] * (parts - front)
    done = [part_size] * front + [0] * (parts - front)
    active = []
    for n, number in enumerate(range(front, min(front + 16, parts - 4))):
        state, rate = PartState.RECEIVING, 5.6 * MB + n * 90_000
        extra: dict[str, object] = {}
        if troubled and n == 5:
            state, rate = PartState.STALLED, 0.0
            extra = {"attempt": 2, "attempts": 6, "wait": 2.4, "why": "stalled: no byte for 30 s"}
        elif troubled and n == 2:
            state, rate = PartState.WAITING, 0.0
            extra = {"attempt": 3, "attempts": 6, "wait": 6.4, "why": "503"}
        elif troubled and n == 11:
            state, rate = PartState.QUIET, 0.0
            extra = {"silent": 9.2, "stall_after": 30.0}
        states[number] = int(state)
        done[number] = part_size * (95 - n * 5) // 100
        active.append(
            PartView(
                n=number,
                offset=number * part_size,
                size=sizes[number],
                done=done[number],
                state=state,
                rate=rate,
                **extra,  # type: ignore[arg-type]
            )
        )
    states[front + 17] = int(PartState.HELD)
    states[front + 20], done[front + 20] = int(PartState.PARTIAL), part_size // 3
    active.sort(key=lambda part: (-part.state if part.state != PartState.RECEIVING else 0, part.n))
    size, have = sum(sizes), sum(done)
    rate = sum(part.rate for part in active)
    return BlobView(
        digest=digest(1),
        kind="model",
        media_type="application/vnd.ollama.image.model",
        size=size,
        done=have,
        hashed=have * 9 // 10,
        rate=rate,
        eta=(size - have) / rate,
        state=BlobState.DOWNLOADING,
        connections=len(active) - (1 if troubled else 0),
        parts=parts,
        parts_done=front,
        stalled=int(troubled),
        retrying=int(troubled),
        quiet=int(troubled),
        source="registry.ollama.ai",
        active=tuple(active),
        map=part_map(states, sizes, done),
    )


def _plain_map(size: int, done: int) -> PartMap:
    """A map of parts of 100 MB, fetched one after the other."""
    sizes = [min(100 * MB, size - at) for at in range(0, size, 100 * MB)]
    have = [max(0, min(part, done - n * 100 * MB)) for n, part in enumerate(sizes)]
    states = [
        PartState.DONE if got == part else PartState.PARTIAL if got else PartState.TODO
        for part, got in zip(sizes, have, strict=True)
    ]
    return part_map(states, sizes, have)


def pull(number: int, name: str, state: PullState, size: int, done: int, **more: object) -> PullView:
    """A pull with one large blob, and the small ones where they say something."""
    blob_state = {
        PullState.QUEUED: BlobState.QUEUED,
        PullState.DONE: BlobState.VERIFIED,
        PullState.VERIFYING: BlobState.VERIFYING,
        PullState.PAUSED: BlobState.PAUSED,
        PullState.FAILED: BlobState.FAILED,
    }.get(state, BlobState.DOWNLOADING)
    blob = BlobView(
        digest=digest(number),
        kind="model",
        media_type="application/vnd.ollama.image.model",
        size=size,
        done=done,
        hashed=done * 58 // 100 if state is PullState.VERIFYING else done,
        state=blob_state,
        rate=float(more.get("rate", 0.0)),  # type: ignore[arg-type]
        eta=more.get("eta"),  # type: ignore[arg-type]
        connections=int(more.get("connections", 0)),  # type: ignore[call-overload]
        parts=max(1, size // (100 * MB)),
        map=_plain_map(size, done) if state not in (PullState.QUEUED, PullState.DONE) else None,
    )
    blobs = () if state is PullState.RESOLVING else (blob, *layers(number))
    return PullView(
        id=f"pull{number}",
        name=name,
        host="hf.co" if name.startswith("hf.co") else "registry.ollama.ai",
        state=state,
        size=size,
        done=done,
        blobs=blobs,
        **more,  # type: ignore[arg-type]
    )


def busy_pull() -> PullView:
    """The pull of `busy_blob`."""
    blob = busy_blob()
    return PullView(
        id="pull1",
        name="qwen3:32b",
        host="registry.ollama.ai",
        state=PullState.DOWNLOADING,
        size=blob.size + sum(layer.size for layer in layers(1)),
        done=blob.done + sum(layer.size for layer in layers(1)),
        rate=blob.rate,
        eta=blob.eta,
        connections=blob.connections,
        connections_why="settled at 16 (+94% over 8)",
        blobs=(blob, *layers(1)),
    )


def view(*pulls: PullView, rev: int = 1, now: float = 100.0) -> EngineView:
    """A view of these pulls, with sums."""
    counted = [pull for pull in pulls if pull.state is not PullState.FAILED]
    rate = sum(pull.rate for pull in pulls)
    size, done = sum(pull.size for pull in counted), sum(pull.done for pull in counted)
    return EngineView(
        rev=rev,
        now=now,
        pulls=pulls,
        rate=rate,
        size=size,
        done=done,
        eta=(size - done) / rate if rate else None,
        models_dir="/home/ada/.ollama/models",
        transport="fast",
        free=212 * GB,
    )


def queue() -> EngineView:
    """A queue with everything in it: a stall, a retry, a hash, a wait, a pause, a failure and a success."""
    return view(
        busy_pull(),
        pull(
            2,
            "hf.co/bartowski/Llama-3.3-70B-Instruct-GGUF:Q4_K_M",
            PullState.DOWNLOADING,
            42_520 * MB,
            12_670 * MB,
            rate=22.9 * MB,
            eta=1226.0,
            connections=8,
        ),
        pull(3, "llama3.2:3b", PullState.VERIFYING, 2020 * MB, 2020 * MB),
        pull(
            4,
            "mistral-small:24b",
            PullState.WAITING,
            14_300 * MB,
            4_100 * MB,
            waiting=Waiting("registry busy (503)", 6.6),
        ),
        pull(5, "gemma3:27b", PullState.PAUSED, 17_400 * MB, 3_310 * MB),
        pull(6, "deepseek-r1:14b", PullState.QUEUED, 9_000 * MB, 0),
        failed_pull(),
        pull(8, "nomic-embed-text", PullState.DONE, 274 * MB, 274 * MB, seconds=12.0),
    )


def failed_pull() -> PullView:
    """A pull that the registry refused in the middle."""
    return pull(
        7,
        "phi4:14b",
        PullState.FAILED,
        9_100 * MB,
        8_300 * MB,
        error="registry.ollama.ai refused blob 8b1f0a2c at part 83 (403 Forbidden)",
        hint="The registry may want a login.",
        kind="refused",
        exit_code=1,
    )


def log() -> list[Event]:
    """What happened to the pull of `busy_blob` so far."""
    name, large = "qwen3:32b", digest(1)
    lines: list[tuple[float, EventKind, dict[str, object]]] = [
        (0.1, EventKind.ADDED, {}),
        (0.6, EventKind.RESOLVED, {"blobs": 5, "size": 18_740_013_422}),
        (1.2, EventKind.VERIFIED, {"digest": digest(1003), "size": 487}),
        (96.4, EventKind.RETRY, {"part": 121, "attempt": 1, "attempts": 6, "wait": 0.1, "why": "reset"}),
        (
            148.0,
            EventKind.STALLED,
            {"part": 130, "attempt": 2, "attempts": 6, "wait": 2.4, "why": "no byte for 30 s"},
        ),
        (151.2, EventKind.RETRY, {"part": 127, "attempt": 3, "attempts": 6, "wait": 7.0, "why": "503"}),
    ]
    return [
        Event(seq=seq, at=at, kind=kind, pull="pull1", name=name, **({"digest": large} | more))  # type: ignore[arg-type]
        for seq, (at, kind, more) in enumerate(lines, start=1)
    ]


def long_names() -> EngineView:
    """What people really pull: names that do not fit, in one hour of a bad network."""
    host = "registry.example.com:5000"
    offline = pull(
        9,
        f"{host}/team/models/a-very-long-name-for-a-model-instruct:q4_K_M",
        PullState.WAITING,
        8_000 * MB,
        2_000 * MB,
        waiting=Waiting(f"cannot reach {host} (no route to host)", 4.0, "offline"),
    )
    return view(busy_pull(), replace(offline, host=host))
