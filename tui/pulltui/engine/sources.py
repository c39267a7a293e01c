"""Where a pull's blobs come from: one Source a digest."""

from __future__ import annotations

from collections.abc import Iterable

import httpx

from pulltui.engine.auth import Authenticator
from pulltui.engine.blob import BlobDownload
from pulltui.engine.context import Context
from pulltui.engine.source import Source
from pulltui.engine.stream import Progress


class Sources:
    """The sources of one pull, made when they are asked for."""

    def __init__(self, context: Context, repository_url: str, registry: str, auth: Authenticator) -> None:
        """`repository_url` is `scheme://host/v2/namespace/model`, `registry` its host."""
        self._context = context
        self._url = repository_url
        self._registry = registry
        self._auth = auth
        self._progress = Progress(context.clock)
        self._sources: dict[str, Source] = {}

    def of(self, digest: str, size: int) -> Source:
        """Return where a blob comes from."""
        source = self._sources.get(digest)
        if source is None:
            source = self._sources[digest] = Source(
                self._context.requester,
                httpx.URL(f"{self._url}/blobs/{digest}"),
                digest,
                size,
                self._context.settings.retry.max_retries,
                auth=self._auth,
                edges=self._context.edges,
                progress=self._progress,
                follow_after=self._context.tuning.follow_after,
            )
        return source

    def host(self, digest: str) -> str:
        """Return the host that a blob's bytes come from, the registry until that is known."""
        source = self._sources.get(digest)
        return source.host if source is not None else self._registry

    def rests(self) -> list[float]:
        """Return the seconds until blobs may be asked for again whose addresses were refused."""
        return [source.rest for source in self._sources.values() if source.rest]

    def asked(self, blobs: Iterable[BlobDownload]) -> list[str]:
        """Return the hosts whose answers blobs need just now.

        Those that runs which nobody has answered yet go to, or wait for: where bytes come from is well, and
        the registry is nobody's concern once it has told where that is. While nobody asks for anything, as
        after a refusal, all that bytes come from; the registry while nothing is known of one.
        """
        left = [blob for blob in blobs if not blob.all_written]
        runs = [run for blob in left for run in blob.runs]
        if runs or not left:
            gates = [run.attempt.gate for run in runs if run.attempt is not None]
            unanswered = [run.source.host for run in runs if not run.host]
            return [*unanswered, *(gate.host for gate in gates if gate is not None)]
        sources = [self._sources[blob.digest] for blob in left if blob.digest in self._sources]
        return [source.host for source in sources if source.generation] or [self._registry]
