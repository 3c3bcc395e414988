"""Pictures and clips that records name by their SHA-256: files in a folder, written once and never changed.

A blob comes in parts, in order, into a file of the station that sends it; a part that is there already is
answered again, so that a sender goes on where it was, after a lost answer or a restart of either side. The
whole is hashed, fsynced and renamed into its place; two senders of one blob never touch the same file. Where there
are several hubs a whole blob of a station is shared before it counts as kept (`shared`), one of this hub's world
soon after; one that is still coming is not.
Must not: believe a name, a size or a media type that the bytes do not bear out.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import re
import shutil
import time
from collections.abc import Collection, Iterator
from pathlib import Path

from backends.hub.ports import LogTrouble
from backends.hub.shared import ALONE, Row, Sharing
from backends.protocol.messages import BLOB_PART, BlobKept, BlobPut, Limits

log = logging.getLogger(__name__)

BLOB = "blob"
"""Kind of shared rows: that there is a blob; its bytes go another way."""
BLOB_MOST = Limits().blob
OPEN_MOST = 8
"""Unfinished blobs of one station; the one that was left longest makes room."""
FREE_LEAST = 256 << 20
"""Bytes that stay free on the disk: the log comes first."""
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SUFFIX = {"image/jpeg": ".jpg", "image/png": ".png", "video/mp4": ".mp4"}
_MEDIA = {suffix: media for media, suffix in _SUFFIX.items()}


def _is_what_it_says(media: str, head: bytes) -> bool:
    match media:
        case "image/jpeg":
            return head.startswith(b"\xff\xd8\xff")
        case "image/png":
            return head.startswith(b"\x89PNG\r\n\x1a\n")
        case "video/mp4":
            return head[4:8] == b"ftyp"
    return False


def parts_of(size: int) -> int:
    """How many parts a blob of so many bytes has."""
    return max(1, -(-size // BLOB_PART))


class BlobStore:
    """`blobs/ab/abcd....jpg` below the hub's data folder. `put` and `open` may run in different threads.

    `keep_small` and `forget_small` belong to the sweep.
    """

    def __init__(self, folder: Path, *, sharing: Sharing = ALONE) -> None:
        self._sharing = sharing
        self._folder = folder / "blobs"
        self._coming = self._folder / "coming"
        self._coming.mkdir(parents=True, exist_ok=True)
        self._small = self._folder / "small"
        self._small.mkdir(exist_ok=True)

    # --- giving ----------------------------------------------------------------------------------

    def find(self, blob: str) -> tuple[Path, str] | None:
        """(file, media) of a whole blob."""
        if not _SHA256.fullmatch(blob):
            return None
        for suffix, media in _MEDIA.items():
            path = self._folder / blob[:2] / f"{blob}{suffix}"
            if path.exists():
                return path, media
        small = self._small / f"{blob}.jpg"
        return (small, "image/jpeg") if small.exists() else None

    # --- taking ----------------------------------------------------------------------------------

    def put(self, station: str, part: BlobPut, data: bytes) -> BlobKept:
        """Take one part; BLOBKEPT's `part` is how far the blob is here. Never raises for what was sent."""
        if code := self._unfit(part, data):
            return BlobKept(part.request, part.blob[:64], 0, code)
        if self.find(part.blob) is not None:
            return BlobKept(part.request, part.blob, part.parts)
        try:
            return self._take(station, part, data)
        except (OSError, LogTrouble) as error:
            log.error("a blob of %s cannot be kept: %s", station, error)
            return BlobKept(part.request, part.blob, 0, "not_kept")

    @staticmethod
    def _unfit(part: BlobPut, data: bytes) -> str:
        if not _SHA256.fullmatch(part.blob):
            return "bad_hash"
        if part.size > BLOB_MOST or len(data) > BLOB_PART:
            return "too_large"
        if part.size < 1 or part.parts != parts_of(part.size) or not 1 <= part.part <= part.parts:
            return "bad_part"
        if len(data) != (BLOB_PART if part.part < part.parts else part.size - BLOB_PART * (part.parts - 1)):
            return "bad_part"
        if part.media not in _SUFFIX or (part.part == 1 and not _is_what_it_says(part.media, data)):
            return "bad_media"
        return ""

    def _take(self, station: str, part: BlobPut, data: bytes) -> BlobKept:
        path = self._coming / f"{station}~{part.blob}"
        # A part that a crash has cut off is not counted, and the last one is always taken: it ends the blob.
        have = min(path.stat().st_size // BLOB_PART, part.parts - 1) if path.exists() else 0
        if part.part != have + 1:
            # Known already, or one before it is missing: the sender goes on after what is here.
            return BlobKept(part.request, part.blob, have)
        if shutil.disk_usage(self._folder).free < FREE_LEAST + part.size:
            return BlobKept(part.request, part.blob, 0, "not_kept")
        if have == 0:
            self._make_room(station)
        with path.open("r+b" if have else "wb") as file:
            file.seek(have * BLOB_PART)
            file.write(data)
            if part.part < part.parts:
                return BlobKept(part.request, part.blob, part.part)
            file.flush()
            os.fsync(file.fileno())
        return self._finish(path, part)

    def _finish(self, path: Path, part: BlobPut) -> BlobKept:
        if _sha256(path) != part.blob:
            path.unlink()
            return BlobKept(part.request, part.blob, 0, "bad_hash")
        if not _is_what_it_says(part.media, _head(path)):  # the first part may have said otherwise
            path.unlink()
            return BlobKept(part.request, part.blob, 0, "bad_media")
        self._sharing.share_blob(part.blob, part.media, path)
        self._put_in_place(path, part.blob, part.media)
        return BlobKept(part.request, part.blob, part.parts)

    def _put_in_place(self, path: Path, blob: str, media: str) -> None:
        target = self._folder / blob[:2] / f"{blob}{_SUFFIX[media]}"
        target.parent.mkdir(exist_ok=True)
        os.replace(path, target)
        _sync_folder(target.parent)
        _sync_folder(self._folder)

    # --- several hubs ----------------------------------------------------------------------------

    def rows(self) -> Iterator[Row]:
        """Every whole blob that is here, as a shared row; `told` is its media type."""
        for path in sorted(self._folder.glob("??/*")):
            if path.suffix in _MEDIA and _SHA256.fullmatch(path.stem):
                yield Row(BLOB, path.stem, 0, _MEDIA[path.suffix].encode())

    def add(self, blob: str, media: str, data: bytes) -> bool:
        """A whole one that another hub has shared; False when it is not what it says. Raises OSError.

        One thread of one process at a time.
        """
        if media not in _SUFFIX or hashlib.sha256(data).hexdigest() != blob or not _is_what_it_says(media, data):
            return False
        self._put_in_place(self._written(f"~{blob}", data), blob, media)
        return True

    def give(self, blob: str, media: str, data: bytes) -> None:
        """A whole one that this hub's world names; nothing is done where it is here. Raises OSError.

        The loop's thread, so it is shared afterwards: the servers may leave unanswered for half a minute.
        """
        if self.find(blob) is None:
            self._put_in_place(self._written(f"~world~{blob}", data), blob, media)
            self._sharing.blob_is_here(blob, media)

    def _written(self, name: str, data: bytes) -> Path:
        """A file of no station among what is coming, synced."""
        if shutil.disk_usage(self._folder).free < FREE_LEAST + len(data):
            raise OSError("the disk is full")
        path = self._coming / name
        with path.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        return path

    # --- small pictures of cameras -----------------------------------------------------------------

    def keep_small(self, data: bytes) -> str:
        """A JPEG of a camera, until a newer one takes its place; its SHA-256. Raises OSError.

        Not shared, and not synced: another hub makes its own within minutes, and half a gigabyte of them a day would
        soon leave no room for what records name for good.
        """
        if not _is_what_it_says("image/jpeg", data):
            raise OSError("it is no JPEG")
        if shutil.disk_usage(self._folder).free < FREE_LEAST + len(data):
            raise OSError("the disk is full")
        blob = hashlib.sha256(data).hexdigest()
        part = self._small / "part"
        part.write_bytes(data)
        os.replace(part, self._small / f"{blob}.jpg")
        return blob

    def forget_small(self, but: Collection[str], older_s: float) -> None:
        """All small pictures but these that are older than so many seconds."""
        before_s = time.time() - older_s
        for path in self._small.iterdir():
            with contextlib.suppress(OSError):  # Windows, while somebody reads it: it goes the next time
                if path.stem not in but and path.stat().st_mtime < before_s:
                    path.unlink()

    # --- parts -----------------------------------------------------------------------------------

    def _make_room(self, station: str) -> None:
        mine = sorted(self._coming.glob(f"{station}~*"), key=lambda p: p.stat().st_mtime_ns)
        for old in mine[: max(0, len(mine) - OPEN_MOST + 1)]:
            old.unlink(missing_ok=True)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(16)


def _sync_folder(folder: Path) -> None:
    """The new name is on disk too. Windows has no such call: NTFS journals names."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
