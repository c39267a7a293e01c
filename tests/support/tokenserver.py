"""The token server of a docker-registry: what it gives out is soon good for nothing.

After distribution/distribution, docs/content/spec/auth/token.md and jwt.md.
"""

from __future__ import annotations

import base64
import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID
from support.authserver import HttpServer, Reply, Request, as_json, basic

LEEWAY = 60
"""Seconds that docker-registry takes a token for after its end."""
_ISSUER = "tokens for tests"
_SERVICE = "registry for tests"


class TokenServer(HttpServer):
    """Gives tokens to one user. Each is good for `lifetime` whole seconds, less up to one for rounding.

    It takes `thinking` seconds over each: whoever else finds the old one expired meanwhile comes too.
    """

    def __init__(
        self, directory: Path, user: str, password: str, lifetime: int, thinking: float = 0.0
    ) -> None:
        """`directory` gets the certificate that the registry trusts."""
        super().__init__(self._answer)
        self.issued: list[float] = []
        """When each token was made (time.monotonic)."""
        self.tokens: list[str] = []
        self._login = basic(user, password)
        self._lifetime = lifetime
        self._thinking = thinking
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        certificate = _self_signed(self._key)
        self._x5c = base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()
        self._certificate = directory / "tokens.pem"
        self._certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    @property
    def auth(self) -> dict[str, Any]:
        """The registry's section `auth`."""
        token = {
            "realm": f"{self.url}/token",
            "service": _SERVICE,
            "issuer": _ISSUER,
            "rootcertbundle": str(self._certificate),
        }
        return {"token": token}

    def _answer(self, request: Request) -> Reply:
        if request.authorization != self._login:
            return as_json({"details": "incorrect username or password"}, 401)
        asked = dict(request.query)
        if request.path != "/token" or asked.get("service") != _SERVICE:
            return as_json({"details": "no such service"}, 404)
        time.sleep(self._thinking)
        self.issued.append(time.monotonic())
        self.tokens.append(self._token(asked["scope"]))
        return as_json({"token": self.tokens[-1], "expires_in": self._lifetime})

    def _token(self, scope: str) -> str:
        kind, name, actions = scope.split(":")
        now = int(time.time())
        claims = {
            "iss": _ISSUER,
            "aud": _SERVICE,
            "sub": "somebody",
            "iat": now - LEEWAY,
            "nbf": now - LEEWAY,
            "exp": now + self._lifetime - LEEWAY,
            "jti": str(len(self.issued)),
            "access": [{"type": kind, "name": name, "actions": actions.split(",")}],
        }
        signed = f"{_encoded({'typ': 'JWT', 'alg': 'RS256', 'x5c': [self._x5c]})}.{_encoded(claims)}"
        signature = self._key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{_base64url(signature)}"


def _self_signed(key: rsa.RSAPrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _ISSUER)])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )


def _encoded(document: dict[str, Any]) -> str:
    return _base64url(json.dumps(document).encode())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
