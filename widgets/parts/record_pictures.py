"""Pictures that reports name: wanted, decoded beside the GUI thread, kept within a limit; and why one is not there.

They come from citizens, and from units in the field: nothing of a file is believed. It is taken as JPEG or PNG by its
first bytes, and not decoded at all where its own head says that it is larger than MOST_PIXELS; what is kept is scaled
to SIDE. While citizens' own words may not be seen here (locked, briefing), none is kept or wanted.
GUI thread only. Must not: read a file, or keep more than KEPT_BYTES.
"""

from __future__ import annotations

from queue import SimpleQueue

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QObject, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QImage, QImageReader

from backends.domain.picture_file import JPEG, MOST_BYTES, PNG
from backends.domain.ports import PictureDesk, SmallPicture
from widgets.models.city import CityModel
from widgets.parts.aside import Aside

MOST = 8
"""Pictures that are looked at in one place at once."""
SIDE = 1600
"""Pixels of the longer side of what is kept."""
MOST_PIXELS = 36_000_000
"""Of a file that is decoded: a PNG of so many takes 144 MB while it is, a JPEG less, because it is scaled meanwhile."""
KEPT_BYTES = 96 << 20
"""Of all decoded ones: some twelve of full size."""
BROKEN_KEPT = 256
COLLECT_MS = 20
"""Between two looks at what has been decoded, while something is being."""


def decode(data: bytes) -> tuple[QImage, str]:
    """(picture within SIDE, upright as the camera was held; "") or (null picture, why not): "no_picture", "too_large",
    "damaged". Any thread."""
    kind = b"jpeg" if data.startswith(JPEG) else b"png" if data.startswith(PNG) else b""
    if not kind:
        return QImage(), "no_picture"
    if len(data) > MOST_BYTES:
        return QImage(), "too_large"
    buffer = QBuffer()
    buffer.setData(QByteArray(data))
    buffer.open(QIODevice.OpenModeFlag.ReadOnly)
    reader = QImageReader(buffer, QByteArray(kind))
    reader.setAutoTransform(True)
    size = reader.size()
    if not size.isValid() or size.isEmpty():
        return QImage(), "damaged"
    if size.width() * size.height() > MOST_PIXELS:
        return QImage(), "too_large"
    if max(size.width(), size.height()) > SIDE:
        room = size.scaled(QSize(SIDE, SIDE), Qt.AspectRatioMode.KeepAspectRatio)
        reader.setScaledSize(room.expandedTo(QSize(1, 1)))
    image = reader.read()
    if image.isNull():
        return QImage(), "damaged"
    return image.convertToFormat(QImage.Format.Format_RGB32), ""


class RecordPictures(QObject):
    """One a session."""

    changed = Signal()
    """A picture has come, or it is known why it does not."""

    def __init__(self, city: CityModel, desk: PictureDesk) -> None:
        super().__init__()
        self._city, self._desk = city, desk
        self._looks: dict[object, tuple[str, ...]] = {}
        self._told: tuple[str, ...] = ()
        self._images: dict[str, QImage] = {}
        self._codes: dict[str, str] = {}
        """Why one has not come yet: it is tried again."""
        self._broken: dict[str, str] = {}
        """Why it never will: its bytes are what they are."""
        self._coming: set[str] = set()
        """Being decoded."""
        self._aside = Aside("record pictures")
        self._decoded: SimpleQueue[tuple[str, QImage, str]] = SimpleQueue()
        """Filled by the thread of `_aside`, which touches nothing else."""
        self._collect = QTimer(self)
        self._collect.setInterval(COLLECT_MS)
        self._collect.timeout.connect(self._take_decoded)
        city.pictureArrived.connect(self._on_arrived)
        city.grantChanged.connect(self._on_grant)

    def look(self, owner: object, blobs: tuple[str, ...]) -> None:
        """These are in sight at `owner` now, the first MOST of them; empty: none. Said as often as one likes."""
        if blobs:
            self._looks[owner] = blobs[:MOST]
        else:
            self._looks.pop(owner, None)
        self._ask()

    def image(self, blob: str) -> QImage | None:
        """None: it is not here (yet)."""
        return self._images.get(blob)

    def code(self, blob: str) -> str:
        """Why it is not here: as `SmallPicture.code`, or "damaged"; empty = it is on its way."""
        return self._broken.get(blob) or self._codes.get(blob, "")

    @property
    def _wanted(self) -> tuple[str, ...]:
        seen = self._city.shows_personal_data
        return tuple(dict.fromkeys(blob for one in self._looks.values() for blob in one)) if seen else ()

    def _ask(self) -> None:
        have = (self._images, self._broken, self._coming)
        lacking = tuple(blob for blob in self._wanted if not any(blob in there for there in have))
        if lacking != self._told:
            self._told = lacking
            self._desk.want_pictures(lacking)

    def _on_grant(self) -> None:
        if not self._city.shows_personal_data:
            self._images.clear()
        self._ask()
        self.changed.emit()

    def _on_arrived(self, picture: SmallPicture) -> None:
        if picture.blob not in self._told:
            return
        if picture.code:
            self._codes[picture.blob] = picture.code
            while len(self._codes) > BROKEN_KEPT:
                del self._codes[next(iter(self._codes))]
            self.changed.emit()
            return
        self._codes.pop(picture.blob, None)
        self._coming.add(picture.blob)
        # The desk gives each once: it is not asked for again while it is being decoded.
        self._told = tuple(blob for blob in self._told if blob != picture.blob)
        out = self._decoded
        self._aside.start(lambda: out.put((picture.blob, *decode(picture.data))))
        self._collect.start()

    def _take_decoded(self) -> None:
        while not self._decoded.empty():
            blob, image, code = self._decoded.get()
            self._coming.discard(blob)
            if code:
                self._broken[blob] = code
                while len(self._broken) > BROKEN_KEPT:
                    del self._broken[next(iter(self._broken))]
            elif self._city.shows_personal_data:
                self._images[blob] = image
                self._make_room()
            self.changed.emit()
        if not self._coming:
            self._collect.stop()
            self._ask()

    def _make_room(self) -> None:
        """The oldest go first, those in sight last."""
        total = sum(image.sizeInBytes() for image in self._images.values())
        wanted = self._wanted
        for blob in [*(b for b in self._images if b not in wanted), *wanted]:
            if total <= KEPT_BYTES:
                return
            gone = self._images.pop(blob, None)
            total -= gone.sizeInBytes() if gone is not None else 0
