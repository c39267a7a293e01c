"""Names of models: `[scheme://][host/][namespace/]model[:tag]`, split as Ollama splits them.

Source: types/model/name.go in ollama/ollama. A name that parses is safe to make paths and URLs from.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from ipaddress import AddressValueError, IPv6Address
from typing import Literal

import msgspec

from pulltui.engine.clean import safe
from pulltui.engine.errors import BadNameError, InsecureError
from pulltui.engine.hosts import flaw, is_loopback
from pulltui.engine.login import Login, read_login

DEFAULT_HOST = "registry.ollama.ai"
DEFAULT_NAMESPACE = "library"
DEFAULT_TAG = "latest"

Scheme = Literal["http", "https"]

FORM = "A name is [host/][namespace/]model[:tag], for example gemma3:4b or hf.co/user/repository:Q4_K_M."

# What may follow the first character, which is a letter, a digit or "_"; and how long a part may be.
# Ollama grants hosts 350 characters, but no host name has more than 253 and no file name more than 255.
_RULES = {
    "host": (re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]*"), 'letters, digits, "-", "_", "." and a port', 255),
    "namespace": (re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*"), 'letters, digits, "-" and "_"', 80),
    "model": (re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*"), 'letters, digits, "-", "_" and "."', 80),
    "tag": (re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*"), 'letters, digits, "-", "_" and "."', 80),
}

_DIGEST = re.compile(r"@sha\d+[:-][0-9A-Fa-f]*\Z")


class ModelName(msgspec.Struct, frozen=True):
    """A valid name, complete with defaults; made by `parse` only.

    The parts keep the case they were typed in; names that differ in case only are the same (`key`).
    """

    scheme: Scheme | Literal[""]
    """What was typed; empty when nothing was."""
    host: str
    """Host name or IPv4 address, with `:port` where one was typed."""
    namespace: str
    model: str
    tag: str

    @property
    def full(self) -> str:
        """All parts, and the scheme if one was typed; `parse` makes the same name of it."""
        prefix = f"{self.scheme}://" if self.scheme else ""
        return f"{prefix}{self.host}/{self.namespace}/{self.model}:{self.tag}"

    @property
    def short(self) -> str:
        """The shortest form that Ollama shows: without default host and namespace, always with the tag."""
        text = f"{self.model}:{self.tag}"
        if self.host.lower() != DEFAULT_HOST:
            return f"{self.host}/{self.namespace}/{text}"
        return text if self.namespace.lower() == DEFAULT_NAMESPACE else f"{self.namespace}/{text}"

    @property
    def key(self) -> str:
        """Equal for two names exactly if they mean the same model."""
        return f"{self.host}/{self.namespace}/{self.model}:{self.tag}".lower()

    @property
    def repository(self) -> str:
        """`namespace/model`, as the registry calls it."""
        return f"{self.namespace}/{self.model}"

    @property
    def path_parts(self) -> tuple[str, str, str, str]:
        """Host, namespace, model, tag: each one a file name that stays in its directory."""
        return (self.host, self.namespace, self.model, self.tag)

    @property
    def hostname(self) -> str:
        """The host without its port."""
        return self.host.partition(":")[0]

    def base_url(self, scheme: Scheme) -> str:
        """Return `scheme://host[:port]`; for the scheme see `allowed_scheme`."""
        return f"{scheme}://{self.host}"


def parse(text: str) -> ModelName:
    """Return the name that `text` means; white space around it does not count.

    User and password before the host are no part of it, see `split_login`. Raises BadNameError with a
    sentence on what is wrong with which part, also for what could be parsed but not pulled: cloud models,
    digests.
    """
    text, _ = split_login(text)
    if not text:
        raise BadNameError("the name is empty", FORM)
    scheme, rest = _cut_scheme(text)
    _refuse_special(rest)
    tag, model, namespace, host = DEFAULT_TAG, rest, DEFAULT_NAMESPACE, DEFAULT_HOST
    if rest.rfind(":") > rest.rfind("/"):
        model, _, tag = rest.rpartition(":")
    before, slash, last = model.rpartition("/")
    if slash:
        namespace, model = before, last
        before, slash, last = namespace.rpartition("/")
        if slash:
            host, namespace = before, last
    if scheme and not slash:
        raise BadNameError(
            f'"{safe(text)}" is not complete: after {scheme}:// there must be host/namespace/model', FORM
        )
    for kind, part in (("host", host), ("namespace", namespace), ("model", model), ("tag", tag)):
        _check(kind, part)
    _check_host(host)
    if host.lower() == DEFAULT_HOST and (tag.lower() == "cloud" or tag.lower().endswith("-cloud")):
        raise _cloud(text)
    return ModelName(scheme, host, namespace, model, tag)


def allowed_scheme(name: ModelName, *, insecure: bool, insecure_hosts: Collection[str]) -> Scheme:
    """Return how the registry of `name` may be asked.

    Plain http only for this machine, for hosts of the setting `network.insecure_hosts` ("host" or
    "host:port") and when `insecure` was asked for; these are asked so unless https:// was typed.
    Raises InsecureError when http:// was typed and none of that holds.
    """
    granted = {entry.lower() for entry in insecure_hosts}
    plain = (
        insecure or is_loopback(name.hostname) or bool(granted & {name.host.lower(), name.hostname.lower()})
    )
    if name.scheme == "https" or not (plain or name.scheme):
        return "https"
    if not plain:
        raise InsecureError(
            f"{name.host} would be asked over plain http, which anyone on the way can read and change",
            f'Leave out http://, or allow it: network.insecure_hosts = ["{name.host}"], or --insecure.',
        )
    return "http"


def split_login(text: str) -> tuple[str, Login | None]:
    """Return a name without the `user:password@` after its scheme, and what that was.

    White space around the name goes, too. Percent signs in the login are decoded as in a URL. Raises
    BadNameError, without showing it, for anything else with an "@" that may hold a password.
    """
    text = text.strip()
    scheme, found, rest = text.partition("://")
    authority, slash, path = rest.partition("/")
    userinfo, at, host = authority.rpartition("@")
    if at:
        text = f"{scheme}{found}{host}{slash}{path}"
    if not at:
        login = None
    elif (login := read_login(userinfo, "the name")) is None:
        raise BadNameError(
            'what stands before the "@" of the name is not user:password',
            "Write https://user:password@host/namespace/model, with %40 for @, %3A for : and %2F for /.",
        )
    if "@" in text and not (text.count("@") == 1 and _DIGEST.search(text)):
        raise BadNameError(
            'the name has an "@" in it that belongs to no user and password',
            "Write https://user:password@host/namespace/model, with %40 for @, %3A for : and %2F for /.",
        )
    return text, login


def _cut_scheme(text: str) -> tuple[Scheme | Literal[""], str]:
    before, found, rest = text.partition("://")
    if not found:
        return "", text
    if before.lower() == "https":
        return "https", rest
    if before.lower() == "http":
        return "http", rest
    raise BadNameError(f'"{safe(before)}://" is not a way to ask a registry; only https:// and http:// are')


def _refuse_special(rest: str) -> None:
    """Refuse what people rightly write elsewhere, with the reason why not here."""
    path, _, last = rest.rpartition("/")
    if _DIGEST.search(last):
        raise BadNameError(
            f'"{safe(rest)}" asks for a digest; only tags can be pulled', "Write model:tag, without @."
        )
    if "[" in path or _is_ipv6(path.partition("/")[0]):
        raise BadNameError(
            f'"{safe(rest)}" has an IPv6 address for a host, which no name of a model can hold',
            "Use the host's name, which may well lead to that address, or its IPv4 address.",
        )
    if last.lower().endswith(":cloud") and last.count(":") > 1:
        raise _cloud(rest)


def _cloud(text: str) -> BadNameError:
    return BadNameError(
        f'"{safe(text)}" is a cloud model: it runs at ollama.com and there is nothing to download',
        "Pull a tag without cloud.",
    )


def _check(kind: str, part: str) -> None:
    pattern, allowed, longest = _RULES[kind]
    if not part:
        raise BadNameError(f"the {kind} is empty", FORM)
    if len(part) > longest:
        raise BadNameError(f"the {kind} has {len(part)} characters; {longest} are allowed")
    if pattern.fullmatch(part):
        return
    shown = f'the {kind} "{safe(part, 90)}"'
    hint = FORM
    if kind == "host" and not part.partition(":")[0].isascii():
        hint = _ascii_form(part)
    elif kind == "namespace" and ("." in part or ":" in part):
        hint = "A host must be followed by a namespace: host/namespace/model."
    if part[0] in "-.:":
        raise BadNameError(
            f'{shown} begins with "{part[0]}"; it must begin with a letter, digit or "_"', hint
        )
    wrong = next(letter for letter in part if not pattern.fullmatch(f"a{letter}"))
    named = {"/": "a slash", " ": "a space"}.get(wrong, f'"{safe(wrong) or "?"}"')
    raise BadNameError(f"{shown} has {named} in it; allowed are {allowed}", hint)


def _is_ipv6(host: str) -> bool:
    try:
        IPv6Address(host)
    except AddressValueError:
        return False
    return True


def _ascii_form(host: str) -> str:
    """Return the hint how to write a host that has other letters than ASCII's (IDNA 2008)."""
    import idna

    name, colon, port = host.partition(":")
    try:
        name = idna.encode(name, uts46=True).decode()
    except (idna.IDNAError, UnicodeError):
        return "A host with other letters is written in its ASCII form, xn--..., and this one has none."
    return f"Write it in its ASCII form, which cannot be mistaken for another: {safe(name + colon + port)}"


def _check_host(host: str) -> None:
    hostname, colon, port = host.partition(":")
    if colon and not (port.isdigit() and 0 < int(port) < 65536):
        raise BadNameError(f'the port "{safe(port, 30)}" of the host is not a number from 1 to 65535', FORM)
    if wrong := flaw(hostname):
        raise BadNameError(f'the host "{safe(hostname, 90)}" {wrong}', FORM)
