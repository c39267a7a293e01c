"""One GET, redirects followed by hand, through the hosts' gates, its errors sorted by who is to blame."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import nullcontext, suppress
from urllib.parse import parse_qsl

import httpx
from pulltui_config.units import format_duration

from pulltui.engine.accept import BUSY, REDIRECTS, retry_after
from pulltui.engine.attempt import Attempt
from pulltui.engine.auth import Authenticator, Grant, Refusal, Reply
from pulltui.engine.clean import WEB_PAGE, safe, safe_url, server_words
from pulltui.engine.edges import ASKS
from pulltui.engine.errors import BusyError, RefusedError, ResponseError, TrustError
from pulltui.engine.gates import Gate, Gates, Pass
from pulltui.engine.hosts import bracketed
from pulltui.engine.login import Secrets
from pulltui.engine.origin import can_exist
from pulltui.engine.setbacks import HostSetback, PartSetback, WrongAnswer
from pulltui.engine.tokens import MAX_REPLY
from pulltui.engine.transport import DROP, FRESH, chunks
from pulltui.engine.trouble import Distrust, FaultKind, classify

_HOST_KINDS = frozenset(
    {
        FaultKind.REFUSED,
        FaultKind.UNKNOWN_HOST,
        FaultKind.UNREACHABLE,
        FaultKind.CONNECT_TIMEOUT,
        FaultKind.PROXY,
        FaultKind.TOO_MANY_FILES,
    }
)
_OWN_AUTHORITY = "If the registry has a certificate of its own authority, name that in network.ca_file."
_TRUST_HINTS = {
    Distrust.UNKNOWN_AUTHORITY: _OWN_AUTHORITY,
    Distrust.OTHER: _OWN_AUTHORITY,
    Distrust.EXPIRED: "Look at this machine's clock. If it is right, whoever runs the registry has to act.",
    Distrust.WRONG_NAME: (
        "Ask for the registry by the name in its certificate. If you did, somebody else may be answering."
    ),
}
_MAYBE_PLAIN = "If it speaks plain http, write http:// before the name."
_TLS_HINTS = {"client": "Ask whoever runs the registry for a way in by a password or a token."}
_ERROR_BODY = 4096
"""Bytes of an error answer that are read for the server's words."""
_WORDS_TIME = 1.0
"""Seconds that a busy server's words may take: they are an extra."""
_SIGN_IN_FIRST = httpx.codes.NETWORK_AUTHENTICATION_REQUIRED
_SIGNED = 16
"""Characters of a value in an address from which on it may be a signature."""


class Answer:
    """An answer whose status is known and whose body is not read yet. Close it."""

    def __init__(self, response: httpx.Response, entry: Pass, redirected: bool, secrets: Secrets) -> None:
        self.response = response
        self.redirected = redirected
        """Whether a redirect led here."""
        self.grant: Grant | None = None
        """What it was asked with."""
        self._entry = entry
        self._secrets = secrets

    @property
    def url(self) -> httpx.URL:
        """The address that answered."""
        return self.response.request.url

    @property
    def host(self) -> str:
        """`host[:port]` of that address."""
        return host_of(self.url)

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.response.status_code

    async def chunks(self, attempt: Attempt) -> AsyncIterator[memoryview]:
        """Go through the raw body as it comes off the socket. Raises PartSetback when it breaks off."""
        try:
            async for chunk in chunks(self.response):
                attempt.received(len(chunk))
                yield chunk
        except (httpx.TransportError, httpx.StreamError) as error:
            raise PartSetback(classify(error).text) from error

    async def words(self, attempt: Attempt) -> str:
        """Return what the server says in an error's body, cleaned, without secrets; empty if it is nothing.

        WEB_PAGE for a page where one may come from a network that wants people to sign in.
        """
        data = b""
        try:
            async for chunk in self.chunks(attempt):
                data += chunk[:_ERROR_BODY]
                if len(data) >= _ERROR_BODY:
                    break
        except PartSetback:
            pass  # the status is what counts; the words are an extra
        signed = [value for _, value in parse_qsl(self.url.query.decode("ascii")) if len(value) >= _SIGNED]
        kind = self.response.headers.get("content-type", "")
        words = server_words(data, kind, lambda text: self._secrets.scrub(text, signed))
        return "" if words == WEB_PAGE and not self._may_be_a_portal() else words

    def _may_be_a_portal(self) -> bool:
        """Servers in trouble, and such as ask for a password properly, send pages of their own."""
        if self.status == httpx.codes.UNAUTHORIZED:
            return "www-authenticate" not in self.response.headers
        return self.status == _SIGN_IN_FIRST or (self.status < 500 and self.status not in BUSY)

    def drop(self) -> None:
        """Have the connection carry nothing more; the body must not be read to its end."""
        if (drop := self.response.extensions.get(DROP)) is not None:
            drop()

    async def close(self) -> None:
        """Let go of the connection."""
        try:
            await self.response.aclose()
        finally:
            self._entry.leave()


