"""The picture of a camera that goes with what a person sends, the closing of a report or an entry of the logbook: how
the place looks now.

1. `begin`: that camera's stream is asked for in its own size, as a tile would; it may have to be opened.
2. The picture has come, and it is live: privacy masks are burnt in, and it is made a JPEG in another thread.
3. `data` is there, and the person sees the picture, its camera and its time; what is seen is what is sent.
A picture that is not live (lost, frozen, seconds old) is never taken: `words` say so, and it is waited for one that is.
GUI thread only. Must not: send anything; its owner does.
"""

from __future__ import annotations

from queue import SimpleQueue

from PySide6.QtCore import QBuffer, QIODevice, QObject, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QImage, QPainter

from backends.domain.camera import Camera, PictureState
from backends.domain.picture import PictureFlag
from backends.domain.times import NS_PER_S
from widgets import format as fmt
from widgets.i18n import tr
from widgets.parts import text
from widgets.parts.aside import Aside
from widgets.parts.report_pictures import draw_picture
from widgets.session import Session
from widgets.still_file import Still
from widgets.stills import LOOK_MS, Shot
from widgets.typography import TypeScale, Weight

WAIT_S = 20.0
"""A camera that no tile shows must be opened first."""
FRESH_S = 3.0
"""A picture that is older is not of now."""
SIDE = 1920
"""Pixels of the longer side: enough to see what was done, some 500 kB."""
QUALITY = 88
_SIZE = (1280, 720)
"""Asked for where the directory does not know; mended when the picture says its size."""
_NOT_NOW = frozenset({PictureFlag.FROZEN.value, PictureFlag.REPEATING.value, PictureFlag.BEHIND.value})


def jpeg_of(image: QImage) -> bytes:
    """At most SIDE wide or high. Any thread."""
    if max(image.width(), image.height()) > SIDE:
        keep, smooth = Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
        image = image.scaled(SIDE, SIDE, keep, smooth)
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "JPEG", QUALITY)  # type: ignore[call-overload]  # PySide6's stubs know only bytes for the format
    return bytes(buffer.data().data())


class ReportStill(QObject):
    """Of one report's panel, or of the logbook's line."""

    changed = Signal()

    def __init__(self, session: Session, parent: QObject, taken: str = "reports.still.taken") -> None:
        """`taken`: key of the words for a picture that is there."""
        super().__init__(parent)
        self._taken = taken
        self._session = session
        self._shot: Shot | None = None
        self._camera: Camera | None = None
        self._still: Still | None = None
        self._data = b""
        self._late = self._old = False
        self._turn = 0
        self._aside = Aside("still")
        self._made: SimpleQueue[tuple[int, bytes]] = SimpleQueue()
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self._look)

    @property
    def data(self) -> bytes:
        """The JPEG that is seen; empty: there is none (yet)."""
        return self._data

    @property
    def wanted(self) -> bool:
        """There is a camera, whether its picture has come or not."""
        return self._camera is not None

    @property
    def t_ns(self) -> int:
        """Of what is in `data`; 0: there is none."""
        return self._still.t_ns if self._still is not None and self._data else 0

    @property
    def image(self) -> QImage | None:
        """What is in `data`."""
        return self._still.image if self._still is not None and self._data else None

    def words(self) -> str:
        """Of which camera and when, or why there is none; empty: none is wanted."""
        if self._camera is None:
            return ""
        number = self._camera.number
        if self._still is not None and self._data:
            return tr(self._taken, number=number, at=fmt.clock(self._still.t_ns))
        if self._late:
            return tr("reports.still.old" if self._old else "reports.still.late", number=number)
        return tr("reports.still.coming", number=number)

    def begin(self, camera: Camera) -> None:
        self.end()
        self._camera = camera
        stream = next((s for s in camera.restream or camera.streams if s.width and s.height), None)
        size = (stream.width, stream.height) if stream is not None else _SIZE
        self._shot = Shot(self._session, camera, size, None, WAIT_S)
        self._timer.start()

    def end(self) -> None:
        """None is wanted any more."""
        self._turn += 1
        self._let_go()
        self._timer.stop()
        self._camera, self._still, self._data = None, None, b""
        self._late = self._old = False

    def _let_go(self) -> None:
        shot, self._shot = self._shot, None
        if shot is not None:
            shot.end()

    def _look(self) -> None:
        if self._shot is not None:
            self._look_at(self._shot)
        while not self._made.empty():
            turn, data = self._made.get()
            if turn == self._turn:
                self._data, self._late = data, not data  # nothing: it could not be encoded
                self._timer.stop()
                self.changed.emit()

    def _look_at(self, shot: Shot) -> None:
        still = shot.look()
        if still is not None and self._is_of_now(still):
            self._let_go()
            self._still = still
            turn, image, out = self._turn, still.image, self._made
            self._aside.start(lambda: out.put((turn, jpeg_of(image))))
        elif self._session.mono.monotonic_s() > shot.until_s:
            self._late, self._old = True, still is not None
            self._let_go()
            self._timer.stop()
            self.changed.emit()

    def _is_of_now(self, still: Still) -> bool:
        age_s = (self._session.clock.now_ns() - still.t_ns) / NS_PER_S
        live = still.state in (PictureState.LIVE.value, PictureState.SLOW.value)
        return live and age_s <= FRESH_S and not _NOT_NOW & set(still.flags)

    def paint(self, painter: QPainter, room: QRectF, scale: TypeScale, ink: QColor | None = None) -> None:
        """The picture at the left of `room`, beside it its words; `ink`: on another ground than the tile's."""
        theme, line = self._session.look.theme, scale.line(scale.read)
        high = room.height() - scale.pad
        box = QRectF(room.left(), room.top(), min(room.width() / 2, high * 16 / 9), high)
        draw_picture(painter, box, self.image, "", theme, scale)
        place = QRectF(box.right() + scale.pad, box.top(), room.right() - box.right() - scale.pad, line)
        for words in text.wrap(self.words(), scale.read, Weight.REGULAR, place.width(), max(1, int(high // line))):
            text.draw(painter, place, words, scale.read, ink or theme.text)
            place.translate(0, line)
