"""Pictures that clicks of this station name, on its disk until the hub has them.

`outgoing/` below the station's data folder, a file for each SHA-256. A picture is there, synced, before the click that
names it is in the journal, and it goes when the hub keeps it or when no click that is under way names it any more; what
the hub never had of a click that took effect is said then.
Bounded: a click whose picture finds no room is not kept, and its person is told at once.
Threads: `keep` by whoever takes a click; the rest by the link's thread and at the start.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import threading
from collections.abc import Collection, Sequence
from pathlib import Path

from backends.domain.picture_file import MOST_BYTES, is_picture

_log = logging.getLogger(__name__)

FOLDER = "outgoing"
ROOM = 64 << 20
"""Bytes of all that wait: some hundred pictures of a camera, for a hub that is away."""


class OutgoingPictures:
    """link.ports.Outgoing."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / FOLDER
        self._lock = threading.Lock()
        self._sizes: dict[str, int] = {}

    def load(self, named: Collection[str], *, sure: bool = True) -> None:
        """At the start. `named`: by the clicks that are under way; other pictures are nobody's, unless it is not `sure`
        that these are all the clicks."""
        try:
            found = [*self._folder.iterdir()] if self._folder.exists() else []
            for path in found:
                if path.name in named or (not sure and not path.name.startswith(".")):
                    self._sizes[path.name] = path.stat().st_size
                else:
                    path.unlink(missing_ok=True)
        except OSError as error:
            _log.error("pictures that wait for the hub cannot be read: %s", error)

    def keep(self, pictures: Sequence[bytes]) -> None:
        """On the disk when this returns. Raises OSError: no room, or it is none."""
        for data in pictures:
            blob = hashlib.sha256(data).hexdigest()
            with self._lock:
                if blob in self._sizes:
                    continue
                if sum(self._sizes.values()) + len(data) > ROOM:
                    raise OSError("too many pictures wait for the hub")
            if not is_picture(data) or len(data) > MOST_BYTES:
                raise OSError("it is no picture that the hub takes")
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            part = self._folder / f".{blob}.{threading.get_ident()}"
            try:
                with part.open("wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(part, self._folder / blob)
            finally:
                part.unlink(missing_ok=True)
            _sync_folder(self._folder)
            with self._lock:
                self._sizes[blob] = len(data)

    def has(self, blob: str) -> bool:
        """See link.ports.Outgoing."""
        with self._lock:
            return blob in self._sizes

    def data(self, blob: str) -> bytes:
        """See link.ports.Outgoing."""
        try:
            data = (self._folder / blob).read_bytes()
        except OSError as error:
            _log.error("picture %s cannot be read: %s", blob[:12], error)
            return b""
        return data if hashlib.sha256(data).hexdigest() == blob else b""

    def through(self, blob: str) -> None:
        """See link.ports.Outgoing."""
        self.forget((blob,))

    def forget(self, blobs: Collection[str], lost_with: str = "") -> None:
        """No click needs them any more. `lost_with`: the click that took effect without them."""
        for blob in blobs:
            with self._lock:
                known = self._sizes.pop(blob, None) is not None
            if known:
                if lost_with:
                    _log.warning("picture %s is dropped: the hub never had it, and %s is done", blob[:12], lost_with)
                with contextlib.suppress(OSError):  # the next start finds it
                    (self._folder / blob).unlink()


def _sync_folder(folder: Path) -> None:
    """The new name is on disk too. Windows has no such call: NTFS journals names."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
