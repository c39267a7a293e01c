"""What a 401 asks for: the header WWW-Authenticate (RFC 9110, section 11.6.1)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

_TOKEN = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
# Servers are known to leave the quotes out where the grammar wants them.
_PARAMETER = re.compile(rf'({_TOKEN})[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_SCHEME = re.compile(rf"({_TOKEN})(?:[ \t]+[A-Za-z0-9._~+/-]+=*(?=[ \t]*(?:,|$)))?")
_BETWEEN = re.compile(r"[ \t,]*")
_ESCAPED = re.compile(r"\\(.)")


@dataclass(frozen=True)
class Challenge:
    """One way to prove who we are. Its repr says nothing: a server may repeat a secret in it."""

    scheme: str = field(repr=False)
    """Lower case: basic, bearer, ..."""
    parameters: dict[str, str] = field(repr=False)
    """Names in lower case."""

    @property
    def realm(self) -> str:
        """For bearer: the address that gives out tokens."""
        return self.parameters.get("realm", "")

    @property
    def service(self) -> str:
        """For bearer: whom the token is for."""
        return self.parameters.get("service", "")

    @property
    def scopes(self) -> list[str]:
        """For bearer: what the token must allow."""
        return self.parameters.get("scope", "").split()

    @property
    def error(self) -> str:
        """Why the token that was sent did not do (RFC 6750, section 3); not cleaned."""
        return self.parameters.get("error_description", "") or self.parameters.get("error", "")


def parse_challenges(headers: Iterable[str]) -> list[Challenge]:
    """Return the challenges of all WWW-Authenticate headers, in order; what cannot be read is left out."""
    found: list[Challenge] = []
    for header in headers:
        position = 0
        while position < len(header):
            position = _end(_BETWEEN.match(header, position), position)
            if (parameter := _PARAMETER.match(header, position)) is not None:
                name, quoted, plain = parameter.groups()
                if found:
                    value = plain if quoted is None else _ESCAPED.sub(r"\1", quoted)
                    found[-1].parameters.setdefault(name.lower(), value)
                position = parameter.end()
            elif (scheme := _SCHEME.match(header, position)) is not None:
                found.append(Challenge(scheme[1].lower(), {}))
                position = scheme.end()
            else:
                position += 1
    return found


def _end(match: re.Match[str] | None, otherwise: int) -> int:
    return otherwise if match is None else match.end()
