"""The hub's end of the sweep: keeps the probe process, tells it whom to look at, and puts what it found into the
directory.

One thread of its own starts the probe (on Linux a child dies with the thread that started it), sends orders as the
rota says and takes answers; small pictures are kept there. The hub's loop calls `turn` once a second: that gives
the directory in and takes what was found out. A probe that dies is started again, slower each time; one whose look
does not end is killed. Must not: open a camera, or hold up the loop.

A camera's record changes when its state does; its picture is taken anew after THUMBNAIL_S, or with its state: 364
records and pictures every 70 s would be 450,000 a day. Its privacy masks are filled before the picture leaves the
probe; when they change it is taken anew at the next look. Where there are several hubs the one that leads sweeps, and
makes its own pictures. Of the demo's drawn scenes the picture alone is taken, as often, from their files
(`scene_files`); between whiles no probe runs for them.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from backends.domain.camera import Camera, StreamKind, flags_meant
from backends.domain.picture import PictureFlag
from backends.domain.place import Boxes, masks_by_camera
from backends.domain.sweep import FIXED_SCHEMES, LookAt, Looked, answer_decoder
from backends.hub.blobs import BlobStore
from backends.hub.core import Core
from backends.hub.line_child import TICK_S, LineChild, kept_alive
from backends.hub.private import CAMERA, Vault
from backends.hub.rota import Rota
from backends.hub.scene_files import NEVER_S, SceneFiles, scene_of

log = logging.getLogger(__name__)

PROBE = "backends.probe"
WHAT = "the probe of the cameras"
FOLDER = "views"
"""Of the references, below the hub's data folder."""
THUMBNAIL_S = 600.0
TIDY_S = 60.0
"""How often small pictures that no record names are removed, and how old they are then at least: one that has just
come is not in its record yet."""
MOST_LINE = 1 << 20
"""Bytes of an answer; a small picture of noise takes 100 kB."""
MOST_REASON = 120
BARRED = "looking at it ends the program that looks"


_State = tuple[bool | None, tuple[PictureFlag, ...] | None, Boxes] | None


@dataclass(frozen=True, slots=True)
class Found:
    """What the loop puts into a record."""

    looked: Looked
    blob: str = ""
    """Of the new small picture."""


