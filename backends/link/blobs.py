"""Blobs from the hub: BLOBGET, parts in any order, joined and compared with their SHA-256.

Pure. Memory is bounded: what is under way together may not be larger than OPEN_BYTES, one blob not larger
than the hub's limit. A part that does not fit what the first one said ends the try; two tries that end in
another hash end the question. Must not: hand on a byte whose blob has not been checked as a whole.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable

import msgspec

from backends.link.asking import Asking
from backends.link.ports import BlobDone
from backends.protocol.messages import BLOB_PART, Blob, BlobGet

BLOB_LIMIT = 8 << 20
"""Bytes of one blob, unless the hub's WELCOME says less."""
OPEN_BYTES = 32 << 20
"""Announced sizes of all blobs under way."""
OPEN_LIMIT = 16
RETRY_S = 3.0
RETRY_MAX_S = 10.0
LIVES_S = 60.0
HASH_TRIES = 2
_SHA256 = re.compile(r"[0-9a-f]{64}")


class _Coming(msgspec.Struct):
    blob: str
    media: str = ""
    size: int = -1
    """-1: no part has come yet."""
    parts: int = 0
    have: dict[int, bytes] = {}
    bad: int = 0

    def forget(self) -> None:
        self.size, self.parts, self.have = -1, 0, {}


class Blobs:
    """Used by the link thread only. `done` is called once for each question."""

    def __init__(self, done: Callable[[BlobDone], None], bad: Callable[[str, bytes], None]) -> None:
        """`bad`: (reason, raw) of a part that does not follow the protocol."""
        self._done, self._bad = done, bad
        self.asking = Asking(RETRY_S, RETRY_MAX_S, lives_s=LIVES_S, limit=OPEN_LIMIT + 1)
        self._coming: dict[int, _Coming] = {}
        self.limit = BLOB_LIMIT

    def ask(self, request: int, blob: str, now_s: float) -> None:
        """Fetch a blob; the same request number may not be in use."""
        if not _SHA256.fullmatch(blob):
            self._done(BlobDone(request, blob, code="unknown"))
        elif len(self._coming) >= OPEN_LIMIT:
            self._done(BlobDone(request, blob, code="busy"))
        else:
            self._coming[request] = _Coming(blob)
            self.asking.ask(request, BlobGet(request, blob), now_s)

    def on_blob(self, part: Blob, data: bytes | None) -> None:
        """One part; `data` is frame 2."""
        coming = self._coming.get(part.request)
        if coming is None or coming.blob != part.blob:
            return  # late or foreign: nobody waits for it
        if part.code:
            self._end(part.request, BlobDone(part.request, part.blob, code=part.code[:40]))
            return
        if part.size > self.limit or self._open_bytes(part.request) + part.size > OPEN_BYTES:
            self._end(part.request, BlobDone(part.request, part.blob, code="too_large"))
            return
        if data is None or not self._fits(coming, part, data):
            self._bad(f"BLOB part {part.part} of {part.parts} does not fit", b"" if data is None else data[:200])
            coming.forget()
            return
        coming.media, coming.size, coming.parts = part.media, part.size, part.parts
        coming.have[part.part] = data
        if len(coming.have) == coming.parts:
            self._join(part.request, coming)

    @staticmethod
    def _fits(coming: _Coming, part: Blob, data: bytes) -> bool:
        """A part of the same blob as the parts before: right count, right length."""
        if coming.size >= 0 and (coming.media, coming.size, coming.parts) != (part.media, part.size, part.parts):
            return False
        if not part.size >= 0 or not 1 <= part.part <= part.parts or not len(data) <= BLOB_PART:
            return False
        if part.parts > max(1, part.size):
            return False  # empty parts: a count that would never end
        had = sum(len(d) for n, d in coming.have.items() if n != part.part)
        return had + len(data) <= part.size

    def _join(self, request: int, coming: _Coming) -> None:
        data = b"".join(coming.have[n] for n in range(1, coming.parts + 1))
        if len(data) == coming.size and hashlib.sha256(data).hexdigest() == coming.blob:
            self._end(request, BlobDone(request, coming.blob, coming.media, data))
            return
        coming.bad += 1
        self._bad(f"BLOB {coming.blob[:12]} has another SHA-256", data[:200])
        coming.forget()
        if coming.bad >= HASH_TRIES:
            self._end(request, BlobDone(request, coming.blob, code="bad_hash"))

    def _open_bytes(self, but: int) -> int:
        return sum(max(0, c.size) for n, c in self._coming.items() if n != but)

    def _end(self, request: int, done: BlobDone) -> None:
        self._coming.pop(request, None)
        self.asking.answered(request)
        self._done(done)

    def connection_lost(self) -> None:
        """Parts of two answers are not mixed: each blob is asked for from its beginning."""
        for coming in self._coming.values():
            coming.forget()
        self.asking.connection_lost()

    def give_up(self, now_s: float) -> None:
        """End what has taken too long."""
        for request in self.asking.given_up(now_s):
            coming = self._coming.pop(request, None)
            if coming is not None:
                self._done(BlobDone(request, coming.blob, code="no_answer"))
