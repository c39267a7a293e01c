"""Ollama's own way to prove who asks: an ed25519 key that it makes for each machine.

Source: ollama/ollama, auth/auth.go and server/auth.go. The key signs the token request itself, so the
signature is worth nothing at another address or for another nonce.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

KEY_FILE = Path(".ollama") / "id_ed25519"
"""Below the home of whoever runs Ollama."""
SERVICE_KEY = Path("/usr/share/ollama") / KEY_FILE
"""The key of Ollama's Linux service."""

# What is signed ends with the digest of the (empty) body: base64 of sha256 in hexadecimal.
_NO_BODY = base64.b64encode(hashlib.sha256(b"").hexdigest().encode()).decode()


class OllamaKey:
    """A private key, and where it is."""

    def __init__(self, path: Path, key: Ed25519PrivateKey) -> None:
        self.path = path
        self._key = key

    def authorization(self, url: str) -> str:
        """Return the header Authorization for a GET of `url`: public key, colon, signature, in base64."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        public = self._key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
        signature = self._key.sign(f"GET,{url},{_NO_BODY}".encode())
        return f"{public.split()[1].decode()}:{base64.b64encode(signature).decode()}"


def find_key(paths: Sequence[Path]) -> tuple[OllamaKey | None, str]:
    """Return the first key that can be used, and what is wrong with one that cannot ("" if none is).

    Files that are not there or not for us are passed over in silence. Loads cryptography, so it is called
    only when a registry asks for a key.
    """
    problem = ""
    for path in paths:
        try:
            pem = path.read_bytes()
        except OSError:
            continue
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_ssh_private_key

        try:
            key = load_ssh_private_key(pem, password=None)
        except TypeError:
            problem = problem or f"{path} has a passphrase, which Ollama's key must not have"
        except (ValueError, UnsupportedAlgorithm):
            problem = problem or f"{path} is not a private key in OpenSSH's form"
        else:
            if isinstance(key, Ed25519PrivateKey):
                return OllamaKey(path, key), problem
            problem = problem or f"{path} is not an ed25519 key"
    return None, problem
