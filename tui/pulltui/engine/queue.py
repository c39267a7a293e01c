"""The queue: pulls in order, so many of them at a time, and one BlobDownload a digest."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial

from pulltui.engine.blob import BlobDownload
from pulltui.engine.context import Context
from pulltui.engine.errors import ManifestError, PullError, storage_error
from pulltui.engine.keeping import entry_of, restore
from pulltui.engine.manifest import Layer, Manifest
from pulltui.engine.names import ModelName, Scheme
from pulltui.engine.order import moved, put_before
from pulltui.engine.peek import Found, peek
from pulltui.engine.pull import Pull
from pulltui.engine.pulllist import PullList
from pulltui.engine.queuefile import Entry
from pulltui.engine.space import Room
from pulltui.engine.views import EventKind, PullState

_IDLE = frozenset({PullState.PAUSED, PullState.FAILED, PullState.DONE})
_MOST_STUCK = 8
"""Pulls that may be begun on top of `active_pulls` because others are stuck: a full disk or a dead store
must not have a thousand begun, all of which go on at once when it is well again."""


class Queue:
    """All pulls of one models directory. Its methods belong to the engine's loop."""

    def __init__(self, context: Context, make_pull: type[Pull] = Pull) -> None:
        """`make_pull` is for tests: pulls that are played."""
        self.on_change: Callable[[], None] = lambda: None
        """Called when there is something new to keep."""
        self.some_ended = asyncio.Event()
        """Set when a pull has ended, for whoever shows that."""
        self._finished: list[Pull] = []
        self._make = make_pull
        self._list = PullList()
        self._to_look_at: dict[str, None] = {}
        """Ids of the pulls that a peek is due for, in order."""
        self._peeks: set[asyncio.Task[None]] = set()
        """The task that is at it: one at a time."""
        self.room = Room(context.store, lambda: context.settings.storage)
        self._context = context
        self._downloads: dict[str, BlobDownload] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._count = 0
        self._held_since: dict[str, float] = {}

    @property
    def pulls(self) -> Mapping[str, Pull]:
        """All pulls by id, in order."""
        return self._list.by_id

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

    def add(self, name: ModelName, scheme: Scheme) -> Pull:
        """Queue a name, or return its pull if it is there; a paused, failed or done one starts again."""
        if (known := self._list.named(name)) is not None:
            same = known.base_url.startswith(f"{scheme}:")
            pull = known if same else self._by_other_scheme(known, name, scheme)
            self.resume([pull.id])
            return pull
        pull = self._append(name, scheme)
        self._context.log.emit(EventKind.ADDED, pull=pull.id, name=name.short)
        self.changed()
        self.schedule()
        return pull

    def restore(self, kept: Iterable[tuple[Entry, Manifest | None]], *, asleep: bool) -> None:
        """Queue what was kept, in its order; `asleep`: what is unfinished waits until somebody resumes it."""
        for entry, manifest in kept:
            self._wake(self._append(entry.model, entry.scheme), entry, manifest, asleep=asleep)
        self._peek(list(self.pulls.values()))
        self.schedule()

    def _append(self, name: ModelName, scheme: Scheme) -> Pull:
        self._count += 1
        pull = self._make(f"p{self._count}", name, scheme, self._context, self)
        self._list.enter(pull)
        return pull

    def _wake(self, pull: Pull, entry: Entry, manifest: Manifest | None, *, asleep: bool = False) -> None:
        restore(pull, entry, manifest, asleep=asleep)
        self._context.throttle.limit_pull(pull.id, pull.limit)

    def _by_other_scheme(self, pull: Pull, name: ModelName, scheme: Scheme) -> Pull:
        """Replace a pull by the same one over https instead of http, or the other way round.

        Raises PullError while the old one runs.
        """
        if pull.id in self._running:
            raise PullError(
                f"{name.short} is being pulled as {pull.base_url}", f"Pause it, then add it as {scheme}."
            )
        other = self._make(pull.id, name, scheme, self._context, self)
        other.limit = pull.limit
        self._list.enter(other)
        return other

    async def pause(self, ids: Collection[str]) -> None:
        """Pause pulls that are not done; returns when everything they received is durable."""
        chosen = [
            pull
            for pull in self._known(ids)
            if pull.asleep or (pull.state not in _IDLE and pull.state is not PullState.COMMITTING)
        ]
        for pull in chosen:
            pull.pause()
        self.changed()
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
        self.changed()
        self.schedule()

    def retry(self, ids: Collection[str]) -> None:
        """Skip countdowns and refill budgets; failed pulls start again."""
        self._context.gates.retry_now()
        for pull in self._known(ids):
            pull.retry_now()
        self.resume([pull.id for pull in self._known(ids) if pull.state is PullState.FAILED])

    async def remove(self, ids: Collection[str], *, delete: bool) -> None:
        """Take pulls off the list; `delete`: partials that no other pull needs go too.

        Raises PullError if some could not be deleted; the pulls are off the list then.
        """
        gone = self._known(ids)
        # First of all, so that nobody starts it again, and adding its name is a new pull.
        before = self._list.take_off(gone)
        self.changed()
        await self._stop([pull.id for pull in gone])
        problem: PullError | None = None
        try:
            await self._forget(gone, delete=delete)
        except OSError as error:
            problem = storage_error(error, "cannot delete a partial")
        for pull in gone:
            self._context.throttle.limit_pull(pull.id, None)
            self._context.log.emit(EventKind.REMOVED, pull=pull.id, name=pull.name.short)
        begun = any(pull.state is not PullState.DONE for pull in gone)
        self._list.removed(gone, before, deleted=delete and begun)
        self.schedule()
        if problem is not None:
            raise problem

    async def _forget(self, gone: Collection[Pull], *, delete: bool) -> None:
        """Let go of the blobs that nobody needs any more. Raises OSError."""
        layers = {blob.digest: blob.layer for pull in gone for blob in pull.downloads}
        if delete:  # what was begun before this start, too
            manifests = [pull.manifest for pull in gone if pull.manifest]
            layers |= {layer.digest: layer for manifest in manifests for layer in manifest.blobs}
        needed = self._needed()
        for layer in layers.values():
            if layer.digest in needed:
                continue
            if delete:
                blob = self._downloads.get(layer.digest) or BlobDownload(layer, self._context)
                await blob.discard()
                needed = self._needed()  # names may have been added meanwhile
            if layer.digest not in needed:
                self._downloads.pop(layer.digest, None)

    def move(self, ids: Collection[str], by: int) -> None:
        """Move pulls `by` places down (negative: up), as a block."""
        self._rearrange(ids, moved(list(self.pulls), set(ids), by))

    def start_next(self, ids: Collection[str]) -> None:
        """Put pulls at the head of those that wait for their turn."""
        wait = {
            pull.id
            for pull in self.pulls.values()
            if pull.state is PullState.QUEUED and pull.id not in self._running
        }
        self._rearrange(ids, put_before(list(self.pulls), set(ids), wait))

    def _rearrange(self, ids: Collection[str], order: Sequence[str]) -> None:
        self._list.rearrange(ids, order)
        self.changed()
        self.schedule()

    @property
    def undoable(self) -> str:
        """What `undo` would take back, in words."""
        return self._list.undoable

    def undo(self) -> str:
        """Take back the newest removal or move; return what it was, in words, empty if there is none."""
        words = self.undoable
        back = self._list.undo(self._revived)
        for pull in back:
            self._context.log.emit(EventKind.ADDED, pull=pull.id, name=pull.name.short)
        self._peek(back)
        self.changed()
        self.schedule()
        return words

    def _revived(self, pull: Pull) -> Pull:
        """Return a removed pull as it was: done ones themselves, of others a fresh one."""
        if pull.state is PullState.DONE:
            return pull
        entry = entry_of(pull)
        fresh = self._make(pull.id, pull.name, entry.scheme, self._context, self)
        self._wake(fresh, entry, pull.manifest, asleep=pull.asleep)
        there = {blob.digest: blob.written for blob in pull.downloads if blob.sizes or blob.table is not None}
        fresh.peeked, fresh.cached, fresh.counted = pull.peeked | there, pull.cached, pull.counted
        return fresh

    def limit(self, ids: Collection[str], rate: float | None) -> None:
        """Cap pulls, each at `rate` bytes a second; None lifts their caps."""
        for pull in self._known(ids):
            pull.limit = rate
            pull.rev += 1
            self._context.throttle.limit_pull(pull.id, rate)
        self._context.slots.look()
        self.changed()

    def entries(self) -> tuple[tuple[Entry, ...], dict[str, bytes]]:
        """Return what is to be kept: all that is not done, in order, and the manifests by digest."""
        left = [pull for pull in self.pulls.values() if pull.state is not PullState.DONE]
        manifests = {pull.manifest.digest: pull.manifest.raw for pull in left if pull.manifest is not None}
        return tuple(map(entry_of, left)), manifests

    def take_finished(self) -> list[Pull]:
        """Return the pulls that are done since this was asked last."""
        finished, self._finished = self._finished, []
        return finished

    def changed(self) -> None:
        """Something is to be kept."""
        self.on_change()

    def _peek(self, pulls: Iterable[Pull]) -> None:
        """Look what is on disk of pulls that do not run, one after the other, beside everything else."""
        self._to_look_at |= dict.fromkeys(pull.id for pull in pulls)
        if self._to_look_at and all(task.done() for task in self._peeks):
            task = asyncio.create_task(self._look())
            self._peeks.add(task)
            task.add_done_callback(self._peeks.discard)

    async def _look(self) -> None:
        while self._to_look_at:
            pull_id = next(iter(self._to_look_at))
            del self._to_look_at[pull_id]  # who asks from here on may know of something newer
            pull = self.pulls.get(pull_id)
            if pull is not None and pull.manifest is not None and pull_id not in self._running:
                found = await asyncio.to_thread(peek, self._context.store, pull.manifest.blobs)
                if pull_id not in self._running:
                    pull.found(found)

    async def stop(self) -> None:
        """Stop everything that runs and make it durable; nothing is marked as paused."""
        self._count = -1
        for task in self._peeks:
            task.cancel()
        await self._stop(list(self._running))

    def schedule(self) -> None:
        """Start the next pulls, as many as may run at once; call it now and then, too: waits grow long.

        A pull that has been waiting for a while does not count. It goes on as soon as it can, so that for
        that time more than `active_pulls` run: better than to stop one that moves.
        """
        if self._count < 0:
            return
        most, stuck = self._context.settings.transfer.active_pulls, self._stuck()
        if self._context.limits.quiet is not None:
            stuck = 0  # the others would only wait as well
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
        self.some_ended.set()
        self._context.throttle.forget(pull_id)
        self.changed()
        if (pull := self.pulls.get(pull_id)) is not None and pull.state is PullState.DONE:
            self._finished.append(pull)
            self._credit(pull)
        if not task.cancelled() and (error := task.exception()) is not None:
            # A defect of ours: nobody shall wait for a pull that is not there any more.
            asyncio.get_running_loop().call_exception_handler(
                {"message": "a pull ended unexpectedly", "exception": error}
            )
        self.schedule()

    def _credit(self, done: Pull) -> None:
        """Tell those that wait and need the same blobs that these are here.

        The disk is asked only where nothing is known yet: a thousand pulls may share a licence.
        """
        here = {(layer.digest, layer.size) for layer in done.manifest.blobs} if done.manifest else set()
        for pull in self.pulls.values():
            if pull.state is PullState.DONE or pull.manifest is None or pull.id in self._running:
                continue
            needed = ((layer.digest, layer.size) for layer in pull.manifest.blobs)
            shared = dict(each for each in needed if each in here)
            if not shared:
                continue
            if not pull.counted:
                self._peek([pull])
            elif not pull.cached.issuperset(shared):
                pull.found(Found(pull.peeked | shared, frozenset(shared)))

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
