"""Who we are to a registry: learnt from its 401, sent to exactly its origin, renewed once for everybody."""

from __future__ import annotations

import asyncio
import base64
import secrets
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx

from pulltui.engine.attempt import Attempt
from pulltui.engine.challenge import Challenge, parse_challenges
from pulltui.engine.clean import SIGN_IN, WEB_PAGE, safe
from pulltui.engine.credentials import Credentials, only_encrypted
from pulltui.engine.errors import RefusedError
from pulltui.engine.hosts import is_loopback
from pulltui.engine.login import Login, Secrets
from pulltui.engine.ollamakey import OllamaKey, find_key
from pulltui.engine.origin import Origin
from pulltui.engine.setbacks import PartSetback
from pulltui.engine.tokens import TokenRules, find_token, read_token, token_url

_DENIED = frozenset({400, 401, 403})
_LONGEST = 4096
"""Characters of what a challenge says that are looked at."""
_NONCE_BYTES = 16
_MOST_GRANTS = 5
"""Grants one request goes through: more, and something takes and refuses the same ones by turns."""


@dataclass(frozen=True)
class Reply:
    """A token server's answer, read to its end; its repr has the status only."""

    status: int
    body: bytes = field(repr=False)
    words: str = field(repr=False)
    """What it says when it is an error, cleaned."""


Ask = Callable[[httpx.URL, Mapping[str, str]], Awaitable[Reply]]
"""GETs an address with these headers, no redirect followed. Raises a Setback or a PullError."""


@dataclass(frozen=True)
class Refusal:
    """A 401 of the registry; its repr says nothing."""

    headers: Sequence[str] = field(repr=False)
    """Its WWW-Authenticate, as it came."""
    words: str = field(repr=False)
    """What it says, cleaned."""


class Grant:
    """What to send as Authorization, until the registry refuses it."""

    def __init__(self, authorization: str, proof: Login | OllamaKey | None, doubt: str = "") -> None:
        self.authorization = authorization
        self.proof = proof
        """What it was given for; None: for nothing, as public models are."""
        self.doubt = doubt
        """What kept the token server from answering to a proof before; a better grant may be had later."""
        self.accepted = False
        """Whether the registry has answered to it."""
        self.asking = 0
        """Requests with it that are not answered yet."""

    @contextmanager
    def asked(self) -> Iterator[None]:
        """A request with it is under way."""
        self.asking += 1
        try:
            yield
        finally:
            self.asking -= 1

    @property
    def undecided(self) -> bool:
        """Whether others may yet see it accepted: a token that was, before it expired. Passwords do not."""
        return self.asking > 0 and not self.authorization.startswith("Basic ")


