"""Saving the picture of a tile at the camera's own resolution.

1. At once: the stream that the tile shows is asked for in its own size; it runs already, so its picture is that of
   the moment (`Shot`).
2. Where that is the sub-stream and the camera has a main one: that as well, a little later, when it has come.
3. Each is written by a thread of its own (`still_file`), said on the desks, and noted for the audit.

A tile's zoom and its words are not in a still; privacy masks are. Must not: open a camera by itself; it asks the
desk of streams, as a tile does.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QImage

from backends.domain.camera import Camera, Demand, StreamKind
from backends.domain.place import masks_of
from backends.domain.stream_choice import View
from backends.domain.times import NS_PER_S
from widgets.i18n import tr
from widgets.parts.picture import copy_of
from widgets.parts.privacy import burn_masks
from widgets.session import Session
from widgets.still_file import Saved, Still, write_still

_log = logging.getLogger(__name__)

LOOK_MS = 40
MOMENT_S = 3.0
"""So long the stream that is shown may take; usual is a tenth of a second."""
MAIN_S = 15.0
"""So long the main stream may take to be opened."""
_MAIN_SIZE = (1920, 1080)
"""Asked for where the directory does not know; mended when the picture says its size."""


class Shot:
    """One picture that is waited for: an owner of a view, as a tile is."""

    def __init__(
        self, session: Session, camera: Camera, size: tuple[int, int], only: StreamKind | None, wait_s: float = 0.0
    ) -> None:  # fmt: skip
        """`only`: this stream and no other; None: the one that is shown. `wait_s`: it may take; 0 = as usual."""
        self.session, self.camera, self.only = session, camera, only
        self.until_s = session.mono.monotonic_s() + (wait_s or (MOMENT_S if only is None else MAIN_S))
        self.demand: Demand | None = None
        session.demands.set(self, View(camera.id, *size))

    def on_demand(self, demand: Demand | None) -> None:
        self.demand = demand

    def end(self) -> None:
        self.session.demands.set(self, None)

    def look(self) -> Still | None:
        """The picture, once there is one in the stream's own size."""
        demand, pictures = self.demand, self.session.pictures
        use = self.session.streams.use(self.camera.id)
        if demand is None or use is None or demand.uri != use.pick.uri or self.only not in (None, use.pick.kind):
            return None
        size = pictures.source_size(demand)
        if min(size) <= 0:
            return None
        if (demand.width, demand.height) != size:
            self.session.demands.set(self, View(self.camera.id, *size))
            return None
        image = self._image(demand)
        if image is None:
            return None
        masks = masks_of(self.session.city.records("config").values(), self.camera.id)
        burn_masks(image, masks)
        status = pictures.status(demand)
        camera, taken = self.camera, self.session.clock.now_ns() - int(status.age_s * NS_PER_S)
        flags = tuple(raised.flag.value for raised in status.raised)
        person = self.session.city.grant.operator_id
        kind = use.pick.kind.value
        return Still(camera.id, camera.number, camera.name, taken, kind, person, status.state.value, flags, image)

    def _image(self, demand: Demand) -> QImage | None:
        """A copy of the newest picture; None while another output stands in for it, or it was torn."""
        if not self.session.pictures.sequence(demand):
            return None
        with self.session.pictures.pin(demand) as picture:
            if picture is None:
                return None
            even = demand.width + demand.width % 2, demand.height + demand.height % 2
            if (picture.width, picture.height) != even:
                return None
            image = copy_of(picture)
        return image.copy(0, 0, demand.width, demand.height) if picture.sequence else None


class StillDesk(QObject):
    """One a session. GUI thread only; `folder` is written by another one."""

    written = Signal(object)
    """Saved: it is on the disk."""
    _failed = Signal(str, str)
    """(number, why)."""

    def __init__(self, session: Session, folder: Path, note: Callable[[str, str], None]) -> None:
        """`note(camera id, what)`: hears of every still that was saved, for the audit."""
        super().__init__()
        self._session, self._folder, self._note = session, folder, note
        self._shots: list[Shot] = []
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="stills")
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self._look)
        session.calls.stillAsked.connect(self.take)
        self.written.connect(self._on_written)
        self._failed.connect(self._on_failed)

    def take(self, camera_id: str, uri: str) -> None:
        """Save what the camera shows now. `uri`: of the stream that the tile shows."""
        camera = self._session.city.camera(camera_id)
        shown = next((d for d in self._session.demands.wanted() if (d.camera_id, d.uri) == (camera_id, uri)), None)
        if camera is None or shown is None:
            self._say("camera_hand.still_failed", camera.number if camera else "", reason=tr("camera_hand.still_late"))
            return
        size = self._session.pictures.source_size(shown)
        self._begin(Shot(self._session, camera, size if min(size) > 0 else (shown.width, shown.height), None))

    def close(self) -> None:
        """Give up what is waited for, and finish what is being written."""
        self._timer.stop()
        for shot in self._shots:
            shot.end()
        self._shots.clear()
        self._writer.shutdown(wait=True)

    def _begin(self, shot: Shot) -> None:
        self._shots.append(shot)
        self._timer.start()

    def _look(self) -> None:
        now_s = self._session.mono.monotonic_s()
        for shot in list(self._shots):
            still = shot.look()
            if still is None and now_s < shot.until_s:
                continue
            self._shots.remove(shot)
            if still is not None:
                self._writer.submit(self._write, still)
                size = _main_size(shot.camera)
                if shot.only is None and still.stream != StreamKind.MAIN.value and size is not None:
                    # The new view stands before the old one goes: the stream is not let go between the two.
                    self._begin(Shot(self._session, shot.camera, size, StreamKind.MAIN))
            elif shot.only is None:
                self._on_failed(shot.camera.number, tr("camera_hand.still_late"))
            else:
                self._say("camera_hand.still_no_main", shot.camera.number)
            shot.end()
        if not self._shots:
            self._timer.stop()

    def _write(self, still: Still) -> None:
        """The writer's thread."""
        try:
            self.written.emit(write_still(self._folder, still))
        except OSError as error:
            _log.error("still of camera %s: %s", still.number, error)
            self._failed.emit(still.number, str(error))

    def _on_written(self, saved: Saved) -> None:
        still = saved.still
        size = f"{still.image.width()}x{still.image.height()}"
        self._note(still.camera_id, f"{saved.path.name} sha256={saved.sha256}")
        self._say("camera_hand.still_saved", still.number, size=size, path=str(saved.path))

    def _on_failed(self, number: str, reason: str) -> None:
        self._say("camera_hand.still_failed", number, reason=reason)

    def _say(self, key: str, number: str, **values: str) -> None:
        self._session.notices.tell_desk(tr(key, number=number, **values))


def _main_size(camera: Camera) -> tuple[int, int] | None:
    """What to ask for to get the main stream; None: it has none."""
    route = camera.restream or camera.streams
    main = next((stream for stream in route if stream.kind is StreamKind.MAIN), None)
    if main is None or len(route) < 2:
        return None
    return (main.width, main.height) if main.width and main.height else _MAIN_SIZE
