"""Small pictures of cameras in a list: what is in view is asked for, decoded beside the GUI thread, and painted.

They are stills, and must never be taken for live: whoever paints one says beside it how old it is, and one that is
old, of a camera that is away, or of no known time is dimmed (`models.camera_seen`). Privacy masks are filled over
them, whatever the hub has filled already. Must not: open a camera, read a file, or keep more than KEPT.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from queue import SimpleQueue

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QObject, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QImage, QImageReader, QPainter, QPen

from backends.domain.camera import Camera
from backends.domain.place import Boxes
from backends.domain.ports import SmallPicture, SmallPictureDesk
from widgets.models.city import CityModel
from widgets.parts.aside import Aside
from widgets.parts.camera_zoom import WHOLE
from widgets.parts.privacy import paint_masks
from widgets.theme import Theme

KEPT = 512
REST_MS = 80
"""Rows that are scrolled past are not asked for."""
COLLECT_MS = 20
"""Between two looks at what has been decoded, while something is being."""
MOST_SIDE = 1024
"""Of a picture that is decoded; the hub's have 320 by 640 at the most."""
_JPEG = b"\xff\xd8\xff"
_DIM = 165
"""Of 255: how much of the ground covers an old one."""
SHAPE = 16 / 9
"""Width to height of the place for one."""


@dataclass(frozen=True)
class Still:
    """One picture, ready to be painted."""

    blob: str
    t_ns: int
    """When it was taken, as its record says; 0 = not known."""
    image: QImage


def draw_still(
    painter: QPainter, box: QRectF, still: Still | None, masks: Boxes, theme: Theme, *, dimmed: bool
) -> None:
    """The picture in its own shape inside `box`; an empty frame where there is none."""
    if still is not None:
        painter.fillRect(box, theme.raised)
        size = still.image.size().scaled(box.size().toSize(), Qt.AspectRatioMode.KeepAspectRatio)
        place = QRectF(0, 0, size.width(), size.height())
        place.moveCenter(box.center())
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(place, still.image)
        paint_masks(painter, masks, WHOLE, place)
        if dimmed:
            veil = QColor(theme.tile)
            veil.setAlpha(_DIM)
            painter.fillRect(box, veil)
    painter.setPen(QPen(theme.line, 1))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(box.adjusted(0, 0, -1, -1))


class WantBoard:
    """What all lists of all windows want, for the one desk. GUI thread only."""

    def __init__(self, desk: SmallPictureDesk) -> None:
        self._desk = desk
        self._wants: dict[object, tuple[str, ...]] = {}
        self._told: tuple[str, ...] = ()

    def set(self, owner: object, blobs: tuple[str, ...]) -> None:
        """Said again, as often as one likes; empty: nothing. The desk gives each picture once for each time that it is
        asked: what an owner has not wanted before is asked for, though another wants it and may have it by now."""
        more = not set(blobs) <= set(self._wants.get(owner, ()))
        if blobs:
            self._wants[owner] = blobs
        else:
            self._wants.pop(owner, None)
        wanted = tuple(dict.fromkeys(blob for one in self._wants.values() for blob in one))
        if more or wanted != self._told:
            self._told = wanted
            self._desk.want(wanted)


def decode(data: bytes, room: QSize) -> QImage:
    """A JPEG, scaled into `room`; a null picture where it is none, or too large. Any thread."""
    if not data.startswith(_JPEG):
        return QImage()
    buffer = QBuffer()
    buffer.setData(QByteArray(data))
    buffer.open(QIODevice.OpenModeFlag.ReadOnly)
    reader = QImageReader(buffer, QByteArray(b"jpeg"))
    size = reader.size()
    if not size.isValid() or max(size.width(), size.height()) > MOST_SIDE:
        return QImage()
    reader.setScaledSize(size.scaled(room, Qt.AspectRatioMode.KeepAspectRatio).expandedTo(QSize(1, 1)))
    return reader.read().convertToFormat(QImage.Format.Format_RGB32)


class Thumbnails(QObject):
    """Of one list."""

    changed = Signal()
    """A picture has come."""

    def __init__(self, city: CityModel, board: WantBoard, room: QSize, parent: QObject) -> None:
        """`room`: physical pixels of the largest place for one."""
        super().__init__(parent)
        self._board, self._room = board, room
        self._view: tuple[Camera, ...] = ()
        self._asked: dict[str, dict[str, int]] = {}
        """Blob -> camera id -> when it was taken."""
        self._stills: dict[str, Still] = {}
        self._broken: dict[str, None] = {}
        self._aside = Aside("small pictures")
        self._decoding = 0
        self._decoded: SimpleQueue[tuple[str, QImage]] = SimpleQueue()
        """Filled by the thread of `_aside`, which touches nothing else of this list: it may outlive it."""
        self._collect = QTimer(self)
        self._collect.setInterval(COLLECT_MS)
        self._collect.timeout.connect(self._take_decoded)
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MS)
        self._rest.timeout.connect(self._ask)
        city.pictureArrived.connect(self._on_arrived)

    def look(self, cameras: Sequence[Camera]) -> None:
        """These are in view now; what they lack is asked for when the list has come to rest. Said once a second too:
        that takes back what has come."""
        self._view = tuple(cameras)
        if not cameras:
            self._rest.stop()
            self._ask()  # at once: a list that is being closed has no later
        elif not self._rest.isActive():
            self._rest.start()

    def of(self, camera: Camera) -> Still | None:
        """The newest there is, which may be older than the one that the record names; its own time stands in it."""
        return self._stills.get(camera.id) if camera.thumbnail else None

    def _ask(self) -> None:
        self._asked = {}
        for camera in self._view:
            still = self._stills.get(camera.id)
            if still is not None and still.blob == camera.thumbnail:
                if still.t_ns != camera.t_thumbnail_ns:  # taken anew, and the same to the bit
                    self._stills[camera.id] = replace(still, t_ns=camera.t_thumbnail_ns)
            elif camera.thumbnail and camera.thumbnail not in self._broken:
                self._asked.setdefault(camera.thumbnail, {})[camera.id] = camera.t_thumbnail_ns
        self._board.set(self, tuple(self._asked))

    def _on_arrived(self, picture: SmallPicture) -> None:
        if picture.blob in self._asked and not picture.code:
            room, out = self._room, self._decoded
            self._decoding += 1
            self._aside.start(lambda: out.put((picture.blob, decode(picture.data, room))))
            self._collect.start()

    def _take_decoded(self) -> None:
        while not self._decoded.empty():
            self._decoding -= 1
            self._on_decoded(*self._decoded.get())
        if not self._decoding:
            self._collect.stop()

    def _on_decoded(self, blob: str, image: QImage) -> None:
        asked = self._asked.pop(blob, {})
        if image.isNull():
            self._broken[blob] = None
            while len(self._broken) > KEPT:
                del self._broken[next(iter(self._broken))]
        else:
            for camera_id, t_ns in asked.items():
                self._stills.pop(camera_id, None)
                self._stills[camera_id] = Still(blob, t_ns, image)
            while len(self._stills) > KEPT:
                del self._stills[next(iter(self._stills))]
        if asked and not image.isNull():
            self.changed.emit()
