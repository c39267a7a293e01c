"""Where a blob comes from: one registry's address for it, resolved once for all connections."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import httpx

from pulltui.engine.accept import FINAL, STALE, Body, accept
from pulltui.engine.attempt import Attempt
from pulltui.engine.auth import Authenticator
from pulltui.engine.backoff import doubling
from pulltui.engine.clean import SIGN_IN, WEB_PAGE
from pulltui.engine.edges import Edges
from pulltui.engine.errors import NotFoundError, RefusedError, ResponseError
from pulltui.engine.request import Answer, Requester, host_of
from pulltui.engine.setbacks import HostSetback, PartSetback, StaleUrl, WrongAnswer
from pulltui.engine.stream import Progress, Stream

_FINAL = FINAL | {httpx.codes.NETWORK_AUTHENTICATION_REQUIRED}
"""Server errors that trying again does not change, and a network that says plainly one must sign in first."""
_BARREN = 2
"""Fresh URLs in a row that are refused, while nothing comes from anywhere, before the pull fails."""
_REST = (0.1, 5.0)
"""First and longest pause, in seconds, of a blob whose fresh URLs are refused while others bring bytes."""
_FOLLOWERS = 4
"""So many ask, one after the other, in the time that the first one had for itself."""
_WHOLES = 3
"""Whole blobs in a row, instead of ranges, after which a server that knew ranges knows them no more."""


class Source:
    """One blob at one registry.

    The first ranged GET goes to the registry and follows its redirects; where it ended is remembered, and
    the other connections go there directly until the URL is stale. Each fresh URL has a new generation.
    """

    def __init__(
        self,
        requester: Requester,
        url: httpx.URL,
        digest: str,
        size: int,
        max_retries: int,
        *,
        auth: Authenticator,
        edges: Edges,
        progress: Progress,
        follow_after: float,
    ) -> None:
        """`follow_after`: seconds to wait for somebody else's first answer before asking, too."""
        self.url = url
        self.generation = 0
        self.ranges: bool | None = None
        """Whether the server knows ranges; None until it answered."""
        self.progress = progress
        self.failing = 0
        """Requests in a row that failed without a byte from anywhere between them."""
        self.host = host_of(url)
        """Host that the bytes come from."""
        self.took = 0.0
        """Seconds that it took lately until the address was known, 0 while nobody knows."""
        self.moves = 0
        """How often resolving was given up since it last succeeded."""
        self._followed = 0
        self._requester = requester
        self._auth = auth
        self._edges = edges
        self._follow_after = follow_after
        self._next_may_ask = self._may_follow = -math.inf
        self._digest = digest
        self._size = size
        self._max_wrong = max_retries
        self._direct: httpx.URL | None = None
        self._went_to = url
        """The last address that answered."""
        self._unwanted: dict[int, int] = {}
        """Bytes from which on somebody wants to go elsewhere than the addresses up to a generation led."""
        self._ahead: httpx.URL | None = None
        """Where the registry has just sent who asks it, before that has answered."""
        self._due = False
        """Somebody should resolve it anew, while the others go where it leads now."""
        self._resolving: dict[Attempt, bool] = {}
        """Who asks for the address, and whether they still wait for it, rather than for the bytes."""
        self._resolved = asyncio.Event()
        """Set, and replaced, when one of them is through."""
        self._barren = 0
        self._refuser = ""
        """Host that refused a fresh address while nothing came from anywhere."""
        self._rests = 0
        """How often in a row nobody was to ask for it."""
        self._rests_until = -math.inf
        self._good = 0
        """The last generation that was any good: that it turns out stale is no wonder."""
        self._wrong = 0
        self._wholes = 0

    async def open(self, start: int, end: int, attempt: Attempt, *, ranged: bool = True) -> Stream:
        """Ask for bytes [start, end); `ranged` False asks for the whole blob without a range.

        Raises a Setback, or a PullError when trying again does not help.
        """
        headers = {"Range": f"bytes={start}-{end - 1}"} if ranged else {}
        if self._edges.avoided(self.host):
            self._direct = None
        unwanted = self._unwanted.pop(start, -1)  # one try: if it fails, what there is must do
        if self._has_to_ask(unwanted):
            # Somebody else may be resolving, or waiting for the host; that is not our connection's silence.
            attempt.hold(self._requester.gate(self._went_to))
            follows = await self._turn(unwanted)
            attempt.release()
            if follows and self._ahead is not None:
                return await self._go_ahead(self._ahead, headers, start, end, attempt)
            if self._has_to_ask(unwanted):
                return await self._resolve(headers, start, end, attempt)
        return await self._direct_get(headers, start, end, attempt)

    def _known(self, unwanted: int) -> bool:
        return self._direct is not None and self.generation > unwanted

    def _has_to_ask(self, unwanted: int) -> bool:
        return not self._known(unwanted) or (self._due and not self._resolving)

    async def _turn(self, unwanted: int) -> bool:
        """Wait while somebody else resolves, in case there will be nothing left to resolve; return whether to
        go where the registry has sent that one.

        Only for twice the time that it usually takes, if anybody knows. Then one after the other asks, too,
        lest that one hangs, and the rest may as well go there. Unless who resolves waits for something that
        all have to wait for.
        """
        patience = max(self._follow_after, 2 * self.took)
        while not self._known(unwanted) and self._resolving:
            left = self._next_may_ask - _now()
            if not any(attempt.waits or attempt.errand for attempt in self._resolving):
                if left <= 0:
                    self._next_may_ask = _now() + patience / _FOLLOWERS
                    return False
                if self._ahead is not None and unwanted < 0 and _now() >= self._may_follow:
                    return True
            resolved = self._resolved
            with suppress(TimeoutError):
                async with asyncio.timeout(left if left > 0 else patience):
                    await resolved.wait()
        self._next_may_ask = self._may_follow = _now() + patience
        return False

    @contextmanager
    def _resolves(self, attempt: Attempt) -> Iterator[Callable[[httpx.URL], bool]]:
        """Have the others know, and told when it is over.

        Gives what to call with the address of each redirect: whether to ask for another one.
        """
        began, went_on = _now(), attempt.went_on

        def led(url: httpx.URL) -> bool:
            avoided = host_of(url) == self._refuser or self._edges.avoided(host_of(url))
            self._resolving[attempt] = avoided
            self._ahead = None if avoided else url
            attempt.led_at = _now()
            if attempt.went_on == went_on:  # else it waited at a gate meanwhile
                self.took = _now() - began
            return avoided

        self._resolving[attempt] = True
        self._due = False  # one try: if it fails, the others had better use the address that there is
        try:
            yield led
            self._due, self.moves = False, 0  # also if somebody wanted that meanwhile
            self._unwanted.clear()
        finally:
            del self._resolving[attempt]
            self._ahead = None
            resolved, self._resolved = self._resolved, asyncio.Event()
            resolved.set()

    def resolves(self, attempt: Attempt) -> bool:
        """Return whether that one asks where the bytes are, and does not know yet."""
        return self._resolving.get(attempt, False)

    def refresh(self, generation: int, start: int | None = None) -> None:
        """Have one connection resolve the URL again, unless that happened since `generation`; it may lead
        somewhere better. The others use the one there is, but who asks for the bytes from `start` on.
        """
        self._due = self._due or generation == self.generation
        if start is not None:
            self._unwanted[start] = generation

    def freshen(self, call: int) -> None:
        """Follow the blob's calls for a fresh URL: `call` counts them."""
        if call != self._followed:
            self._followed = call
            self._direct = self._ahead = None

    async def _resolve(self, headers: dict[str, str], start: int, end: int, attempt: Attempt) -> Stream:
        attempt.fresh = attempt.fresh or self.moves > 0
        before = self.generation
        with self._resolves(attempt) as led:
            try:
                answer = await self._requester.get(self.url, headers, attempt, self._auth, avoid=led)
            except PartSetback as setback:
                setback.resolving = True
                raise
            except HostSetback as setback:
                self._edges.spare(setback.host)  # it was asked for another one
                raise
            if self.generation == before or answer.url != self._went_to:  # else who followed has told all
                self.generation += 1
            try:
                stream = await self._judge(answer, self.generation, start, end, attempt)
            except StaleUrl as setback:
                self._refused(setback)
                if all(stream.host != answer.host for stream in self.progress.streams):
                    self._edges.failed(answer.host)
                raise
            self._use(answer)
            return stream

    def _refused(self, setback: StaleUrl) -> None:
        """A fresh address is refused. If that fails nothing, somebody rests: if some of the blob comes, the
        connection; else the blob, for the next connection would fare no better.
        """
        if self._barren:
            return
        setback.alone = any(stream.source is self for stream in self.progress.streams)
        if not setback.alone and not self.rest:
            self._rests_until = _now() + doubling(self._rests, *_REST)
            self._rests += 1

    @property
    def rest(self) -> float:
        """Seconds in which nobody should ask for it: others use what there is."""
        return max(0.0, self._rests_until - _now())

    def retry_now(self) -> None:
        """Somebody does not want to wait."""
        self._rests_until = -math.inf

    def _use(self, answer: Answer) -> None:
        """All go where that came from."""
        self._edges.offered(host_of(self.url), answer.host)
        self._direct = self._went_to = answer.url
        self.host = answer.host
        self._good, self._barren, self._rests, self._refuser = self.generation, 0, 0, ""
        self._edges.spare(self.host)

    async def _go_ahead(
        self, url: httpx.URL, headers: dict[str, str], start: int, end: int, attempt: Attempt
    ) -> Stream:
        """Ask where the registry has sent somebody who is not answered yet; the first who is tells all.

        What comes of it in vain counts for nothing: who was sent there will hear of it.
        """
        generation = self.generation + 1
        try:
            answer = await self._requester.get(url, headers, attempt, self._auth, redirected=True)
            stream = await self._judge(answer, -1, start, end, attempt)
        except BaseException:  # a cancellation, too: it may have been given up for its silence
            if self._ahead == url:
                self._ahead = None
            raise
        stream.generation = generation
        if self.generation < generation:
            self.generation = generation
            self._use(answer)
        return stream

    async def _direct_get(self, headers: dict[str, str], start: int, end: int, attempt: Attempt) -> Stream:
        url, generation = self._direct or self.url, self.generation
        if self._direct is not None:
            self._good = generation  # it has served, though who asked for another one since did so in vain
        answer = await self._requester.get(url, headers, attempt, self._auth, redirected=url != self.url)
        return await self._judge(answer, generation, start, end, attempt)

    async def _judge(self, answer: Answer, generation: int, start: int, end: int, attempt: Attempt) -> Stream:
        """Return the stream if the answer is what was asked for; else close it and raise."""
        try:
            if answer.status in (httpx.codes.OK, httpx.codes.PARTIAL_CONTENT):
                body = accept(answer.response, start, end, self._size)
                self._wrong = 0
                self._wholes = 0 if body is Body.RANGE else self._wholes + 1
                if self.ranges is None or self._wholes in (0, _WHOLES):
                    self.ranges = body is Body.RANGE
                stream = Stream(answer, body, self, generation)
                self.progress.streams.add(stream)
                return stream
            raise await self._refusal(answer, generation, attempt)
        except WrongAnswer as setback:
            await answer.close()
            self._wrong += 1
            if self._wrong > self._max_wrong:
                raise ResponseError(
                    f"{answer.host} keeps sending what was not asked for: {setback.why}",
                    "Nothing of it was written. Something on the way may be changing answers; try later.",
                ) from setback
            raise
        except BaseException:  # a cancellation too: the connection must be let go of
            await answer.close()
            raise

    async def _refusal(self, answer: Answer, generation: int, attempt: Attempt) -> Exception:
        status = answer.status
        if answer.redirected and status in STALE:
            return await self._stale(answer, generation, attempt)
        if status == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
            return WrongAnswer("416: the server has fewer bytes than the manifest says")
        if status < 500 or status in _FINAL:
            return await refusal(answer, f"blob {self._digest[7:19]}", attempt)
        return PartSetback(f"{status} from {answer.host}")

    async def _stale(self, answer: Answer, generation: int, attempt: Attempt) -> Exception:
        if generation == self.generation:
            self._direct = None
            if generation != self._good:
                # While others bring bytes, the host may mean this connection alone.
                self._barren = self._barren + 1 if self.progress.stopped else 0
                self._refuser = answer.host if self._barren else ""
        if self._barren >= _BARREN:
            words = await answer.words(attempt)
            portal = SIGN_IN if words == WEB_PAGE else ""
            return RefusedError(
                f"{answer.host} refuses fresh addresses of blob {self._digest[7:19]} ({answer.status})"
                + (f": {words}" if words else ""),
                portal or "The store behind the registry turns us away; try again later.",
            )
        return StaleUrl(f"address expired ({answer.status} from {answer.host})")