class Requester:
    """Makes requests for everybody in the engine."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        gates: Gates,
        *,
        user_agent: str,
        max_redirects: Callable[[], int],
        retry_after_limit: float,
        wall: Callable[[], float],
    ) -> None:
        self._client = client
        self._gates = gates
        self._user_agent = user_agent
        self._max_redirects = max_redirects
        self._retry_after_limit = retry_after_limit
        self._wall = wall

    def gate(self, url: httpx.URL) -> Gate:
        """Return the gate of the address's host."""
        return self._gates.gate(host_of(url))

    async def get(
        self,
        url: httpx.URL,
        headers: Mapping[str, str],
        attempt: Attempt,
        auth: Authenticator | None = None,
        *,
        redirected: bool = False,
        avoid: Callable[[httpx.URL], bool] = lambda _: False,
    ) -> Answer:
        """GET with redirects; the answer has any status but a redirect, 429 or 503.

        `headers` go to every hop: they carry nothing secret. What `auth` has to say goes to its origin only,
        and its 401 is answered. `redirected`: `url` is where a redirect led before. `avoid` is told of the
        address of each redirect; if it is one to avoid, `url` is asked again, a few times, for another one.

        Raises HostSetback, PartSetback, WrongAnswer, TrustError, ResponseError, BusyError, RefusedError.
        """
        secrets = auth.secrets if auth is not None else Secrets()
        first, asks = url, 0
        hops = 0
        while hops <= self._max_redirects():
            if auth is not None and auth.covers(url):
                answer = await self._send_authorized(url, headers, attempt, redirected, auth)
            else:
                answer = await self._send(url, headers, attempt, secrets, redirected=redirected)
            if answer.status not in REDIRECTS:
                return answer
            location = answer.response.headers.get("location")
            await answer.close()
            url = _follow(url, location, secrets)
            redirected = True
            hops += 1
            if avoid(url) and asks < ASKS:
                url, redirected, hops, asks = first, False, 0, asks + 1
        raise ResponseError(
            f"{host_of(url)} redirects more than {self._max_redirects()} times",
            "The registry or something on the way is misconfigured; retry.max_redirects is the limit.",
        )

    async def _send_authorized(
        self,
        url: httpx.URL,
        headers: Mapping[str, str],
        attempt: Attempt,
        redirected: bool,
        auth: Authenticator,
    ) -> Answer:
        """Send with the grant there is; after a 401 with the next. Raises RefusedError if there is none."""

        async def ask(url: httpx.URL, headers: Mapping[str, str]) -> Reply:
            return await self._ask(url, headers, attempt, auth.secrets)

        grants = 0
        while True:
            answer = await self._send(url, headers, attempt, auth.secrets, redirected=redirected, auth=auth)
            grant = answer.grant
            if answer.status != httpx.codes.UNAUTHORIZED:
                if grant is not None:
                    grant.accepted = True
                return answer
            asked = answer.response.headers.get_list("www-authenticate")
            if redirected and grant is not None and (grants or not asked):
                return answer  # it asks for nothing, or has a grant of this moment: the address is stale
            try:
                refusal = Refusal(asked, await answer.words(attempt))
            finally:
                await answer.close()
            attempt.errand = True
            try:
                await auth.renew(grant, grants, refusal, ask, attempt)
            finally:
                attempt.errand = False
            grants += 1

    async def _ask(
        self, url: httpx.URL, headers: Mapping[str, str], attempt: Attempt, secrets: Secrets
    ) -> Reply:
        """GET a token server's answer. Raises what `get` raises."""
        answer = await self._send(url, {"Accept": "application/json", **headers}, attempt, secrets)
        try:
            if answer.status != httpx.codes.OK:
                return Reply(answer.status, b"", await answer.words(attempt))
            body = bytearray()
            async for chunk in answer.chunks(attempt):
                body += chunk
                if len(body) > MAX_REPLY:
                    raise ResponseError(
                        f"{answer.host} sends more than {MAX_REPLY >> 20} MiB as a token",
                        "That is no token; tell whoever runs the registry.",
                    )
            return Reply(answer.status, bytes(body), "")
        finally:
            await answer.close()

    async def _send(
        self,
        url: httpx.URL,
        headers: Mapping[str, str],
        attempt: Attempt,
        secrets: Secrets,
        *,
        redirected: bool = False,
        auth: Authenticator | None = None,
    ) -> Answer:
        gate = self.gate(url)
        attempt.hold(gate)
        entry = await gate.enter()
        attempt.release()
        # Only now: while it waited at the gate the grant may have been renewed.
        grant = auth.grant if auth is not None else None
        if grant is not None:
            headers = {**headers, "Authorization": grant.authorization}
        if "Authorization" in headers:
            secrets.add(headers["Authorization"])
        try:
            known = {FRESH: attempt.fresh}
            request = self._client.build_request("GET", url, headers=self._headers(headers), extensions=known)
            with grant.asked() if grant is not None else nullcontext():
                response = await self._client.send(request, stream=True)
        except httpx.TransportError as error:
            setback = _sort(error, host_of(url))
            if isinstance(setback, HostSetback):
                entry.trouble(setback)
            entry.leave()
            raise setback from error
        except (
            httpx.InvalidURL,
            UnicodeError,
        ) as error:  # httpx reads Location too, although it is told not to follow
            entry.leave()
            raise WrongAnswer(f"{host_of(url)} redirects to an address that is none") from error
        except BaseException:  # a cancellation too: the host's gate counts who is through
            entry.leave()
            raise
        attempt.received(0)
        answer = Answer(response, entry, redirected, secrets)
        answer.grant = grant
        status = response.status_code
        wait = retry_after(response.headers, self._wall()) if status >= 400 else None
        if status in BUSY or (wait is not None and status >= 500 and status != _SIGN_IN_FIRST):
            words = ""
            try:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_WORDS_TIME):
                        words = await answer.words(attempt)
                raise self._busy(answer, entry, wait, words)
            finally:
                await answer.close()
        entry.succeed()
        return answer

    def _headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        return {"User-Agent": self._user_agent, "Accept-Encoding": "identity", **headers}

    def _busy(self, answer: Answer, entry: Pass, wait: float | None, words: str) -> Exception:
        said = f": {words}" if words else ""
        if wait is not None and wait > self._retry_after_limit:
            return BusyError(
                f"{answer.host} answered {answer.status} and asks to wait {format_duration(wait)}{said}",
                "Try again after that time; what is here is kept.",
            )
        setback = HostSetback(
            f"{answer.host} is busy ({answer.status}){said}",
            answer.host,
            busy=True,
            retry_after=wait,
            ceiling=answer.status == httpx.codes.TOO_MANY_REQUESTS,
        )
        entry.trouble(setback)
        return setback


