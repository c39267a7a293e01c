"""From a name to its manifest: asked for as often as it takes, within reason."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

import httpx

from pulltui.engine.attempt import Attempt
from pulltui.engine.auth import Authenticator
from pulltui.engine.backoff import backoff
from pulltui.engine.context import Context
from pulltui.engine.errors import ManifestError, PullError
from pulltui.engine.manifest import MAX_MANIFEST_SIZE, Manifest, parse_manifest
from pulltui.engine.names import ModelName
from pulltui.engine.setbacks import HostSetback, PartSetback, Reconnect, Setback
from pulltui.engine.source import refusal

ACCEPT = (
    "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json;q=0.9"
)


class Resolver:
    """Fetches one manifest."""

    def __init__(
        self,
        name: ModelName,
        base_url: str,
        context: Context,
        on_setback: Callable[[Setback, int, float], None],
        auth: Authenticator,
    ) -> None:
        """`on_setback(setback, failures, wait)` is told of each try that failed."""
        self._name = name
        self._url = httpx.URL(f"{base_url}/v2/{name.repository}/manifests/{name.tag}")
        self._context = context
        self._on_setback = on_setback
        self._auth = auth
        self._wake = asyncio.Event()

    def retry_now(self) -> None:
        """Skip the countdown."""
        self._wake.set()

    async def resolve(self) -> Manifest:
        """Return the manifest. Raises PullError.

        A host that never answered since the start is given up after `max_retries` looks, unless somebody
        looks on: the name may be wrong, and nothing has begun that could be lost. One that did answer is
        waited for.
        """
        failures = refusals = 0
        retry = self._context.settings.retry
        patience = self._context.tuning.manifest_after
        while True:
            try:
                return await self._context.watchdog.guard(self._fetch, patience)
            except HostSetback as setback:
                gate = self._context.gates.gate(setback.host)
                patient = self._context.patient or gate.answered
                if not patient and gate.tries > retry.max_retries:
                    gate.tries = 0
                    raise PullError(
                        f"cannot reach the registry: {setback.why}",
                        "Check the name, the network and the proxy; then pull again.",
                    ) from setback
                wait = gate.waiting.seconds or 0.0 if gate.waiting else 0.0
                through = (setback.busy or setback.alone) and gate.waiting is None
                if through:  # the gate lets others through, and would let us, too
                    refusals += 1
                    wait = self._pause(refusals) + (setback.retry_after or 0.0)
                self._on_setback(setback, 0, wait)
                if through:
                    await self._sleep(wait)
            except PartSetback as setback:
                failures += 1
                if failures > retry.max_retries:
                    raise PullError(
                        f"the manifest of {self._name.short} does not come: {setback.why}",
                        "The registry is in trouble; try again later.",
                    ) from setback
                wait = self._pause(failures)
                self._on_setback(setback, failures, wait)
                await self._sleep(wait)
            except Setback as setback:
                patience *= 2 if isinstance(setback, Reconnect) else 1
                self._on_setback(setback, 0, 0.0)

    def _pause(self, failures: int) -> float:
        context = self._context
        cap = context.settings.retry.backoff_cap
        return backoff(failures, context.tuning.backoff_base, cap, context.uniform)

    async def _sleep(self, seconds: float) -> None:
        self._wake.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):  # wait_for may swallow a cancellation
                await self._wake.wait()

    async def _fetch(self, attempt: Attempt) -> Manifest:
        answer = await self._context.requester.get(self._url, {"Accept": ACCEPT}, attempt, self._auth)
        try:
            if answer.status != httpx.codes.OK:
                raise await refusal(answer, f"manifest of {self._name.short}", attempt)
            raw = bytearray()
            async for chunk in answer.chunks(attempt):
                raw += chunk
                if len(raw) > MAX_MANIFEST_SIZE:
                    raise ManifestError(
                        f"{answer.host} sends more than {MAX_MANIFEST_SIZE >> 20} MiB as a manifest",
                        "That is no manifest. Check the name.",
                    )
            kind = answer.response.headers.get("content-type", "")
            return parse_manifest(bytes(raw), kind, answer.host)
        finally:
            await answer.close()
