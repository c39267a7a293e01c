"""Who we are to a registry: learnt from its 401, sent to exactly its origin, renewed once for everybody."""

from __future__ import annotations

import asyncio
import base64
import secrets
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

import httpx
import msgspec

from pulltui.engine.attempt import Attempt
from pulltui.engine.challenge import Challenge, parse_challenges
from pulltui.engine.clean import safe
from pulltui.engine.credentials import Credentials
from pulltui.engine.errors import RefusedError
from pulltui.engine.login import Login
from pulltui.engine.ollamakey import OllamaKey, find_key
from pulltui.engine.origin import Origin
from pulltui.engine.setbacks import PartSetback
from pulltui.engine.tokens import TokenRules, read_token, token_url

_DENIED = frozenset({400, 401, 403})
_NONCE_BYTES = 16
_MOST_GRANTS = 3
"""Grants one request goes through: more, and something takes and refuses the same ones by turns."""


class Reply(msgspec.Struct, frozen=True):
    """A token server's answer, read to its end."""

    status: int
    body: bytes
    words: str
    """What it says when it is an error, cleaned."""


Ask = Callable[[httpx.URL, Mapping[str, str]], Awaitable[Reply]]
"""GETs an address with these headers, no redirect followed. Raises a Setback or a PullError."""


class Refusal(msgspec.Struct, frozen=True):
    """A 401 of the registry."""

    headers: Sequence[str]
    """Its WWW-Authenticate."""
    words: str
    """What it says, cleaned."""


class Grant:
    """What to send as Authorization, until the registry refuses it."""

    def __init__(self, authorization: str, proof: Login | OllamaKey | None) -> None:
        self.authorization = authorization
        self.proof = proof
        """What it was given for; None: for nothing, as public models are."""
        self.accepted = False
        """Whether the registry has answered to it."""


