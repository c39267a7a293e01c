"""The networks of the network benchmark: what goes wrong, and how fast a client could be at best.

The ideal is `bytes / rate` plus the waits that no client can avoid. L is bytes over the link's rate:

| name | what goes wrong | ideal |
| --- | --- | --- |
| clean | nothing | L |
| paced | a connection gets 5 MB/s | L: 32 connections fill the link |
| slow | every eighth request crawls at 0.2 MB/s | L: the others fill the link |
| stall | of nine requests one falls silent after 0.5 to 4 MB, one before its first byte | L: as above |
| reset | a connection is reset after 2 to 14 MB | L: another one goes on at that byte |
| 503 | for 4 s from the first request on every answer is 503 with Retry-After: 1 | L + 4 s |
| 502 | every fifth request, for the URL and for the bytes, is answered with 502 | L: asking again is free |
| expire | URLs are good for 2.5 s | L: a fresh one is a round trip beside the others |
| latency | the first byte of an answer comes after 250 ms | L + 250 ms: the first one has to be waited for |
| short | of three bodies one ends at its half, though more was promised | L |
| noranges | ranges are ignored: always 200 and the whole blob | L: one connection may use the whole link |
| capped | more than 4 connections at once are answered with 429 and Retry-After: 1 | L: 4 fill the link |
| loss | 1 s after the first request all is reset, and refused for 20 s | L + 20 s |

Mixes, two or more at a time:

| name | what goes wrong | ideal |
| --- | --- | --- |
| slow+reset | every eighth request crawls, all are reset after 2 to 14 MB | L |
| paced+ttfb | 5 MB/s a connection, 250 ms to the first byte | L + 250 ms |
| max+ttfb | at most 4 connections, 250 ms to the first byte | L + 250 ms |
| mute+max | of nine requests one is never answered, at most 8 connections | L |
| 429+paced | the first request for the manifest is refused, 5 MB/s a connection | L: asking again is free |
| expire+ttfb | URLs are good for 2.5 s, and take 1 s to come | L + 1 s: later ones come beside the bytes |

The ideal of any other plan is found in the same way, see `rate` and `waits`. What those do not know counts
as free: what befalls only some requests (another one would have got round it), waits that a Retry-After asks
for beyond the trouble itself, and what is asked again.
"""

from __future__ import annotations

from dataclasses import dataclass

from pulltui.demo.faults import PLACES, Fault, Faults, parse

LINK = 160_000_000


@dataclass(frozen=True)
class Scenario:
    """One network: its name, its faults beside the link's rate."""

    name: str
    faults: str

    @property
    def plan(self) -> str:
        """All of it in the language of the embedded registry."""
        return ",".join(filter(None, [f"link@{LINK // 10**6}MB/s", self.faults]))

    def ideal(self, size: int) -> float:
        """The seconds that a blob of `size` bytes takes at best."""
        plan = parse(self.plan)
        seconds = size / rate(plan)
        return seconds + waits(plan, seconds)


def rate(plan: Faults) -> float:
    """Bytes a second at best: the link's (its last one, if the plan has its own), or what as many connections
    as are let in may have together; without ranges one alone is of use.
    """
    always = [fault for fault in plan if _is_always(fault) and fault.place == "blob"]
    slow = [fault.value for fault in always if fault.kind == "slow" and isinstance(fault.value, int)]
    each = min([plan.number("rate") or float("inf"), *slow])
    alone = any(fault.kind == "norange" for fault in always)
    together = 1 if alone else plan.number("max") or float("inf")
    return min(plan.number("link") or float("inf"), each * together)


def waits(plan: Faults, seconds: float) -> float:
    """The seconds that nobody can avoid to wait, when the bytes take `seconds`.

    Manifest, URL and bytes are asked for one after the other. At each place counts, if it befalls every
    request: an error for a time, the time to the first byte, a silence in mid-body; and an outage, if the
    bytes have not all come when it begins.
    """
    found = {place: _waits_at(place, plan) for place in PLACES}
    total, bytes_take = sum(found.values()), seconds + found["blob"]
    for kind, begun in (("outage", bytes_take), ("offline", seconds + total)):
        window = plan.server(kind)
        if isinstance(window, tuple) and begun > window[0]:
            total += window[1] - window[0]
    return total


def _waits_at(place: str, plan: Faults) -> float:
    mine = [fault for fault in plan if fault.place == place and _is_always(fault)]
    errors = [_seconds(fault) for fault in mine if fault.status is not None]
    return max(errors, default=0.0) + sum(_seconds(f) for f in mine if f.kind in ("ttfb", "quiet"))


def _is_always(fault: Fault) -> bool:
    """Whether it befalls each and every request of its place."""
    return fault.every == 1 and fault.limit is None


def _seconds(fault: Fault) -> float:
    """Its value, if that is a time; an error without one never ends, and there is no ideal with it."""
    return float(fault.value) if isinstance(fault.value, int | float) else 0.0


USUAL = (
    Scenario("clean", ""),
    Scenario("paced", "rate@5MB/s"),
    Scenario("slow", "slow=1/8@200KB/s"),
    Scenario("stall", "stall=1/9@500KB-4MB,mute=1/9"),
    Scenario("reset", "reset@2MB-14MB"),
    Scenario("503", "503@4s"),
    Scenario("502", "502=1/5,resolve:502=1/5"),
    Scenario("expire", "expire@2.5s"),
    Scenario("latency", "ttfb@250ms"),
    Scenario("short", "short=1/3"),
    Scenario("noranges", "norange"),
    Scenario("capped", "max@4"),
    Scenario("loss", "outage@1s-21s"),
)
MIXES = (
    Scenario("slow+reset", "slow=1/8@200KB/s,reset@2MB-14MB"),
    Scenario("paced+ttfb", "rate@5MB/s,ttfb@250ms"),
    Scenario("max+ttfb", "max@4,ttfb@250ms"),
    Scenario("mute+max", "mute=1/9,max@8"),
    Scenario("429+paced", "manifest:429*1,rate@5MB/s"),
    Scenario("expire+ttfb", "expire@2.5s,resolve:ttfb@1s"),
)
GROUPS = {"usual": USUAL, "mixes": MIXES}
