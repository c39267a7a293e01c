"""A client for the network benchmark: fixed parts, a connection each, nothing taken over.

    python tests/bench/fixed.py URL DIGEST FILE [--part 16] [--connections 64] [--tries 6] [--stall 30]

How downloaders of models commonly work, made as fast as that can be. The URL is followed once, for half a
minute at most, with pauses of n² times 10 ms, and HEAD tells the size. The blob is cut into parts of one
size, all asked for at that address, so many at a time. A part that breaks off, is refused or ends early is
begun anew after 1, 2, 4, ... seconds; after so many failures of one part all is over. A connection without a
byte for `--stall` seconds, be it the first byte or another, is made anew at once and at no cost. SHA-256
follows in a thread, through the page cache. The exit code is 1 when it fails, with the reason.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import os
import random
import sys
import threading
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TypeVar
from urllib.parse import urljoin, urlsplit

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import PyreqwestError

REDIRECTS = (301, 302, 303, 307, 308)
HOPS = 10
RESOLVE_TIME = 30.0
RESOLVE_BASE, RESOLVE_CAP = 0.01, 10.0
READ = 1 << 20
MB = 1_000_000
Result = TypeVar("Result")


class FailedError(Exception):
    """What did not work."""


class Sums(threading.Thread):
    """SHA-256 of a file whose parts, `part` bytes each, become ready in any order."""

    def __init__(self, descriptor: int, size: int, part: int) -> None:
        super().__init__(daemon=True)
        self.result = hashlib.sha256()
        self.ready = [threading.Event() for _ in range(0, size, part)]
        self._descriptor = descriptor
        self._size = size
        self._part = part

    def run(self) -> None:
        buffer = memoryview(bytearray(READ))
        for number, ready in enumerate(self.ready):
            ready.wait()
            offset, end = number * self._part, min((number + 1) * self._part, self._size)
            while offset < end:
                count = os.preadv(self._descriptor, [buffer[: min(READ, end - offset)]], offset)
                self.result.update(buffer[:count])
                offset += count


class Download:
    """One blob into an open file."""

    def __init__(self, client: Client, descriptor: int, options: argparse.Namespace) -> None:
        self._client = client
        self._descriptor = descriptor
        self._part = options.part * MB
        self._tries = options.tries
        self._stall = options.stall
        self._slots = asyncio.Semaphore(options.connections)
        self._size = 0

    async def run(self, url: str) -> str:
        """Fetch it; its digest. Raises FailedError."""
        async with asyncio.timeout(RESOLVE_TIME):
            direct = await _until_it_works(lambda: self._follow(url))
            self._size = await _until_it_works(lambda: self._ask_size(direct))
        os.truncate(self._descriptor, self._size)
        sums = Sums(self._descriptor, self._size, self._part)
        sums.start()
        async with asyncio.TaskGroup() as group:
            for number, ready in enumerate(sums.ready):
                group.create_task(self._fetch(direct, number, ready))
        await asyncio.to_thread(sums.join)
        return f"sha256:{sums.result.hexdigest()}"

    async def _follow(self, url: str) -> str:
        """The address at another host to which it leads, or where it leads at its own."""
        host = urlsplit(url).netloc
        for _ in range(HOPS):
            request = self._client.get(url).header("Range", "bytes=0-0").build_streamed()
            async with request as answer:
                status, location = answer.status, answer.headers.get("location")
            if status in (200, 206):
                return url
            if status not in REDIRECTS or location is None:
                raise FailedError(f"{status} for the address")
            url = urljoin(url, location)
            if urlsplit(url).netloc != host:
                return url
        raise FailedError(f"more than {HOPS} redirects")

    async def _ask_size(self, url: str) -> int:
        async with self._client.head(url).build_streamed() as answer:
            if answer.status != 200:
                raise FailedError(f"{answer.status} for the size")
            return int(answer.headers["content-length"])

    async def _fetch(self, url: str, number: int, ready: threading.Event) -> None:
        """Fetch one part, again and again if need be. Raises FailedError."""
        start = number * self._part
        stop = min(start + self._part, self._size)
        failures = 0
        async with self._slots:
            while not ready.is_set():
                try:
                    await self._try(url, start, stop)
                    ready.set()
                except TimeoutError:
                    continue
                except (PyreqwestError, FailedError) as problem:
                    failures += 1
                    if failures == self._tries:
                        raise FailedError(f"part {number}: {problem}") from None
                    await asyncio.sleep(2 ** (failures - 1))

    async def _try(self, url: str, start: int, stop: int) -> None:
        """Ask for a part once and write what comes."""
        builder = self._client.get(url).header("Range", f"bytes={start}-{stop - 1}")
        async with asyncio.timeout(self._stall) as silence:
            async with builder.streamed_read_buffer_limit(0).build_streamed() as answer:
                if answer.status != 206:
                    raise FailedError(f"status {answer.status}")
                while (chunk := await answer.body_reader.read_chunk()) is not None:
                    silence.reschedule(asyncio.get_running_loop().time() + self._stall)
                    start += os.pwrite(self._descriptor, memoryview(chunk), start)
        if start != stop:
            raise FailedError(f"{stop - start} bytes are missing")


async def _until_it_works(ask: Callable[[], Awaitable[Result]]) -> Result:
    """Ask again after n² times `RESOLVE_BASE`, give or take half."""
    number = 0
    while True:
        try:
            return await ask()
        except (PyreqwestError, FailedError):
            number += 1
            await asyncio.sleep(min(number**2 * RESOLVE_BASE, RESOLVE_CAP) * random.uniform(0.5, 1.5))


async def fetch(options: argparse.Namespace) -> str:
    """Fetch it into the file; what is wrong, nothing if all is well."""
    # Its own time, in case a request that is given up before its answer begins lives on.
    silence = timedelta(seconds=2 * options.stall)
    builder = ClientBuilder().http1_only().follow_redirects(False).no_proxy()
    descriptor = os.open(options.file, os.O_RDWR | os.O_CREAT, 0o644)
    wrong = ""
    try:
        async with builder.read_timeout(silence).build() as client:
            digest = await Download(client, descriptor, options).run(options.url)
        if digest != options.digest:
            wrong = f"the digest is {digest}"
    except* (FailedError, TimeoutError) as problems:
        wrong = repr(problems.exceptions[0])
    finally:
        os.close(descriptor)
    return wrong


def main(arguments: Sequence[str] | None = None) -> int:
    """Fetch one blob; 1 if that failed."""
    parser = argparse.ArgumentParser(
        prog="python tests/bench/fixed.py", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("url")
    parser.add_argument("digest")
    parser.add_argument("file", type=Path)
    parser.add_argument("--part", type=int, default=16, metavar="MB")
    parser.add_argument("--connections", type=int, default=64, metavar="N")
    parser.add_argument("--tries", type=int, default=6, metavar="N")
    parser.add_argument("--stall", type=float, default=30.0, metavar="SECONDS")
    wrong = asyncio.run(fetch(parser.parse_args(arguments)))
    if wrong:
        print(wrong, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
