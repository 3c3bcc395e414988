"""Lists on the screen that want the same small pictures at the same time: each of them gets all of its own."""

from __future__ import annotations

import hashlib
from pathlib import Path
from queue import SimpleQueue

from PySide6.QtCore import QBuffer, QIODevice, QObject, QSize, QTimer
from PySide6.QtGui import QColor, QImage
from pytestqt.qtbot import QtBot

from backends.domain.camera import Camera
from backends.domain.ports import SmallPicture
from backends.domain.text import LocalText
from backends.link.ports import BlobDone
from console.feed_pictures import Pictures
from widgets.models.city import CityModel
from widgets.parts.thumbnails import Thumbnails, WantBoard


def jpeg(colour: str) -> tuple[str, bytes]:
    """(SHA-256, the picture)."""
    image = QImage(QSize(32, 18), QImage.Format.Format_RGB32)
    image.fill(QColor(colour))
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    assert image.save(buffer, "JPEG")  # type: ignore[call-overload]
    data = buffer.data().data()
    return hashlib.sha256(data).hexdigest(), data


class Desk:
    """The feeder's own small pictures, without the door between."""

    def __init__(self, folder: Path, have: dict[str, bytes], city: CityModel) -> None:
        self.asked: list[tuple[str, ...]] = []
        self._have, self._city = have, city
        self._come: SimpleQueue[SmallPicture] = SimpleQueue()
        self.small = Pictures(
            folder, lambda blob, done: done(BlobDone(0, blob, "image/jpeg", have[blob])), monotonic_s=lambda: 0.0
        )

    def want(self, blobs: tuple[str, ...]) -> None:
        self.asked.append(blobs)
        self.small.want(0, blobs, self._come.put)

    def drain(self) -> None:
        while not self._come.empty():
            self._city.apply([self._come.get()])


def test_the_second_list_with_the_same_cameras_gets_its_pictures_too(qtbot: QtBot, tmp_path: Path) -> None:
    pictures = [jpeg("red"), jpeg("green")]
    cameras = [Camera(f"c{n}", f"{n}", LocalText("x"), (), thumbnail=blob) for n, (blob, _) in enumerate(pictures)]
    city, owner = CityModel(), QObject()
    desk = Desk(tmp_path, dict(pictures), city)
    board = WantBoard(desk)
    pump = QTimer(owner)
    pump.timeout.connect(desk.drain)
    pump.start(5)
    desk.small.start()
    try:
        one, other = (Thumbnails(city, board, QSize(32, 18), owner) for _ in range(2))
        one.look(cameras)
        qtbot.waitUntil(lambda: all(one.of(camera) for camera in cameras))
        other.look(cameras)  # before the first has looked again, which would take its wishes back
        qtbot.waitUntil(lambda: all(other.of(camera) for camera in cameras))
        for _ in range(3):
            one.look(cameras)
            other.look(cameras)
            qtbot.waitUntil(lambda: not one._rest.isActive() and not other._rest.isActive())
        assert len(desk.asked) <= 4, "two wishes, each taken back: the same said again asks nobody"
        assert desk.asked[-1] == ()
    finally:
        pump.stop()
        desk.small.stop()
