"""The engine's constants, in one struct so that tests can shrink every wait to milliseconds.

People change what is in the settings; what is here follows from measurements and promises.
"""

from __future__ import annotations

import msgspec

KIB = 1 << 10
MIB = 1 << 20


class Tuning(msgspec.Struct, frozen=True):
    """Times in seconds, amounts in bytes."""

    tick: float = 0.25
    """How often the watchdog looks at the connections."""
    publish: float = 0.1
    """How often the view is made anew."""
    quiet_after: float = 1.5
    """Silence that is worth showing."""
    takeover_after: float = 3.0
    """Silence, or slowness, after which a connection is broken off while the others go on."""
    idle_after: float = 0.15
    """The same while a connection has nothing else to do."""
    slump: float = 0.4
    """Bytes come far slower than they did below so many times of that: who crawls then is not waited for."""
    near: float = 3.0
    """Nor in the last so many seconds, as all would wait for it in the end."""
    follow_after: float = 0.1
    """Connections wait so long for the first answer that tells where a blob's bytes are, then ask, too."""
    manifest_after: float = 10.0
    """A manifest that does not come is asked for anew after this time, then after twice as long."""
    trickle_rate: float = 1.0 * KIB
    """Bytes a second below which a connection counts as stalled, over one `stall_timeout`."""
    backoff_base: float = 0.1
    """Of a part: waits n² times this (the seed's shape)."""
    resolve_base: float = 0.01
    """Of resolving a blob's URL."""
    budget_refill: int = 1 * MIB
    """Progress that makes a part's earlier failures forgotten."""
    gain: int = 64 * KIB
    """A connection that broke after so much was worth it: its part goes on at once, with a fresh budget."""
    probe_first: float = 1.0
    probe_last: float = 5.0
    """First and longest pause between two looks at a host in trouble."""
    retry_after_limit: float = 600.0
    """A longer Retry-After fails the pull with the time shown: nobody watches a countdown that long."""
    park_first: float = 2.0
    park_last: float = 60.0
    """Pauses of a pull whose unfinished parts have all used up their retries."""
    halve_pause: float = 2.0
    """A host's connections are halved at most once in this time (or its Retry-After)."""
    ceiling_pause: float = 10.0
    """First pause before a host's known ceiling is tried again; doubles each time."""
    recover_pause: float = 1.0
    """A host that was merely busy gets twice the connections after this time, and again."""
    ramp_step: float = 0.25
    """At least over this time it is measured what a number of connections brings."""
    ramp_probe_first: float = 10.0
    ramp_probe_last: float = 60.0
    """First and longest pause before more connections are tried again."""
    look: float = 0.1
    """How often a pull looks at the speed of its connections."""
    backlog: int = 32 * MIB
    """Received but unwritten bytes at which the sockets wait: what the hiccups of a disk take to bridge."""
    swift_backlog: int = 8 * MIB
    """The same while the disk is swift: it has them written in a moment, more would bridge nothing. All of
    them are lost with a kill, and that shall cost 16 MiB: the rest is for what is being read meanwhile."""
    checkpoint_bytes: int = 64 * MIB
    checkpoint_seconds: float = 10.0
    """Written bytes (over all blobs) and time after which part states are made durable, of the blobs that
    are worth it by then."""
    unsynced_limit: int = 128 * MIB
    """What a power cut may cost: received bytes that no durable state covers yet."""
    queue_pause: float = 0.25
    """The queue is saved at most once in this time."""
    queue_retry: float = 2.0
    """Pause after which saving the queue is tried again when it failed."""
    run_seconds: float = 6.0
    """A run asks for so many seconds of its connection's speed."""
    patience: float = 2.0
    """Servers close connections from which nobody reads. Those that a cap kept us from reading for this long
    may break off without blame."""
    rate_window: float = 5.0
    """Speeds are averages over this time."""
    suspend_gap: float = 5.0
    """Clocks apart, or a thread held, by more than this: the machine slept or the process was stopped."""
    space_check: float = 1.0
    """How often free space is looked at while writing, and while waiting for it."""
