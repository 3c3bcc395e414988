"""Pictures that records name, for the screens of this station: from its own disk, else from the hub.

There are two kinds, each in a folder of its own below the station's data folder: small ones of cameras, and those of
citizen reports. A folder holds what was fetched, a file for each SHA-256, the ones that were wanted longest ago going
first when its limits are reached; so a station without its hub still has those that it has shown. A file is given out
only when its bytes have the SHA-256 that is its name. A folder may be removed at any time.

One thread reads, writes and asks; `want` and the hub's answers come from others and wait for nothing. Must not: judge
how old a picture is (its record says when it was taken), look into
one further than its first bytes, or hold up the link's thread.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import queue
import re
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from backends.domain import picture_file
from backends.domain.ports import SmallPicture
from backends.link.ports import BlobDone

_log = logging.getLogger(__name__)

FOLDER = "small"
MOST_FILES = 2000
MOST_BYTES = 64 << 20
"""364 cameras take some 5 MB; pictures of pure noise seven times as much."""
MOST_PICTURE = 256 << 10
"""Bytes of one picture: 320 pixels wide, it has 15 kB, of noise 100 kB."""
WANTED_MOST = 128
"""Of one screen at the same time."""
AT_ONCE = 6
"""Questions to the hub under way."""
AGAIN_S = {"unknown": 30.0}
"""How long a picture that did not come is left alone; the hub may be making it. Other codes: _AGAIN_S."""
_AGAIN_S = 5.0
_SHA256 = re.compile(r"[0-9a-f]{64}")

Give = Callable[[SmallPicture], None]
Fetch = Callable[[str, Callable[[BlobDone], None]], None]


@dataclass(frozen=True)
class Kind:
    """Of pictures."""

    folder: str
    most_files: int
    most_bytes: int
    most_picture: int
    """Bytes of one."""
    at_once: int
    """Questions to the hub under way."""
    png: bool
    """PNG is taken as well as JPEG."""
    tells: bool
    """Screens hear why one does not come, each time that it was tried."""
    name: str
    """In the log."""


def small() -> Kind:
    """Of cameras, in lists."""
    name = "small pictures of cameras"
    return Kind(FOLDER, MOST_FILES, MOST_BYTES, MOST_PICTURE, at_once=AT_ONCE, png=False, tells=False, name=name)


RECORDS = Kind(
    "pictures", 400, 256 << 20, picture_file.MOST_BYTES, at_once=2, png=True, tells=True, name="pictures of reports"
)
"""What people photograph has 2 to 4 MB: the newest hundred or so. Two at once are 16 MiB at most, which leaves room for
others among what the link may have under way (`blobs.OPEN_BYTES`)."""


@dataclass
class _Screen:
    """What one screen wants and has not been given."""

    give: Give
    blobs: dict[str, None] = field(default_factory=dict)


class Pictures:
    """Those of one kind, of one feeder."""

    def __init__(
        self, data_dir: Path, fetch: Fetch, kind: Kind | None = None, *,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        """`fetch`: asks the hub for a blob, and calls back once, from any thread (`FeedCore.fetch_blob`).
        `kind`: small ones unless said."""
        self._kind = kind or small()
        self._folder = data_dir / self._kind.folder
        self._fetch = fetch
        self._now_s = monotonic_s
        self._lock = threading.Lock()
        self._screens: dict[int, _Screen] = {}
        self._come: queue.SimpleQueue[BlobDone] = queue.SimpleQueue()
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._asked: set[str] = set()
        self._not_before: dict[str, float] = {}
        self._files: dict[str, int] = {}
        """Blob -> bytes on disk, the one that was used longest ago first. The thread's own, as the two above."""
        self._said = False
        self._thread = threading.Thread(target=self._run, name=f"{self._kind.folder}-pictures", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(3.0)

    def want(self, screen: int, blobs: tuple[str, ...], give: Give) -> None:
        """See ports.SmallPictureDesk.want and PictureDesk. `give` is called by the thread. Any thread."""
        good = dict.fromkeys(blob for blob in blobs[:WANTED_MOST] if _SHA256.fullmatch(blob))
        with self._lock:
            if good:
                self._screens[screen] = _Screen(give, good)
            else:
                self._screens.pop(screen, None)
        self._wake.set()

    # -- the thread ----------------------------------------------------------------------------------

    def _run(self) -> None:
        self._look_at_disk()
        while True:
            self._wake.wait(1.0 if self._wanted() else None)
            if self._stop.is_set():
                return
            self._wake.clear()
            while not self._come.empty():
                self._take(self._come.get())
            for blob in self._wanted():
                self._serve(blob)

    def _wanted(self) -> list[str]:
        with self._lock:
            return list(dict.fromkeys(blob for screen in self._screens.values() for blob in screen.blobs))

    def _serve(self, blob: str) -> None:
        """From the disk, else ask for it, as far as there is room for a question."""
        if blob in self._asked:
            return
        data = self._read(blob) if blob in self._files else None
        if data is not None:
            self._tell(SmallPicture(blob, data))
        elif len(self._asked) < self._kind.at_once and self._now_s() >= self._not_before.get(blob, 0.0):
            self._asked.add(blob)
            self._fetch(blob, self._on_done)

    def _on_done(self, done: BlobDone) -> None:
        """By the link's thread."""
        self._come.put(done)
        self._wake.set()

    def _take(self, done: BlobDone) -> None:
        self._asked.discard(done.blob)
        if code := done.code or self._unfit(done.data):
            self._leave_alone(done.blob, code)
            if self._kind.tells:
                self._tell(SmallPicture(done.blob, b"", code))
            return
        self._not_before.pop(done.blob, None)
        self._keep(done.blob, done.data)
        self._tell(SmallPicture(done.blob, done.data))

    def _unfit(self, data: bytes) -> str:
        if len(data) > self._kind.most_picture:
            return "too_large" if self._kind.tells else "no_picture"
        return (
            ""
            if (picture_file.is_picture(data) if self._kind.png else data.startswith(picture_file.JPEG))
            else "no_picture"
        )

    def _leave_alone(self, blob: str, code: str) -> None:
        _log.info("picture %s: %s", blob[:12], code)
        now_s = self._now_s()
        self._not_before = {one: until_s for one, until_s in self._not_before.items() if until_s > now_s}
        self._not_before[blob] = now_s + AGAIN_S.get(code, _AGAIN_S)

    def _tell(self, picture: SmallPicture) -> None:
        """Whoever wants it, and has it now unless it says why not."""
        with self._lock:
            wanting = [screen for screen in self._screens.values() if picture.blob in screen.blobs]
            if not picture.code:
                for screen in wanting:
                    del screen.blobs[picture.blob]
        for screen in wanting:
            screen.give(picture)

    # -- the disk ------------------------------------------------------------------------------------

    def _look_at_disk(self) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            found = [(path.stat(), path) for path in self._folder.iterdir()]
        except OSError as error:
            self._complain(error)
            return
        for stat, path in sorted(found, key=lambda one: one[0].st_mtime_ns):
            if path.suffix == ".jpg" and _SHA256.fullmatch(path.stem):
                self._files[path.stem] = stat.st_size
        self._forget_oldest()

    def _path(self, blob: str) -> Path:
        return self._folder / f"{blob}.jpg"

    def _read(self, blob: str) -> bytes | None:
        """None: it has gone, or is damaged; then it is asked for anew."""
        try:
            data = self._path(blob).read_bytes()
            if hashlib.sha256(data).hexdigest() == blob:
                os.utime(self._path(blob))
                self._files[blob] = self._files.pop(blob)
                return data
        except OSError as error:
            _log.info("picture %s cannot be read: %s", blob[:12], error)
        self._remove([blob])
        return None

    def _keep(self, blob: str, data: bytes) -> None:
        part = self._folder / "part"
        try:
            part.write_bytes(data)  # not synced: what is lost is fetched again
            os.replace(part, self._path(blob))
        except OSError as error:
            self._complain(error)
            return
        self._said = False
        self._files.pop(blob, None)
        self._files[blob] = len(data)
        self._forget_oldest()

    def _forget_oldest(self) -> None:
        count, total = len(self._files), sum(self._files.values())
        gone: list[str] = []
        for blob, size in self._files.items():
            if count <= self._kind.most_files and total <= self._kind.most_bytes:
                break
            gone.append(blob)
            count, total = count - 1, total - size
        self._remove(gone)

    def _remove(self, blobs: Iterable[str]) -> None:
        for blob in blobs:
            self._files.pop(blob, None)
            with contextlib.suppress(OSError):  # gone already; or being read, on Windows: the next start finds it
                self._path(blob).unlink()

    def _complain(self, error: OSError) -> None:
        """Once until it works again: pictures are shown all the same while the hub is there."""
        if not self._said:
            self._said = True
            _log.warning("%s cannot be kept: %s", self._kind.name, error)
