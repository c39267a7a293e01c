"""Connections that do not come about while the host serves others: it is not away, they may be too many."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import httpx
import pytest
from pulltui.engine.attempt import Attempt
from pulltui.engine.gates import Gate, Gates
from pulltui.engine.request import Requester
from pulltui.engine.setbacks import HostSetback
from pulltui.engine.tuning import Tuning
from support.clock import Clock
from support.gates import TUNING, busy, knock, no_files, refused, settle


@pytest.fixture
def gate(clock: Clock) -> Gate:
    return Gate("host", TUNING, clock)


async def test_a_refused_connection_holds_nobody_else_while_others_are_served(gate: Gate) -> None:
    for _ in range(10):
        (await gate.enter()).succeed()
        (entry := await gate.enter()).trouble(setback := refused())
        entry.leave()
        assert setback.alone
        assert (gate.limit, gate.waiting, gate.tries) == (None, None, 0)
        assert gate.open()


async def test_several_in_a_row_are_too_many_connections(gate: Gate, clock: Clock) -> None:
    passes = [await gate.enter() for _ in range(8)]
    for entry in passes[:4]:
        entry.succeed()
    for _ in range(4):
        assert gate.limit is None
        clock.now += 0.1
        (entry := await gate.enter()).trouble(setback := refused())
        entry.leave()
        assert setback.alone, "it is not the host that is away"
    for entry in passes[4:]:
        entry.leave()
    assert (gate.limit, gate.waiting) == (4, None)
    fifth = await knock(gate)
    assert not fifth.done()
    passes[0].leave()
    await settle()
    assert fifth.done(), "one may follow another"
    fifth.result().succeed()
    clock.now += 1.0
    assert gate.limit == 8, "tried again before long"
    (entry := await gate.enter()).trouble(refused())
    entry.leave()
    assert gate.limit == 4, "once is enough: it is known to serve four"


async def test_a_host_that_goes_away_is_waited_for_and_gets_all_its_traffic_back(
    gate: Gate, clock: Clock
) -> None:
    """Its connections break one after the other, and no new one comes about: that teaches no limit."""
    passes = [await gate.enter() for _ in range(8)]
    for entry in passes:
        entry.succeed()
    clock.now += 1.0
    for entry in passes:
        entry.leave()
        again = await knock(gate)
        assert again.done(), "while it serves some it is well"
        again.result().trouble(setback := refused())
        again.result().leave()
    assert not setback.alone
    assert gate.waiting is not None
    assert gate.limit is None
    clock.now += 1.0
    (await gate.enter()).succeed()
    assert [(await knock(gate)).done() for _ in range(8)] == [True] * 8


async def test_our_own_files_that_are_all_in_use_end_nothing(gate: Gate, clock: Clock) -> None:
    passes = [await gate.enter() for _ in range(4)]
    for entry in passes[:3]:
        entry.succeed()
    passes[3].trouble(setback := no_files())
    passes[3].leave()
    assert setback.alone
    assert (gate.limit, gate.waiting) == (3, None)
    clock.now += 10.0
    assert gate.limit == 4, "step by step"


async def test_our_own_files_are_not_laid_at_the_hosts_door(gate: Gate, clock: Clock) -> None:
    passes = [await gate.enter() for _ in range(3)]
    for entry in passes[:2]:
        entry.succeed()
    passes[2].trouble(no_files())
    passes[2].leave()
    assert gate.crowded == "too many open files for more than 2 connections to host"
    clock.now += 10.0
    (third := await gate.enter()).trouble(busy(ceiling=True))
    third.leave()
    assert gate.crowded == "host takes 2 connections at a time", "it says so itself"


async def test_nor_are_they_when_nobody_was_served_at_that_time(gate: Gate, clock: Clock) -> None:
    (await gate.enter()).trouble(no_files())
    clock.now += 1.0
    (await gate.enter()).succeed()
    assert gate.crowded == "too many open files for more than 1 connection to host"


async def test_a_server_that_refuses_the_second_connection_is_well(
    client_for: Callable[..., httpx.AsyncClient],
) -> None:
    async def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc")
        await reader.read()
        writer.close()

    server = await asyncio.start_server(begin, "127.0.0.1", 0)
    url = httpx.URL(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
    requester = Requester(
        client_for(),
        Gates(Tuning(), time.monotonic),
        user_agent="pulltui/test",
        max_redirects=lambda: 10,
        retry_after_limit=600.0,
        wall=time.time,
    )
    attempt = Attempt(time.monotonic, 30.0, Tuning())
    streams = await requester.get(url, {}, attempt)
    server.close()  # the listener: what is connected goes on
    with pytest.raises(HostSetback, match="refused") as caught:
        await requester.get(url, {}, attempt)
    assert caught.value.alone
    assert requester.gate(url).waiting is None
    await streams.close()
    with pytest.raises(HostSetback, match="refused") as caught:
        await requester.get(url, {}, attempt)
    assert not caught.value.alone, "it serves nobody any more"
    assert requester.gate(url).waiting is not None