class Authenticator:
    """Authorization at one registry for one repository: tokens are good for one only."""

    def __init__(self, origin: Origin, keyring: Keyring) -> None:
        self.origin = origin
        self.grant: Grant | None = None
        """What is sent now; None until the registry has asked for something."""
        self.secrets = keyring.secrets
        """What no error may repeat."""
        self._keyring = keyring
        self._login: Login | None = None
        self._lock = asyncio.Lock()

    def use(self, login: Login) -> None:
        """Take this login before all others, until it is refused: it stood in the name, behind its scheme."""
        self._login, self.grant = replace(login, plain=True), None
        self.secrets.add(login.basic)

    def covers(self, url: httpx.URL) -> bool:
        """Return whether `url` is of the registry's origin; nothing is ever sent to another."""
        return Origin.of(url) == self.origin

    async def renew(
        self, refused: Grant | None, grants: int, refusal: Refusal, ask: Ask, attempt: Attempt
    ) -> None:
        """Have a new grant after a 401 to `refused`, unless somebody else has seen to it meanwhile.

        `grants` is how many this request has had before. Raises RefusedError when there is none to be had:
        one that was issued just now and that nobody saw accepted is final.
        """
        attempt.hold()  # somebody else may be at it; that is not our connection's silence
        async with self._lock:
            attempt.release()
            if self.grant is not refused:
                return
            challenges = parse_challenges(refusal.headers)
            told = next((one.error for one in challenges if one.error), "")
            words = refusal.words or self._clean(told[:_LONGEST], 200)
            if words == WEB_PAGE:  # it is not the registry that turns us down
                raise RefusedError(f"{self.origin.netloc} answered 401: {words}", SIGN_IN)
            good = refused is None or not grants or refused.accepted or refused.undecided
            if refused is not None and (not good or grants >= _MOST_GRANTS):
                if refused.doubt:
                    self.grant = None
                    raise PartSetback(refused.doubt)
                raise self._refused(refused.proof, words)
            login = self._login
            try:
                grant = await self._obtain(challenges, words, ask)
            except RefusedError:
                if self._login is None or self._login is login:
                    raise
                return  # another login was named meanwhile
            if self._login is login:
                self.grant = grant

    async def _obtain(self, challenges: list[Challenge], words: str, ask: Ask) -> Grant:
        """Tokens are preferred to passwords; a registry may offer both."""
        login, problem = self._login, ""
        if login is None:
            login, problem = await asyncio.to_thread(self._keyring.credentials.find, self.origin)
        # A realm that is no address tells people something (hf.co does that), and gives out no token.
        bearer = next((one for one in challenges if one.scheme == "bearer" and "://" in one.realm), None)
        if bearer is not None:
            return await self._fetch_token(bearer, login, problem, ask)
        if any(one.scheme == "basic" for one in challenges) and login is not None:
            return Grant(login.basic, login)
        ways = {one.scheme for one in challenges}
        if login is not None or ways - {"basic", "bearer"} or not ways:
            named = ", ".join(self._clean(way, 30) for way in sorted(ways)[:5]) or "none"
            if "bearer" in ways:
                named += ", without the address of a token server"
            raise RefusedError(
                f"{self.origin.netloc} wants credentials in a way that is not known here ({named})"
                + _said(words),
                "Known are basic, bearer tokens and Ollama's keys. Ask whoever runs the registry.",
            )
        raise self._refused(None, words, problem)

    async def _fetch_token(self, challenge: Challenge, login: Login | None, problem: str, ask: Ask) -> Grant:
        """A login goes to the token server. Without one a key of Ollama's signs, at the registry itself only.

        That is what Ollama does. Other token servers do not look at such a signature, or stumble over it:
        whatever they answer, if it is no token they are asked again for what they give to everybody.
        `problem`: why there is no login.
        """
        realm = await self._keyring.rules.check(challenge.realm, self.origin, self.secrets.scrub)
        url = token_url(realm, challenge, {})
        host = self._clean(Origin.of(realm).netloc, 260)
        if login is not None:
            if realm.scheme == "http" and not (login.plain or is_loopback(Origin.of(realm).host)):
                raise RefusedError(
                    f"{self.origin.netloc} sends us to {host} for a token, over plain http",
                    f"{only_encrypted(login.source, self.origin)}.",
                )
            return self._grant(host, await ask(url, {"Authorization": login.basic}), login)
        key, doubt = None, ""
        if Origin.of(realm) == self.origin:
            key, unusable = await asyncio.to_thread(find_key, self._keyring.keys)
            problem = problem or unusable
        if key is not None:
            now = str(int(self._keyring.wall()))
            signed = token_url(realm, challenge, {"ts": now, "nonce": self._keyring.nonce()})
            reply = await ask(signed, {"Authorization": key.authorization(str(signed))})
            if (token := find_token(reply.body)) is not None:
                return Grant(f"Bearer {token}", key)
            if _in_trouble(reply):
                doubt = f"{reply.status} from {host} instead of a token for Ollama's key"
        reply = await ask(url, {})
        if _denies(reply):
            if doubt:
                raise PartSetback(doubt)
            raise self._refused(key, reply.words, problem)
        return self._grant(host, reply, None, doubt)

    def _grant(self, host: str, reply: Reply, proof: Login | None, doubt: str = "") -> Grant:
        if reply.status == httpx.codes.OK:
            return Grant(f"Bearer {read_token(reply.body, host)}", proof, doubt)
        if _denies(reply):
            raise self._refused(proof, reply.words)
        if _in_trouble(reply):
            raise PartSetback(f"{reply.status} from {host} instead of a token")
        raise RefusedError(
            f"{host} answered {reply.status} when asked for a token{_said(reply.words)}",
            SIGN_IN
            if reply.words == WEB_PAGE
            else "The registry names a token server that gives none; ask whoever runs it.",
        )

    def _refused(self, proof: Login | OllamaKey | None, words: str, problem: str = "") -> RefusedError:
        """Return the error for a proof that does not do, and forget it: another may be put in its place."""
        host, credentials = self.origin.netloc, self._keyring.credentials
        self.grant = None
        if isinstance(proof, Login):
            again = ""
            if proof is self._login:
                self._login, again = None, "; add it again with the right ones"
            return RefusedError(
                f"credentials for {host} refused (401){_said(words)}",
                f"Check user and password: they come from {safe(proof.source)}{again}.",
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

    def _clean(self, text: str, limit: int) -> str:
        return safe(self.secrets.scrub(text), limit)


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
        self.secrets = Secrets()
        """What was sent: no server's words may show it."""
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


def _denies(reply: Reply) -> bool:
    return reply.status in _DENIED and reply.words != WEB_PAGE


def _in_trouble(reply: Reply) -> bool:
    """Whether the same question may have a better answer later; a sign-in page goes away only for people."""
    passing = reply.status >= 500 or reply.status == httpx.codes.REQUEST_TIMEOUT
    return passing and reply.status != httpx.codes.NETWORK_AUTHENTICATION_REQUIRED


def _said(words: str) -> str:
    return f": {words}" if words else ""


def _key_page(host: str) -> str:
    if host in ("hf.co", "huggingface.co"):
        return "https://huggingface.co/settings/keys"
    if host.endswith(("ollama.ai", "ollama.com")):
        return "https://ollama.com/settings/keys"
    return "its settings, under keys"
