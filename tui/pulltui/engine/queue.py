"""The queue: pulls in order, so many of them at a time, and one BlobDownload a digest."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from functools import partial

from pulltui.engine.blob import BlobDownload
from pulltui.engine.context import Context
from pulltui.engine.errors import ManifestError, PullError
from pulltui.engine.manifest import Layer
from pulltui.engine.names import ModelName, Scheme
from pulltui.engine.pull import Pull
from pulltui.engine.views import EventKind, PullState

_IDLE = frozenset({PullState.PAUSED, PullState.FAILED, PullState.DONE})
_MOST_STUCK = 8
"""Pulls that may be begun on top of `active_pulls` because others are stuck: a full disk or a dead store
must not have a thousand begun, all of which go on at once when it is well again."""


class Queue:
    """All pulls of one models directory. Its methods belong to the engine's loop."""

    def __init__(self, context: Context) -> None:
        self.pulls: dict[str, Pull] = {}
        """By id, in order."""
        self._context = context
        self._downloads: dict[str, BlobDownload] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._count = 0
        self._held_since: dict[str, float] = {}

    def blob(self, layer: Layer) -> BlobDownload:
        """Return the download of a digest; whoever asks gets the same, until it is verified or unwanted."""
        blob = self._downloads.get(layer.digest)
        if blob is None or (not blob.wanted_by and blob.verified):
            blob = self._downloads[layer.digest] = BlobDownload(layer, self._context)
        if blob.size != layer.size:
            if blob.wanted_by:
                raise ManifestError(
                    f"blob {layer.digest[7:19]} has {layer.size} bytes in this manifest, {blob.size} in that "
                    "of a pull that is under way",
                    "One of the two registries is wrong; pull again when the other is done.",
                )
            blob = self._downloads[layer.digest] = BlobDownload(layer, self._context)
        return blob

    def fetching(self, digest: str) -> bool:
        """Return whether a blob's partial is in use."""
        blob = self._downloads.get(digest)
        return blob is not None and (blob.is_open or bool(blob.wanted_by))

    def downloads(self) -> Collection[BlobDownload]:
        """Return every download there is."""
        return self._downloads.values()

    def promised(self, pull: Pull) -> list[Layer]:
        """Return the blobs that other running pulls still have to write and this one does not need."""
        own = {layer.digest for layer in pull.manifest.blobs} if pull.manifest else set()
        layers: dict[str, Layer] = {}
        for pull_id in self._running:
            other = self.pulls.get(pull_id)  # None: it is being removed
            if other is None or other is pull or other.manifest is None:
                continue
            if other.state is PullState.DOWNLOADING:
                layers |= {layer.digest: layer for layer in other.manifest.blobs if layer.digest not in own}
        return list(layers.values())

    def add(self, name: ModelName, scheme: Scheme) -> Pull:
        """Queue a name, or return its pull if it is there; a paused, failed or done one starts again."""
        for known in self.pulls.values():
            if known.name.key == name.key:
                same = known.base_url.startswith(f"{scheme}:")
                pull = known if same else self._by_other_scheme(known, name, scheme)
                self.resume([pull.id])
                return pull
        self._count += 1
        pull = Pull(f"p{self._count}", name, scheme, self._context, self)
        self.pulls[pull.id] = pull
        self._context.log.emit(EventKind.ADDED, pull=pull.id, name=name.short)
        self.schedule()
        return pull

    def _by_other_scheme(self, pull: Pull, name: ModelName, scheme: Scheme) -> Pull:
        """Replace a pull by the same one over https instead of http, or the other way round.

        Raises PullError while the old one runs.
        """
        if pull.id in self._running:
            raise PullError(
                f"{name.short} is being pulled as {pull.base_url}", f"Pause it, then add it as {scheme}."
            )
        self.pulls[pull.id] = Pull(pull.id, name, scheme, self._context, self)
        return self.pulls[pull.id]

    async def pause(self, ids: Collection[str]) -> None:
        """Pause pulls that are not done; returns when everything they received is durable."""
        chosen = [
            pull
            for pull in self._known(ids)
            if pull.state not in _IDLE and pull.state is not PullState.COMMITTING
        ]
        for pull in chosen:
            pull.pause()
        await self._stop([pull.id for pull in chosen])
        for pull in chosen:
            if pull.state is PullState.PAUSED:  # it may have ended, or been resumed, meanwhile
                self._context.log.emit(EventKind.PAUSED, pull=pull.id, name=pull.name.short)
        self.schedule()

    def resume(self, ids: Collection[str]) -> None:
        """Let paused, failed and done pulls wait for their turn again."""
        for pull in self._known(ids):
            if pull.state in _IDLE:  # one that is still saving starts again when it is through
                pull.requeue()
                self._context.log.emit(EventKind.RESUMED, pull=pull.id, name=pull.name.short)
        self.schedule()

    def retry(self, ids: Collection[str]) -> None:
        """Skip countdowns and refill budgets; failed pulls start again."""
        self._context.gates.retry_now()
        for pull in self._known(ids):
            pull.retry_now()
        self.resume([pull.id for pull in self._known(ids) if pull.state is PullState.FAILED])

    async def remove(self, ids: Collection[str], *, delete: bool) -> None:
        """Take pulls off the list; `delete`: partials that no other pull needs go too."""
        gone = self._known(ids)
        for pull in gone:  # first of all, so that nobody starts it again, and adding its name is a new pull
            self.pulls.pop(pull.id)
        await self._stop([pull.id for pull in gone])
        for pull in gone:
            self._context.log.emit(EventKind.REMOVED, pull=pull.id, name=pull.name.short)
            for blob in pull.downloads:
                if delete and blob.digest not in self._needed():
                    await blob.discard()
                if blob.digest not in self._needed():
                    self._downloads.pop(blob.digest, None)
        self.schedule()

    async def stop(self) -> None:
        """Stop everything that runs and make it durable; nothing is marked as paused."""
        self._count = -1
        await self._stop(list(self._running))

    def schedule(self) -> None:
        """Start the next pulls, as many as may run at once; call it now and then, too: waits grow long.

        A pull that has been waiting for a while does not count. It goes on as soon as it can, so that for
        that time more than `active_pulls` run: better than to stop one that moves.
        """
        if self._count < 0:
            return
        most, stuck = self._context.settings.transfer.active_pulls, self._stuck()
        for pull in self.pulls.values():
            running = len(self._running)
            if running - stuck >= most or running >= most + _MOST_STUCK:
                return
            if pull.state is PullState.QUEUED and pull.id not in self._running:
                if running >= most and self._context.gates.gate(pull.registry).waiting is not None:
                    continue  # it would only wait as well
                task = asyncio.create_task(pull.run(), name=f"pull {pull.name.short}")
                self._running[pull.id] = task
                task.add_done_callback(partial(self._ended, pull.id))

    def _stuck(self) -> int:
        """Return how many running pulls have been waiting for longer than a host's hiccup lasts."""
        now = self._context.clock()
        waiting = [pull.id for pull in self._known(self._running) if held(pull)]
        self._held_since = {pull_id: self._held_since.get(pull_id, now) for pull_id in waiting}
        return sum(now - since >= self._context.tuning.probe_last for since in self._held_since.values())

    def _ended(self, pull_id: str, task: asyncio.Task[None]) -> None:
        self._running.pop(pull_id)
        if not task.cancelled() and (error := task.exception()) is not None:
            # A defect of ours: nobody shall wait for a pull that is not there any more.
            asyncio.get_running_loop().call_exception_handler(
                {"message": "a pull ended unexpectedly", "exception": error}
            )
        self.schedule()

    def _needed(self) -> set[str]:
        """Return the digests of all pulls whose manifests are known."""
        manifests = [pull.manifest for pull in self.pulls.values() if pull.manifest]
        return {layer.digest for manifest in manifests for layer in manifest.blobs}

    async def _stop(self, ids: Collection[str]) -> None:
        tasks = [self._running[pull_id] for pull_id in ids if pull_id in self._running]
        for task in tasks:
            if not task.cancelling():  # a second time would break off the saving
                task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _known(self, ids: Collection[str]) -> list[Pull]:
        return [self.pulls[pull_id] for pull_id in ids if pull_id in self.pulls]


def held(pull: Pull) -> bool:
    """Return whether nothing of a pull moves because a host, or the pull as a whole, has to wait."""
    if pull.waiting is None:
        return False
    attempts = [run.attempt for blob in pull.downloads for run in blob.runs if run.attempt is not None]
    return all(attempt.waits for attempt in attempts)
