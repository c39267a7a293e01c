"""The networks of the network benchmark: what goes wrong, and how fast a client could be at best.

The ideal is `bytes / link rate` plus the waits that no client can avoid. Per scenario, with L = bytes / link:

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
"""

from __future__ import annotations

from dataclasses import dataclass

LINK = 160_000_000


@dataclass(frozen=True)
class Scenario:
    """One network: its name, its faults beside the link's rate, the seconds nobody can avoid to wait."""

    name: str
    faults: str
    waits: float = 0.0

    @property
    def plan(self) -> str:
        """All of it in the language of the embedded registry."""
        return ",".join(filter(None, [f"link@{LINK // 10**6}MB/s", self.faults]))

    def ideal(self, size: int) -> float:
        """The seconds that a blob of `size` bytes takes at best."""
        return size / LINK + self.waits


SCENARIOS = (
    Scenario("clean", ""),
    Scenario("paced", "rate@5MB/s"),
    Scenario("slow", "slow=1/8@200KB/s"),
    Scenario("stall", "stall=1/9@500KB-4MB,mute=1/9"),
    Scenario("reset", "reset@2MB-14MB"),
    Scenario("503", "503@4s", 4.0),
    Scenario("502", "502=1/5,resolve:502=1/5"),
    Scenario("expire", "expire@2.5s"),
    Scenario("latency", "ttfb@250ms", 0.25),
    Scenario("short", "short=1/3"),
    Scenario("noranges", "norange"),
    Scenario("capped", "max@4"),
    Scenario("loss", "outage@1s-21s", 20.0),
)
