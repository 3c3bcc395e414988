"""Blobs that the hubs of a site share: their bytes in a JetStream object store, beside the row that names them.

A blob's bytes are on the servers before its row is. Every hub fetches what its folder lacks, one at a time and
beside everything else: a blob that cannot be had holds up nothing. They have a limit of their own on the servers,
because pictures must not take the room of the log.
"""

from __future__ import annotations

import concurrent.futures
import logging
import time
from collections import deque
from collections.abc import Iterable

import nats.errors
from nats.js import api
from nats.js.errors import APIError, BadRequestError, NotFoundError
from nats.js.object_store import ObjectStore

from backends.hub.blobs import BlobStore
from backends.hub.jetstream_client import JetStreamClient
from backends.hub.ports import LogTrouble
from backends.hub.shared import Row

log = logging.getLogger(__name__)

BLOB_S = 30.0
"""For one blob of 8 MiB at most."""
AGAIN_S = 60.0
"""After a blob that could not be had."""


class SharedBlobs:
    """Shelf of the kind `blob`. `make`, `put` and `get` run on the nats thread, the rest in the thread "rows"."""

    def __init__(self, client: JetStreamClient, name: str, store: BlobStore) -> None:
        self._client, self._bucket, self._store = client, f"{name}-blobs", store
        self._wanted: deque[Row] = deque()
        self._coming: concurrent.futures.Future[bytes] | None = None
        self._not_before_s = 0.0

    # --- on the nats thread ----------------------------------------------------------------------

    async def make(self, replicas: int, most_mb: int) -> None:
        """The store, where it is missing. Raises LogTrouble when the servers have no room for it."""
        try:
            await self._client.js().create_object_store(
                bucket=self._bucket, storage=api.StorageType.FILE, replicas=replicas, max_bytes=most_mb << 20
            )
        except BadRequestError:
            pass  # it is there, made with other figures
        except APIError as error:
            raise LogTrouble(
                f"the servers cannot keep {most_mb} MB of blobs ({error}): give them more room (max_file_store), "
                "or the hubs a smaller --nats-blob-mb"
            ) from error

    async def _objects(self) -> ObjectStore:
        return await self._client.js().object_store(self._bucket)

    async def put(self, blob: str, media: str, data: bytes) -> None:
        await (await self._objects()).put(blob, data, api.ObjectMeta(description=media))

    async def _get(self, blob: str) -> bytes:
        return (await (await self._objects()).get(blob)).data or b""

    # --- in the thread "rows" --------------------------------------------------------------------

    def rows(self) -> Iterable[Row]:
        return self._store.rows()

    def bytes_of(self, row: Row) -> bytes:
        """Of one that is here. Raises OSError."""
        found = self._store.find(row.key)
        if found is None:
            raise OSError(f"blob {row.key[:16]} is gone")
        return found[0].read_bytes()

    def take(self, rows: Iterable[Row]) -> None:
        self._wanted += rows

    @property
    def busy(self) -> bool:
        return self._coming is not None

    def turn(self) -> None:
        """Fetch the next one that is missing. Never waits, never raises for what the servers do."""
        if self._coming is None:
            self._begin()
        elif self._coming.done():
            self._end(self._coming)
            self._coming = None
        elif time.monotonic() > self._not_before_s:  # BLOB_S is over: nats-py waits for ever
            self._coming.cancel()

    def _begin(self) -> None:
        if not self._wanted or time.monotonic() < self._not_before_s:
            return
        if self._store.find(self._wanted[0].key) is not None:
            self._wanted.popleft()
            return
        self._coming = self._client.run(self._get(self._wanted[0].key))
        self._not_before_s = time.monotonic() + BLOB_S

    def _end(self, coming: concurrent.futures.Future[bytes]) -> None:
        row = self._wanted.popleft()
        self._not_before_s = 0.0
        try:
            if self._store.add(row.key, row.told.decode("ascii", "replace"), coming.result()):
                return
            log.error("blob %s is not what its name says: left out", row.key[:16])
            return
        except NotFoundError:
            log.error("blob %s is named by the hubs' rows, and its bytes are not on the servers", row.key[:16])
        except (nats.errors.Error, TimeoutError, concurrent.futures.CancelledError, OSError) as error:
            log.error("blob %s cannot be fetched yet: %s", row.key[:16], error or "no answer")
        self._wanted.append(row)
        self._not_before_s = time.monotonic() + AGAIN_S
