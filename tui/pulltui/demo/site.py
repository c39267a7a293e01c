"""What is on offer and how each request is answered: the registry's routes and those of its second host."""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from collections.abc import Callable

from pulltui.demo.blobs import Blob, DamagedBlob
from pulltui.demo.counters import Counters
from pulltui.demo.faults import Faults, Picker
from pulltui.demo.link import Lane, Pace
from pulltui.demo.models import MANIFEST_TYPE, Model
from pulltui.demo.reply import Reply, Spoiler, busy_headers, error_reply, plain_reply
from pulltui.demo.request import Request

MANIFEST = re.compile(r"/v2/(?P<path>.+)/manifests/(?P<tag>[^/]+)")
BLOB = re.compile(r"/v2/(?P<path>.+)/blobs/(?P<digest>[^/]+)")
SIGNED = re.compile(r"/data/(?P<hex>[0-9a-f]{64})")
EXPIRED = b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
UNSIGNED = b"<Error><Code>SignatureDoesNotMatch</Code></Error>"


class Site:
    """Models, blobs, the plan of faults in force and the counters. Used by the registry's loop only, but for
    `add`, which may be called from anywhere.
    """

    def __init__(
        self,
        plan: Faults,
        seed: int,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """`clock` gives monotonic seconds; `wall` unix time, for dates in headers."""
        self.counters = Counters(clock)
        self.registry = ""
        self.cdn = ""
        self._seed = seed
        self._clock = clock
        self._wall = wall
        self._models: dict[tuple[str, str], Model] = {}
        self._blobs: dict[str, Blob] = {}
        self._key = hashlib.sha256(f"signing key {seed}".encode()).digest()
        self.blobs_open = 0
        self.set_plan(plan)

    def set_plan(self, plan: Faults) -> None:
        """Puts another plan in force, its counts beginning anew."""
        self.plan = plan
        self._picker = Picker(plan, self._seed)
        self._spoiler = Spoiler(plan, self._seed)
        link = plan.number("link")
        self._link = Pace(link) if link else None

    def add(self, model: Model) -> None:
        """Offers a model, replacing one of the same name."""
        self._models[model.path, model.tag] = model
        self._blobs.update(model.blobs)

    @property
    def models(self) -> list[Model]:
        """All models on offer, in the order they were added."""
        return list(self._models.values())

    def lane(self, reply: Reply) -> Lane:
        """What limits the rate of an answer: its own pace and the link. Only blobs are slowed."""
        if reply.place != "blob":
            return Lane(None, None)
        rates = [rate for rate in (reply.rate, self.plan.number("rate")) if rate]
        return Lane(Pace(min(rates)) if rates else None, self._link)

    def answer(self, request: Request, cdn: bool) -> Reply:
        """The reply to a request at the registry, or at its second host."""
        if request.method not in {"GET", "HEAD"}:
            return error_reply("other", 405, "UNSUPPORTED", f"{request.method} is not supported here")
        if cdn:
            return self._answer_cdn(request)
        manifest = MANIFEST.fullmatch(request.path)
        if manifest is not None:
            return self._spoilt(self._manifest(manifest["path"], manifest["tag"], request), request)
        blob = BLOB.fullmatch(request.path)
        if blob is not None:
            return self._answer_blob(blob["path"], blob["digest"], request)
        if request.path in {"/v2", "/v2/"}:
            return plain_reply("other", 200, "application/json", b"{}\n")
        return error_reply("other", 404, "NOT_FOUND", f"there is nothing at {request.path}")

    def _manifest(self, path: str, tag: str, request: Request) -> Reply:
        accepted = request.headers.get("accept", "")
        if MANIFEST_TYPE not in accepted:
            message = f"Accept names no manifest type known here: {accepted!r}"
            return error_reply("manifest", 400, "MANIFEST_INVALID", message)
        model = self._models.get((path, tag))
        if model is None:
            return error_reply("manifest", 404, "MANIFEST_UNKNOWN", f"no model {path}:{tag}")
        reply = plain_reply("manifest", 200, MANIFEST_TYPE, model.manifest)
        digest = "sha256:" + hashlib.sha256(model.manifest).hexdigest()
        reply.headers += [("Docker-Content-Digest", digest), ("ETag", f'"{digest}"')]
        return reply

    def _answer_blob(self, path: str, digest: str, request: Request) -> Reply:
        known = any(
            model.path == path and (digest in model.blobs or digest.encode() in model.manifest)
            for model in self._models.values()
        )
        blob = self._blobs.get(digest)
        if blob is None or not known:
            return error_reply("resolve", 404, "BLOB_UNKNOWN", f"no blob {digest} in {path}")
        if self.plan.server("noredirect"):
            return self._blob(blob, request)
        return self._spoilt(self._redirect(blob, request), request)

    def _redirect(self, blob: Blob, request: Request) -> Reply:
        hop = int(_number(request.query.get("hop", ""))) + 1
        plan = self.plan
        if plan.server("location"):
            target = str(plan.server("location"))
        elif plan.server("loop") or hop < (plan.number("hops") or 1):
            target = f"{self.registry}{request.path}?hop={hop}"
        else:
            target = self.cdn + self._signed(blob.digest, self._clock())
        reply = plain_reply("resolve", int(plan.number("redirect") or 307), "text/html", b"see Location\n")
        reply.digest = blob.digest
        if not plan.server("nolocation"):
            reply.set("Location", target)
        return reply

    def _signed(self, digest: str, issued: float) -> str:
        path = f"/data/{digest.removeprefix('sha256:')}"
        stamp = f"{issued:.6f}"
        signature = hmac.new(self._key, f"{path} {stamp}".encode(), "sha256").hexdigest()
        return f"{path}?X-Issued={stamp}&X-Signature={signature}"

    def _answer_cdn(self, request: Request) -> Reply:
        match = SIGNED.fullmatch(request.path)
        blob = self._blobs.get("sha256:" + match["hex"]) if match else None
        if blob is None:
            return plain_reply("other", 404, "text/plain", b"no such object\n")
        issued = _number(request.query.get("X-Issued", ""))
        if request.target != self._signed(blob.digest, issued):
            return _refuse(blob, request, plain_reply("blob", 403, "application/xml", UNSIGNED))
        good_for = self.plan.number("expire")
        if good_for is not None and self._clock() - issued > good_for:
            return _refuse(blob, request, plain_reply("blob", 403, "application/xml", EXPIRED), "expire")
        return self._blob(blob, request)

    def _blob(self, blob: Blob, request: Request) -> Reply:
        most = self.plan.number("max")
        if most is not None and self.blobs_open >= most:
            reply = error_reply("blob", 429, "TOOMANYREQUESTS", f"more than {most} at once")
            reply.headers += busy_headers(self.plan, self._wall(), 1.0)
            return _refuse(blob, request, reply, "max")
        try:
            bounds = request.range(blob.size)
        except ValueError:
            reply = plain_reply("blob", 416, "text/plain", b"")
            reply.set("Content-Range", f"bytes */{blob.size}")
            return _refuse(blob, request, reply)
        start, stop = bounds or (0, blob.size)
        damage = self.plan.number("damage")
        if damage is not None and damage < blob.size:
            served: Blob = DamagedBlob(blob, int(damage))
        else:
            served = blob
        reply = Reply("blob", 206 if bounds else 200, served, digest=blob.digest, ranged=bounds is not None)
        reply.start, reply.stop, reply.asked = start, stop, (start, stop)
        reply.headers = [
            ("Content-Type", "application/octet-stream"),
            ("Accept-Ranges", "bytes"),
            ("Docker-Content-Digest", blob.digest),
            ("ETag", f'"{blob.digest}"'),
        ]
        if bounds:
            reply.headers.append(("Content-Range", f"bytes {start}-{stop - 1}/{blob.size}"))
        return self._spoilt(reply, request)

    def _spoilt(self, reply: Reply, request: Request) -> Reply:
        """The reply after the faults that are due. HEAD requests meet none."""
        if request.method == "GET":
            faults = self._picker.pick(reply.place, reply.length, reply.ranged, self._clock())
            self._spoiler.spoil(reply, faults, self._wall())
        return reply


def _refuse(blob: Blob, request: Request, reply: Reply, why: str = "") -> Reply:
    """`reply`, which has none of the blob's bytes, marked so that it counts among the requests for them."""
    reply.digest, reply.refused, reply.genuine = blob.digest, why, False
    try:
        bounds = request.range(blob.size)
    except ValueError:
        bounds = (blob.size, blob.size)
    reply.ranged, reply.asked = bounds is not None, bounds or (0, blob.size)
    return reply


def _number(text: str) -> float:
    """A number from a query, 0 if it is none."""
    try:
        return float(text)
    except ValueError:
        return 0.0
