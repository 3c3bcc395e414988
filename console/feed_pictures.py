"""Small pictures of cameras for the screens of this station: from its own disk, else from the hub.

`small/` below the station's data folder holds what was fetched, a file for each SHA-256, the ones that were wanted
longest ago going first when MOST_FILES or MOST_BYTES are reached; so a station without its hub still has those that
it has shown. A file is given out only when its bytes have the SHA-256 that is its name. The folder may be removed
at any time.

One thread reads, writes and asks; `want` and the hub's answers come from others and wait for nothing. Must not: judge
how old a picture is (its record says when it was taken), or hold up the link's thread.
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
_JPEG = b"\xff\xd8\xff"
_SHA256 = re.compile(r"[0-9a-f]{64}")

Give = Callable[[SmallPicture], None]
Fetch = Callable[[str, Callable[[BlobDone], None]], None]


@dataclass
class _Screen:
    """What one screen wants and has not been given."""

    give: Give
    blobs: dict[str, None] = field(default_factory=dict)


class SmallPictures:
    """Of one feeder."""

    def __init__(self, data_dir: Path, fetch: Fetch, *, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        """`fetch`: asks the hub for a blob, and calls back once, from any thread (`FeedCore.fetch_blob`)."""
        self._folder = data_dir / FOLDER
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
        self._thread = threading.Thread(target=self._run, name="small-pictures", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(3.0)

    def want(self, screen: int, blobs: tuple[str, ...], give: Give) -> None:
        """See ports.SmallPictureDesk.want. `give` is called by the thread. Any thread."""
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
            self._give(blob, data)
        elif len(self._asked) < AT_ONCE and self._now_s() >= self._not_before.get(blob, 0.0):
            self._asked.add(blob)
            self._fetch(blob, self._on_done)

    def _on_done(self, done: BlobDone) -> None:
        """By the link's thread."""
        self._come.put(done)
        self._wake.set()

    def _take(self, done: BlobDone) -> None:
        self._asked.discard(done.blob)
        code = done.code or ("" if done.data.startswith(_JPEG) and len(done.data) <= MOST_PICTURE else "no_picture")
        if code:
            self._leave_alone(done.blob, code)
            return
        self._not_before.pop(done.blob, None)
        self._keep(done.blob, done.data)
        self._give(done.blob, done.data)

    def _leave_alone(self, blob: str, code: str) -> None:
        _log.info("small picture %s: %s", blob[:12], code)
        now_s = self._now_s()
        self._not_before = {one: until_s for one, until_s in self._not_before.items() if until_s > now_s}
        self._not_before[blob] = now_s + AGAIN_S.get(code, _AGAIN_S)

    def _give(self, blob: str, data: bytes) -> None:
        with self._lock:
            takers = [screen.give for screen in self._screens.values() if blob in screen.blobs]
            for screen in self._screens.values():
                screen.blobs.pop(blob, None)
        for give in takers:
            give(SmallPicture(blob, data))

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
            _log.info("small picture %s cannot be read: %s", blob[:12], error)
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
            if count <= MOST_FILES and total <= MOST_BYTES:
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
            _log.warning("small pictures of cameras cannot be kept: %s", error)