def host_of(url: httpx.URL) -> str:
    """Return `host[:port]` of an address, for gates and for people."""
    return safe(bracketed(url.raw_host.decode("ascii"), url.port), 260)


def _follow(url: httpx.URL, location: str | None, secrets: Secrets) -> httpx.URL:
    """Return where a redirect leads. Raises WrongAnswer or ResponseError, without the secrets."""
    if not location or not location.isascii():  # RFC 9110, 5.5; the fast transport cannot show others anyway
        raise WrongAnswer(f"{host_of(url)} redirects without saying where to, or not in ASCII as it must be")
    try:
        target = url.join(location)
    except (httpx.InvalidURL, ValueError) as error:
        raise WrongAnswer(f"{host_of(url)} redirects to an address that is none") from error
    if target.scheme in ("http", "https") and not can_exist(target):
        raise WrongAnswer(f"{host_of(url)} redirects to an address that is none")
    if target.scheme not in ("http", "https") or not target.raw_host:
        shown = safe(secrets.scrub(safe_url(str(target), _ERROR_BODY)), 200)
        raise ResponseError(
            f"{host_of(url)} redirects to {shown}, which is neither http nor https",
            "Something between you and the registry interferes.",
        )
    if url.scheme == "https" and target.scheme == "http":
        raise ResponseError(
            f"{host_of(url)} redirects from https to plain http ({secrets.scrub(host_of(target))})",
            "That is never followed: anybody on the way could change what comes.",
        )
    # A redirect does not choose as whom we log in: httpx would make credentials of a user in the address.
    return target.copy_with(userinfo=b"") if target.userinfo else target


def _sort(error: httpx.TransportError, host: str) -> Exception:
    """Return who is to blame for a failed connection."""
    fault = classify(error)
    if fault.kind is FaultKind.TRUST:
        return TrustError(f"{host}: {fault.text}", _TRUST_HINTS[Distrust(fault.reason)])
    if fault.kind is FaultKind.TLS:
        return TrustError(f"{host}: {fault.text}", _TLS_HINTS.get(fault.reason, _MAYBE_PLAIN))
    if fault.kind is FaultKind.PROXY and fault.reason == "login":
        return RefusedError(
            fault.text, "They go into the proxy's address: http://user:password@host:port, with %40 for @."
        )
    if fault.kind in _HOST_KINDS:
        return HostSetback(
            fault.text,
            host,
            ceiling=fault.kind is FaultKind.TOO_MANY_FILES,
            refused=fault.kind is FaultKind.REFUSED,
        )
    if isinstance(error, httpx.UnsupportedProtocol):
        return ResponseError(f"{host}: {fault.text}", "The address is not one that can be fetched.")
    return PartSetback(fault.text)
