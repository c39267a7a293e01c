"""What a server repeats of what it was sent is not repeated to anybody: not in words, not in reprs."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, quote_plus

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulltui.engine.auth import Grant, Refusal, Reply
from pulltui.engine.challenge import parse_challenges
from pulltui.engine.credentials import Credentials
from pulltui.engine.errors import RefusedError, ResponseError
from pulltui.engine.login import Login, Secrets, scrub
from pulltui.engine.ollamakey import find_key
from pulltui.engine.setbacks import HostSetback
from rich.pretty import pretty_repr
from support.asker import BLOB, MANIFEST, Asker, Serve, guarded
from support.authserver import BasicDoor, Request, as_json, registry_error
from support.authserver import Reply as Answer
from support.keys import write_key

PASSWORD = "hunter2 ä/+%"
LOGIN = Login("me", PASSWORD, "the name")
ENCODED = LOGIN.basic.removeprefix("Basic ")
TOKEN = "eyJhbGciOiJSUzI1NiJ9." + "Zm9vYmFy" * 20 + "._-sig"

Client = Callable[..., httpx.AsyncClient]


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


FORMS: dict[str, Callable[[str], str]] = {
    "raw": lambda secret: secret,
    "upper case": str.upper,
    "in a URL": quote,
    "in a URL, all of it": lambda secret: quote(secret, safe=""),
    "in a form": quote_plus,
    "every letter escaped": lambda secret: "".join(f"%{byte:02x}" for byte in secret.encode()),
    "as in JSON": lambda secret: "".join(f"\\u{ord(letter):04x}" for letter in secret),
    "base64": b64,
    "base64 without its end": lambda secret: b64(secret).rstrip("="),
    "base64 for URLs": lambda secret: base64.urlsafe_b64encode(secret.encode()).decode(),
    "base64 within more": lambda secret: b64(f"user me, word {secret}, from there"),
    "base64 within more, one on": lambda secret: b64(f"user me,, word {secret}, from there"),
    "base64 within more, two on": lambda secret: b64(f"user me,,, word {secret}, from there"),
    "base64 in a URL": lambda secret: quote(b64(secret), safe=""),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("secret", [PASSWORD, ENCODED, TOKEN])
def test_a_secret_is_found_in_every_form(form: str, secret: str) -> None:
    said = FORMS[form](secret)
    assert scrub(f"before <{said}> after", [secret]) == "before <***> after"


def test_the_beginning_of_a_token_is_enough() -> None:
    assert scrub(f"bad token {TOKEN[:60]}... of yours", [TOKEN]) == "bad token *** of yours"


def test_what_is_no_secret_stays() -> None:
    text = "repository library/tiny: pull access denied, may require 'login' \\o/ 100 %41"
    assert scrub(text, [PASSWORD, ENCODED, TOKEN, ""]) == text
    assert scrub("", [PASSWORD]) == ""


def test_the_gaps_do_not_tell_a_short_one() -> None:
    assert scrub("unauthorized", ["a"]) == "***"
    assert scrub("forbidden", ["x1"]) == "forbidden"


LETTERS = st.characters(exclude_characters="*")


@given(secret=st.text(LETTERS, min_size=1), before=st.text(), after=st.text())
def test_whatever_it_is_and_wherever_it_stands(secret: str, before: str, after: str) -> None:
    said = scrub(f"{before}{secret}{after}", [secret])
    assert secret not in said


def test_what_was_sent_last_is_remembered() -> None:
    secrets = Secrets()
    secrets.add(LOGIN.basic)
    for number in range(30):
        secrets.add(f"Bearer token-number-{number:04}")
    assert secrets.scrub(f"{PASSWORD} token-number-0000 me:{PASSWORD}") == "*** *** ***"


# -- over the wire ------------------------------------------------------------------------------------


def reflections(authorization: str) -> list[str]:
    scheme, _, value = authorization.rpartition(" ")
    secrets = [value, *([base64.b64decode(value).decode().partition(":")[2]] if scheme == "Basic" else [])]
    return [form(secret) for secret in secrets for form in FORMS.values()]


def without_secrets(error: Exception, *secrets: str) -> None:
    text = f"{error} {getattr(error, 'hint', '')} {error!r}"
    for secret in secrets:
        for form in FORMS.values():
            assert form(secret) not in text
    assert "***" in text


@pytest.mark.parametrize("index", range(2 * len(FORMS)))
async def test_what_a_refusal_repeats_of_a_password(client_for: Client, serve: Serve, index: int) -> None:
    def answer(request: Request) -> Answer:
        said = f"bad login {reflections(request.authorization)[index]}" if request.authorization else ""
        return registry_error(401, said, ("WWW-Authenticate", "Basic"))

    with pytest.raises(RefusedError, match="bad login") as caught:
        await Asker(client_for(), serve(answer), login=LOGIN).get()
    without_secrets(caught.value, PASSWORD, ENCODED)


@pytest.mark.parametrize("place", ["error", "error_description", "scheme", "realm", "realm's host"])
async def test_what_a_challenge_repeats(client_for: Client, serve: Serve, place: str) -> None:
    word = "hunter2x"
    login = Login("me", word, "the name")

    def answer(request: Request) -> Answer:
        asks = {
            "error": f'Basic realm="x", error="no {word}"',
            "error_description": f'Basic realm="x", error_description="no {b64(word)}"',
            "scheme": word,
            "realm": f'Bearer realm="https://elsewhere.example:0/{quote(word)}"',
            "realm's host": f'Bearer realm="https://{word}.example/"',
        }[place]
        return Answer(401, b"", [("WWW-Authenticate", asks)])

    with pytest.raises(RefusedError) as caught:
        await Asker(client_for(), serve(answer), login=login).get()
    without_secrets(caught.value, word)


@pytest.mark.parametrize("escaped", [False, True])
async def test_what_a_refused_token_comes_back_as(client_for: Client, serve: Serve, escaped: bool) -> None:
    """Also the password that only the token server got, told by the registry, in escaped JSON."""
    sent: list[str] = []

    def answer(request: Request) -> Answer:
        if request.path == "/token":
            sent.append(request.authorization.removeprefix("Basic "))
            return as_json({"token": TOKEN})
        said = f"no {TOKEN} for {PASSWORD} or {''.join(sent)}"
        body = json.dumps({"errors": [{"message": said}]}, ensure_ascii=escaped)
        asks = ("WWW-Authenticate", f'Bearer realm="{server.url}/token"')
        if escaped:
            body = body.replace("hunter2", "\\u0068unter2").replace("eyJ", "\\u0065yJ")
        return Answer(401, body.encode(), [asks, ("Content-Type", "application/json")])

    server = serve(answer)
    with pytest.raises(RefusedError, match=r"\(401\): no \*\*\* for \*\*\* or \*\*\*") as caught:
        await Asker(client_for(), server, login=LOGIN).get()
    without_secrets(caught.value, PASSWORD, ENCODED, TOKEN)


@pytest.mark.parametrize("status", [404, 429, 401])
async def test_what_a_token_server_repeats(client_for: Client, serve: Serve, status: int) -> None:
    def answer(request: Request) -> Answer:
        if request.path == "/token":
            return registry_error(status, f"what is {request.authorization} to me")
        return Answer(401, b"", [("WWW-Authenticate", f'Bearer realm="{server.url}/token"')])

    server = serve(answer)
    with pytest.raises((RefusedError, HostSetback), match=r"what is Basic \*\*\* to me") as caught:
        await Asker(client_for(), server, login=LOGIN).get()
    without_secrets(caught.value, ENCODED)


async def test_what_a_token_server_repeats_of_a_signature(
    client_for: Client, serve: Serve, tmp_path: Path
) -> None:
    signed: list[str] = []

    def answer(request: Request) -> Answer:
        if request.path == "/token":
            signed.append(request.authorization)
            return registry_error(401, f"not {signed[0]} nor {signed[0].partition(':')[2]}")
        return Answer(401, b"", [("WWW-Authenticate", f'Bearer realm="{server.url}/token"')])

    server = serve(answer)
    with pytest.raises(RefusedError, match=r"not \*\*\* nor \*\*\*") as caught:
        await Asker(client_for(), server, keys=[write_key(tmp_path)]).get()
    without_secrets(caught.value, signed[0], signed[0].partition(":")[2])


async def test_what_a_store_repeats_of_a_signed_address(client_for: Client, serve: Serve) -> None:
    store = serve(lambda request: registry_error(503, f"late: {dict(request.query)['sig']}"))
    signature = "abcdef0123456789/+=="
    location = ("Location", f"{store.url}/x?n=1&sig={quote(signature, safe='')}")
    server = serve(lambda _: Answer(307, b"", [location]))
    with pytest.raises(HostSetback) as caught:
        await Asker(client_for(), server).get(BLOB)
    assert caught.value.why == f"{store.host} is busy (503): late: ***"


async def test_what_a_redirect_repeats(client_for: Client, serve: Serve) -> None:
    door = BasicDoor("me", "hunter2x")
    inner = guarded(serve, door).answer
    server = serve(
        lambda request: (
            Answer(307, b"", [("Location", "ftp://host/hunter2x/%68unter2x")])
            if request.authorization
            else inner(request)
        )
    )
    with pytest.raises(ResponseError, match=r"redirects to ftp://host/\*\*\*/\*\*\*, which"):
        await Asker(client_for(), server, login=Login("me", "hunter2x", "the name")).get(MANIFEST)


# -- reprs --------------------------------------------------------------------------------------------


def test_no_repr_shows_a_secret(tmp_path: Path) -> None:
    word = "hunter2"
    login = Login("me", word, "the name")
    key, _ = find_key([write_key(tmp_path)])
    assert key is not None
    secrets = Secrets()
    secrets.add(f"Bearer {word}")
    things = [
        login,
        Reply(200, word.encode(), word),
        Refusal([f'Basic error="{word}"'], word),
        *parse_challenges([f'{word} error="{word}"']),
        Grant(f"Bearer {word}", login),
        Credentials({"PULLTUI_CREDENTIALS": f"h=me:{word}"}, None),
        secrets,
        key,
    ]
    for thing in things:
        for shown in (repr(thing), str(thing), f"{thing}", repr([thing]), pretty_repr(thing)):
            assert word not in shown
            assert b64(f"me:{word}") not in shown