class Authenticator:
    """Authorization at one registry for one repository: tokens are good for one only."""

    def __init__(self, origin: Origin, keyring: Keyring) -> None:
        self.origin = origin
        self.grant: Grant | None = None
        """What is sent now; None until the registry has asked for something."""
        self._keyring = keyring
        self._login: Login | None = None
        self._lock = asyncio.Lock()

    def use(self, login: Login) -> None:
        """Take this login before all others: it stood in the name."""
        self._login, self.grant = login, None

    def covers(self, url: httpx.URL) -> bool:
        """Return whether `url` is of the registry's origin; nothing is ever sent to another."""
        return Origin.of(url) == self.origin

    async def renew(
        self, refused: Grant | None, grants: int, refusal: Refusal, ask: Ask, attempt: Attempt
    ) -> None:
        """Have a new grant after a 401 to `refused`, unless somebody else has seen to it meanwhile.

        `grants` is how many this request has had before. Raises RefusedError when there is none to be had:
        one that was issued just now and never accepted is final.
        """
        attempt.hold()  # somebody else may be at it; that is not our connection's silence
        async with self._lock:
            attempt.release()
            if self.grant is not refused:
                return
            challenges = parse_challenges(refusal.headers)
            words = refusal.words or safe(next((one.error for one in challenges if one.error), ""), 200)
            if refused is not None and grants and (not refused.accepted or grants >= _MOST_GRANTS):
                raise self._refused(refused.proof, words)
            self.grant = await self._obtain(challenges, words, ask)

    async def _obtain(self, challenges: list[Challenge], words: str, ask: Ask) -> Grant:
        """Tokens are preferred to passwords; a registry may offer both."""
        login = self._login or await asyncio.to_thread(self._keyring.credentials.find, self.origin)
        # A realm that is no address tells people something (hf.co does that), and gives out no token.
        bearer = next((one for one in challenges if one.scheme == "bearer" and "://" in one.realm), None)
        if bearer is not None:
            return await self._fetch_token(bearer, login, ask)
        if any(one.scheme == "basic" for one in challenges) and login is not None:
            return Grant(login.basic, login)
        ways = {one.scheme for one in challenges}
        if login is not None or ways - {"basic", "bearer"} or not ways:
            named = ", ".join(safe(way, 30) for way in sorted(ways)[:5]) or "none"
            raise RefusedError(
                f"{self.origin.netloc} wants credentials in a way that is not known here ({named})"
                + _said(words),
                "Known are basic, bearer tokens and Ollama's keys. Ask whoever runs the registry.",
            )
        raise self._refused(None, words)

    async def _fetch_token(self, challenge: Challenge, login: Login | None, ask: Ask) -> Grant:
        """A login goes to the token server. Without one a key of Ollama's signs, at the registry itself only.

        That is what Ollama does. Other token servers do not look at such a signature, or turn it down: then
        they are asked again for what they give to everybody.
        """
        realm = await self._keyring.rules.check(challenge.realm, self.origin)
        if login is not None:
            url = token_url(realm, challenge, {})
            return self._grant(url, await ask(url, {"Authorization": login.basic}), login)
        key, problem = None, ""
        if Origin.of(realm) == self.origin:
            key, problem = await asyncio.to_thread(find_key, self._keyring.keys)
        if key is not None:
            now = str(int(self._keyring.wall()))
            url = token_url(realm, challenge, {"ts": now, "nonce": self._keyring.nonce()})
            reply = await ask(url, {"Authorization": key.authorization(str(url))})
            if reply.status not in _DENIED:
                return self._grant(url, reply, key)
        url = token_url(realm, challenge, {})
        reply = await ask(url, {})
        if reply.status in _DENIED:
            raise self._refused(key, reply.words, problem)
        return self._grant(url, reply, None)

    def _grant(self, url: httpx.URL, reply: Reply, proof: Login | OllamaKey | None) -> Grant:
        host = Origin.of(url).netloc
        if reply.status == httpx.codes.OK:
            return Grant(f"Bearer {read_token(reply.body, host)}", proof)
        if reply.status in _DENIED:
            raise self._refused(proof, reply.words)
        if reply.status >= 500 or reply.status == httpx.codes.REQUEST_TIMEOUT:
            raise PartSetback(f"{reply.status} from {host} instead of a token")
        raise RefusedError(
            f"{host} answered {reply.status} when asked for a token{_said(reply.words)}",
            "The registry names a token server that gives none; ask whoever runs it.",
        )

    def _refused(self, proof: Login | OllamaKey | None, words: str, problem: str = "") -> RefusedError:
        host, credentials = self.origin.netloc, self._keyring.credentials
        if isinstance(proof, Login):
            return RefusedError(
                f"credentials for {host} refused (401){_said(words)}",
                f"Check user and password: they come from {safe(proof.source)}.",
            )
        if isinstance(proof, OllamaKey):
            return RefusedError(
                f"credentials for {host} refused (401): it does not know the key {safe(str(proof.path))}, "
                f"or does not let it pull this{_said(words)}",
                f"Add {safe(str(proof.path))}.pub to your account there ({_key_page(host)}).",
            )
        return RefusedError(
            f"{host} wants credentials, or does not have this (401){_said(words)}",
            f"{f'{safe(problem)}. ' if problem else ''}Check the name. Credentials go {credentials.where()}.",
        )


class Keyring:
    """All authenticators of the engine, and what they draw on. Loads and reads nothing before a 401 came."""

    def __init__(
        self,
        credentials: Credentials,
        keys: Sequence[Path],
        rules: TokenRules,
        *,
        wall: Callable[[], float],
        nonce: Callable[[], str],
    ) -> None:
        """`keys` are the files of Ollama's keys, the preferred first; `wall` is unix time in seconds; `nonce`
        returns another text each time, see `new_nonce`.
        """
        self.credentials = credentials
        self.keys = keys
        self.rules = rules
        self.wall = wall
        self.nonce = nonce
        self._authenticators: dict[tuple[Origin, str], Authenticator] = {}

    def at(self, base_url: str, repository: str) -> Authenticator:
        """Return the one for `scheme://host[:port]` and `namespace/model`."""
        key = Origin.of(httpx.URL(base_url)), repository.lower()
        if key not in self._authenticators:
            self._authenticators[key] = Authenticator(key[0], self)
        return self._authenticators[key]


async def resolve(host: str) -> list[str]:
    """Return the addresses of a host as the system knows them; none if it does not, as behind a proxy."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return []
    return [str(address[4][0]) for address in found]


def new_nonce() -> str:
    """Return 22 random characters, in the alphabet that Ollama takes."""
    return base64.urlsafe_b64encode(secrets.token_bytes(_NONCE_BYTES)).rstrip(b"=").decode()


def _said(words: str) -> str:
    return f": {words}" if words else ""


def _key_page(host: str) -> str:
    if host in ("hf.co", "huggingface.co"):
        return "https://huggingface.co/settings/keys"
    if host.endswith(("ollama.ai", "ollama.com")):
        return "https://ollama.com/settings/keys"
    return "its settings, under keys"
