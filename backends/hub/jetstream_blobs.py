"""Blobs that the hubs of a site share: their bytes in a JetStream object store, beside the row that names them.

A blob's bytes are on the servers before its row is. Every hub fetches what its folder lacks and gives what the
site lacks, one at a time and beside everything else: a blob that cannot be had or given holds up nothing, neither
another blob nor leading. They have a limit of their own on the servers, because pictures must not take the room
of the log.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Iterable

import msgspec
import nats.errors
from nats.js import api
from nats.js.errors import APIError, BadRequestError, NotFoundError
from nats.js.object_store import ObjectStore

from backends.hub.blobs import BLOB_MOST, BlobStore
from backends.hub.jetstream_client import JetStreamClient
from backends.hub.ports import LogTrouble
from backends.hub.shared import Row

log = logging.getLogger(__name__)

BLOB_S = 30.0
"""For one blob of 8 MiB at most."""
CHUNK_S = 5.0
"""For one chunk of it: bytes that the servers no longer have never come."""
AGAIN_S, AGAIN_MOST_S = 60.0, 3600.0
"""After a blob that could not be had or given; twice as long each time."""
LOOK_S = 1.0
Give = Callable[[Row], Awaitable[None]]
"""Share a blob's row, on the nats thread."""


class _Later(msgspec.Struct):
    """A blob that has failed."""

    row: Row
    at_s: float
    wait_s: float


class SharedBlobs:
    """Shelf of the kind `blob`. Methods of the nats thread say so, the rest run in the thread "rows"."""

    def __init__(self, client: JetStreamClient, name: str, store: BlobStore, give: Give) -> None:
        self._client, self._bucket, self._store, self._share_row = client, f"{name}-blobs", store, give
        self._stream = f"OBJ_{self._bucket}"
        self._ready: dict[str, Row] = {}
        self._news: set[str] = set()
        """Of those that are here: the site has not heard of them."""
        self._later: dict[str, _Later] = {}
        self._look_s = 0.0
        self._row: Row | None = None
        """The one whose turn it is."""
        self._doing: concurrent.futures.Future[bytes] | None = None
        self._until_s = 0.0

    # --- on the nats thread ----------------------------------------------------------------------

    async def make(self, replicas: int, most_mb: int) -> None:
        """The store, where it is missing or smaller. Raises LogTrouble when the servers have no room for it."""
        js = self._client.js()
        try:
            config = (await js.stream_info(self._stream)).config
        except NotFoundError:
            await self._make_new(replicas, most_mb)
            return
        # Not asked for again: servers that have reserved more than half of their room for it would refuse.
        # It only grows: hubs that were given different figures would else take turns in changing it.
        if 0 < (config.max_bytes or 0) < most_mb << 20:
            try:
                await js.update_stream(config, max_bytes=most_mb << 20)
            except APIError as error:
                log.error("the servers keep %d MB of blobs and not more: %s", (config.max_bytes or 0) >> 20, error)

    async def _make_new(self, replicas: int, most_mb: int) -> None:
        try:
            await self._client.js().create_object_store(
                bucket=self._bucket, storage=api.StorageType.FILE, replicas=replicas, max_bytes=most_mb << 20
            )
        except BadRequestError:
            pass  # another hub has made it in the same moment
        except APIError as error:
            raise LogTrouble(
                f"the servers cannot keep {most_mb} MB of blobs ({error}): give them more room (max_file_store), "
                "or the hubs a smaller --nats-blob-mb"
            ) from error

    async def _objects(self) -> ObjectStore:
        return await self._client.js().object_store(self._bucket)

    async def put(self, blob: str, media: str, data: bytes) -> None:
        objects = await self._objects()
        with contextlib.suppress(NotFoundError):
            # Once is enough: while it is written anew nobody could read it, and of two writers one leaves its parts.
            if (await objects.get_info(blob)).size == len(data):
                return
        await objects.put(blob, data, api.ObjectMeta(description=media))

    async def _give(self, row: Row, data: bytes) -> bytes:
        await self.put(row.key, row.told.decode("ascii"), data)
        await self._share_row(row)
        return data

    async def _get(self, blob: str) -> bytes:
        """`ObjectStore.get` of nats-py waits for ever where parts are missing, and leaves its consumer behind."""
        info = await (await self._objects()).get_info(blob)
        size = info.size or 0
        if not 0 < size <= BLOB_MOST:
            raise OSError(f"it has {size} bytes")
        parts = f"$O.{self._bucket}.C.{info.nuid}"
        puller = await self._client.js().subscribe(parts, stream=self._stream, ordered_consumer=True)
        data = bytearray()
        try:
            while len(data) < size:
                data += (await puller.next_msg(timeout=CHUNK_S)).data
        finally:
            with contextlib.suppress(nats.errors.Error):
                await puller.unsubscribe()
        return bytes(data)

    # --- in the thread "rows" --------------------------------------------------------------------

    def rows(self) -> Iterable[Row]:
        return self._store.rows()

    def take(self, rows: Iterable[Row]) -> None:
        for row in rows:
            self._news.discard(row.key)
            self._ready[row.key] = row

    def give(self, rows: Iterable[Row]) -> None:
        """Blobs that are here and that the site lacks."""
        for row in rows:
            self._news.add(row.key)
            self._ready[row.key] = row

    @property
    def busy(self) -> bool:
        return self._doing is not None or bool(self._ready)

    def turn(self) -> None:
        """Fetch or give the next one. Never waits, never raises for what the servers do."""
        if self._doing is None:
            self._begin()
        elif self._doing.done():
            self._end(self._doing)
            self._doing = None
        elif time.monotonic() > self._until_s:
            self._doing.cancel()

    def _begin(self) -> None:
        now_s = time.monotonic()
        if now_s >= self._look_s:
            self._look_s = now_s + LOOK_S
            for blob, later in self._later.items():
                if now_s >= later.at_s:
                    later.at_s = now_s + later.wait_s
                    self._ready.setdefault(blob, later.row)
        while self._ready and self._doing is None:
            row = self._ready.pop(next(iter(self._ready)))
            found = self._store.find(row.key)
            if (found is not None) is not (row.key in self._news):
                self._done(row.key)  # here already, or gone
                continue
            self._row, self._until_s = row, time.monotonic() + BLOB_S
            try:
                making = self._give(row, found[0].read_bytes()) if found is not None else self._get(row.key)
            except OSError as error:
                self._failed(row, error)
                return
            self._doing = self._client.run(making)

    def _end(self, doing: concurrent.futures.Future[bytes]) -> None:
        row = self._row
        assert row is not None
        try:
            data = doing.result()
            if row.key in self._news or self._store.add(row.key, row.told.decode("ascii", "replace"), data):
                self._done(row.key)
            else:
                log.error("blob %s is not what its name says: left out", row.key[:16])
                self._done(row.key)
        except NotFoundError:
            self._failed(row, "its row is shared, and its bytes are not on the servers")
        except (nats.errors.Error, LogTrouble, ValueError, OSError, concurrent.futures.CancelledError) as error:
            self._failed(row, error)

    def _done(self, blob: str) -> None:
        self._news.discard(blob)
        self._later.pop(blob, None)

    def _failed(self, row: Row, why: object) -> None:
        before = self._later.get(row.key)
        wait_s = min(before.wait_s * 2, AGAIN_MOST_S) if before is not None else AGAIN_S
        self._later[row.key] = _Later(row, time.monotonic() + wait_s, wait_s)
        what = "given to the site" if row.key in self._news else "fetched"
        log.error("blob %s cannot be %s yet: %s", row.key[:16], what, why or "no answer")
