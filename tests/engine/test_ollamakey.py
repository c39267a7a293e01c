from __future__ import annotations

import base64
import hashlib
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_ssh_public_key,
)
from pulltui.engine.ollamakey import SERVICE_KEY, find_key

URL = "https://registry.example/v2/token?nonce=n&scope=repository%3Aa%2Fb%3Apull&service=s&ts=1"


def write_key(path: Path) -> Path:
    key = ed25519.Ed25519PrivateKey.generate()
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    return path


def locked_key() -> bytes:
    """The outside of a key with a passphrase (openssh/openssh-portable, PROTOCOL.key)."""
    public = field(b"ssh-ed25519") + field(bytes(32))
    options = field(bytes(16)) + struct.pack(">I", 16)
    blob = b"openssh-key-v1\0" + field(b"aes256-ctr") + field(b"bcrypt") + field(options)
    blob += struct.pack(">I", 1) + field(public) + field(bytes(160))
    begin, end = (f"-----{word} OPENSSH PRIVATE KEY-----".encode() for word in ("BEGIN", "END"))
    return b"\n".join([begin, base64.encodebytes(blob).strip(), end, b""])


def field(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def test_the_signature_is_over_method_address_and_no_body(tmp_path: Path) -> None:
    key, problem = find_key([write_key(tmp_path / "id_ed25519")])
    assert key is not None and problem == ""
    public, _, signature = key.authorization(URL).partition(":")
    verifier = load_ssh_public_key(f"ssh-ed25519 {public}".encode())
    assert isinstance(verifier, ed25519.Ed25519PublicKey)
    nothing = base64.b64encode(hashlib.sha256(b"").hexdigest().encode()).decode()
    raw = base64.b64decode(signature)
    assert len(raw) == 64
    verifier.verify(raw, f"GET,{URL},{nothing}".encode())
    with pytest.raises(InvalidSignature):
        verifier.verify(raw, f"GET,{URL}x,{nothing}".encode())


def test_the_text_that_is_signed_ends_as_ollamas_does() -> None:
    nothing = base64.b64encode(hashlib.sha256(b"").hexdigest().encode()).decode()
    assert nothing == (
        "ZTNiMGM0NDI5OGZjMWMxNDlhZmJmNGM4OTk2ZmI5MjQyN2FlNDFlNDY0OWI5MzRjYTQ5NTk5MWI3ODUyYjg1NQ=="
    )


def test_the_first_that_can_be_used_counts(tmp_path: Path) -> None:
    mine, services = write_key(tmp_path / "mine"), write_key(tmp_path / "services")
    for paths, expected in (
        ([mine, services], mine),
        ([tmp_path / "missing", services], services),
        ([tmp_path, services], services),
    ):
        key, _ = find_key(paths)
        assert key is not None and key.path == expected
    assert find_key([]) == (None, "")
    assert str(SERVICE_KEY) == "/usr/share/ollama/.ollama/id_ed25519"


@pytest.mark.parametrize(
    ("kind", "problem"),
    [
        ("passphrase", "has a passphrase"),
        ("garbage", "is not a private key"),
        ("other", "is not an ed25519 key"),
    ],
)
def test_one_that_cannot_be_used_is_named(tmp_path: Path, kind: str, problem: str) -> None:
    path = tmp_path / "id_ed25519"
    if kind == "garbage":
        path.write_bytes(os.urandom(300))
    elif kind == "other":
        other = ec.generate_private_key(ec.SECP256R1())
        path.write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    else:
        path.write_bytes(locked_key())
    key, said = find_key([path])
    assert key is None
    assert problem in said and str(path) in said


def test_cryptography_is_loaded_for_keys_only() -> None:
    program = (
        "import sys, pulltui.engine.service; print(sorted({'cryptography', 'textual'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