class Sweep:
    """`start`, then `turn` by the hub's loop, `close` at its end."""

    def __init__(
        self, folder: Path, blobs: BlobStore, scenes: SceneFiles | None = None, *,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._folder = folder
        self._blobs = blobs
        self._scenes = scenes or SceneFiles()
        self._now_s = monotonic_s
        self._rota = Rota()
        self._cameras: dict[str, Camera] = {}
        self._masks: dict[str, Boxes] = {}
        self._lock = threading.Lock()  # guards the three above
        self._sent: dict[str, Boxes] = {}
        """Camera -> the masks of its last order."""
        self._thumbnails: dict[str, tuple[float, _State]] = {}
        """Camera -> when its picture was taken (monotonic), and what was seen then."""
        self._found: queue.SimpleQueue[Found] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sweep", daemon=True)
        self._tidy_s = 0.0
        self.restarts = 0
        self.pid = 0
        """Of the probe; 0 = none runs."""

    def start(self) -> None:
        self._thread.start()

    @property
    def thread_id(self) -> int:
        """Of the system; 0 before the start."""
        return self._thread.native_id or 0

    def close(self) -> None:
        """Ends the probe too."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(5.0)

    # --- the hub's loop --------------------------------------------------------------------------

    def turn(self, core: Core, now_ns: int, shown: Iterable[str] = ()) -> None:
        """Directory in, what was found out. `shown`: cameras that stations show; they need no look."""
        cameras: dict[str, Camera] = core.records("cameras")
        busy = frozenset(shown)
        swept = [c for c in cameras.values() if c.enabled and c.id not in busy and is_swept(c)]
        masks = masks_by_camera(core.records("config").values())

        def taken_s(camera: Camera) -> float:
            at_s, state = self._thumbnails.get(camera.id, (NEVER_S, None))
            same = camera.thumbnail and state == (None, None, masks.get(camera.id, ()))
            return at_s if same else NEVER_S

        swept += self._scenes.due(cameras.values(), self._now_s(), taken_s)
        with self._lock:
            self._cameras = {camera.id: camera for camera in swept}
            self._masks = masks
            self._rota.sweep(self._cameras, self._now_s())
        while not self._found.empty():
            found = self._found.get()
            camera = cameras.get(found.looked.camera_id)
            if camera is not None:
                core.put("cameras", with_found(camera, found, now_ns), now_ns)
        if self._now_s() >= self._tidy_s:
            self._tidy_s = self._now_s() + TIDY_S
            self._blobs.forget_small({camera.thumbnail for camera in cameras.values()}, TIDY_S)

    def look_soon(self, camera_ids: Iterable[str]) -> None:
        """Somebody else says that something is wrong with these."""
        with self._lock:
            for camera_id in camera_ids:
                self._rota.hurry(camera_id, self._now_s())

    # --- the sweep's thread ----------------------------------------------------------------------

    def _run(self) -> None:
        kept_alive(self._stop, lambda: self._cameras, self._serve, self._died, WHAT, self._now_s)

    def _died(self) -> None:
        self.restarts += 1

    def _serve(self) -> None:
        """One life of the probe."""
        vault = Vault(self._folder)
        try:
            settings = {"folder": str(self._folder / FOLDER)}
            probe = LineChild(PROBE, settings, answer_decoder, WHAT, most_line=MOST_LINE)
            self.pid = probe.pid
            try:
                self._look_after(probe, vault)
            finally:
                probe.close()
                self.pid = 0
        finally:
            vault.close()

    def _look_after(self, probe: LineChild[Looked], vault: Vault) -> None:
        while self._cameras and not self._stop.is_set():
            self._give_orders(probe, vault)
            with self._lock:
                hung = self._rota.hung(self._now_s())
            if hung:
                log.error("the look at camera %s does not end: the probe is started again", hung)
                probe.kill()
                self._mourn(hung)
                return
            try:
                looked = probe.answers.get(timeout=TICK_S)
            except queue.Empty:
                continue
            if looked is None:
                self._mourn()
                return
            self._take(looked)

    def _give_orders(self, probe: LineChild[Looked], vault: Vault) -> None:
        while True:
            with self._lock:
                now_s = self._now_s()
                camera_id = self._rota.next(now_s)
                camera = self._cameras.get(camera_id) if camera_id is not None else None
                masks = self._masks.get(camera.id, ()) if camera is not None else ()
            if camera is None:
                return
            judged = is_swept(camera)
            uri, direct = address_of(camera) if judged else (self._scenes.uri(camera), False)
            # The room's restream server is given no camera's password.
            secret = (vault.find(CAMERA, camera.id) or {}) if direct else {}
            taken_s, state = self._thumbnails.get(camera.id, (now_s - THUMBNAIL_S, None))
            wants = now_s - taken_s >= THUMBNAIL_S or state != (camera.online, camera.flags, masks) or not judged
            self._sent[camera.id] = masks
            user, password = secret.get("user", ""), secret.get("password", "")
            probe.order(LookAt(camera.id, uri, user, password, wants, masks, judged))

    def _take(self, looked: Looked) -> None:
        with self._lock:
            now_s = self._now_s()
            again_s = max(0.0, min(looked.again_s, 60.0))
            self._rota.done(looked.camera_id, now_s, again_s, patient=looked.patient)
        blob = ""
        if looked.thumbnail:
            state = looked.online, looked.flags, self._sent.get(looked.camera_id, ())
            self._thumbnails[looked.camera_id] = now_s, state
            try:
                blob = self._blobs.keep_small(looked.thumbnail)
            except OSError as error:
                log.warning("the small picture of camera %s cannot be kept: %s", looked.camera_id, error)
        if looked.again_s:
            self._thumbnails.pop(looked.camera_id, None)  # the next look says what is new, and shows it
        self._found.put(Found(looked, blob))

    def _mourn(self, culprit: str = "") -> None:
        """The probe has gone: whom it had open is tried again, last and alone."""
        if self._stop.is_set():
            return
        with self._lock:
            opened = self._rota.open
            barred = self._rota.died(self._now_s(), culprit)
        log.error("the probe of the cameras has ended while it looked at %s", ", ".join(opened) or "nothing")
        for camera_id in barred:
            self._found.put(Found(Looked(camera_id, False, BARRED, ())))


def is_swept(camera: Camera) -> bool:
    """It has a stream, and one that can be found dead."""
    return address_of(camera)[0].partition(":")[0].lower() not in FIXED_SCHEMES | {""}


def address_of(camera: Camera) -> tuple[str, bool]:
    """(its small stream, True: its own; False: the room's restream server's, where it has no other); empty: none.

    Its own first: a restream server that has gone would make every camera look dead.
    """
    ways = camera.streams or camera.restream
    small = next((stream for stream in ways if stream.kind is StreamKind.SUB), ways[0] if ways else None)
    return (small.uri if small is not None else "", bool(camera.streams))


def with_found(camera: Camera, found: Found, now_ns: int) -> Camera:
    """The record as it is after a look; the same where nothing has changed."""
    looked = found.looked
    if scene_of(camera):  # how a drawn scene is, the city says
        blob, t_ns = (found.blob, now_ns) if found.blob else (camera.thumbnail, camera.t_thumbnail_ns)
        return msgspec.structs.replace(camera, thumbnail=blob, t_thumbnail_ns=t_ns)
    online = camera.online if looked.online is None else looked.online
    # What was wrong with the picture of a camera that is away is not known any more.
    flags = () if not online else camera.flags if looked.flags is None else looked.flags
    flags = flags_meant(camera, flags)
    reason = camera.reason if looked.online is None else looked.reason[:MOST_REASON]
    moved = (online, flags) != (camera.online, camera.flags)
    return msgspec.structs.replace(
        camera,
        online=online,
        flags=flags,
        reason=reason,
        t_state_ns=now_ns if moved or not camera.t_state_ns else camera.t_state_ns,
        thumbnail=found.blob or camera.thumbnail,
        t_thumbnail_ns=now_ns if found.blob else camera.t_thumbnail_ns,
    )
