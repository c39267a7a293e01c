"""Where a pull's blobs come from: one Source a digest."""

from __future__ import annotations

import httpx

from pulltui.engine.auth import Authenticator
from pulltui.engine.context import Context
from pulltui.engine.source import Source


class Sources:
    """The sources of one pull, made when they are asked for."""

    def __init__(self, context: Context, repository_url: str, registry: str, auth: Authenticator) -> None:
        """`repository_url` is `scheme://host/v2/namespace/model`, `registry` its host."""
        self._context = context
        self._url = repository_url
        self._registry = registry
        self._auth = auth
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
                follow_after=self._context.tuning.follow_after,
            )
        return source

    def host(self, digest: str) -> str:
        """Return the host that a blob's bytes come from, the registry until that is known."""
        source = self._sources.get(digest)
        return source.host if source is not None else self._registry

    def hosts(self) -> list[str]:
        """Return all hosts that bytes come from; the registry while nothing is known of one."""
        return [source.host for source in self._sources.values()] or [self._registry]