def _now() -> float:
    return asyncio.get_running_loop().time()


async def refusal(answer: Answer, what: str, attempt: Attempt) -> Exception:
    """Return the error for a status that is neither success nor trouble of a host or part.

    `what` names the thing asked for: "manifest of x", "blob 0123".
    """
    status, host = answer.status, answer.host
    if status in (httpx.codes.REQUEST_TIMEOUT, httpx.codes.TOO_EARLY):
        return PartSetback(f"{status} from {host}")
    if status >= 500 and status not in _FINAL:
        return PartSetback(f"{status} from {host}")
    words = await answer.words(attempt)
    said = f": {words}" if words else ""
    if words == WEB_PAGE or status == httpx.codes.NETWORK_AUTHENTICATION_REQUIRED:
        missing = status in (httpx.codes.NOT_FOUND, httpx.codes.GONE)
        return (NotFoundError if missing else RefusedError)(
            f"{host} answered {status} for {what}: {WEB_PAGE}",
            f"{SIGN_IN} If it is one, check the name and the tag for typing errors." if missing else SIGN_IN,
        )
    if status in (httpx.codes.NOT_FOUND, httpx.codes.GONE):
        return NotFoundError(
            f"{host} has no {what} ({status}){said}",
            "Check the name and the tag for typing errors. Some registries say this of private models, too.",
        )
    if status == httpx.codes.UNAUTHORIZED:
        return RefusedError(
            f"{host} wants credentials for {what} (401){said}",
            "Something between you and the registry asks for them; credentials are for the registry itself.",
        )
    if status == httpx.codes.PRECONDITION_FAILED:
        return RefusedError(
            f"{host} refuses {what} (412){said}",
            "It wants another client, or a newer one: update pulltui, or set network.user_agent.",
        )
    if status == httpx.codes.FORBIDDEN:
        return RefusedError(
            f"{host} does not allow {what} (403){said}",
            "Look at the model's page: you may have to accept its terms, or ask for access.",
        )
    return RefusedError(f"{host} answered {status} for {what}{said}", "Trying again would not change that.")
