"""The one place where shared pixels are painted: right pixels, right part, pin let go, no reference lost."""

from __future__ import annotations

import mmap
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import pytest
from PySide6.QtCore import QRect, QRectF
from PySide6.QtGui import QColor, QGuiApplication, QImage, QPainter

from backends.domain.camera import Demand, PictureState, PictureStatus
from backends.video.frames import FrameReader, FrameWriter, PinnedFrame, format_segment, segment_size
from backends.video.scaling import Scaler
from widgets.parts import text
from widgets.parts.picture import PicturePainter
from widgets.typography import load_fonts

DEMAND = Demand("c1", "testcard:A", 63, 36)


class OneOutput:
    """A picture source over real shared-memory frames, without processes."""

    def __init__(self, width: int = 64, height: int = 36) -> None:
        memory = mmap.mmap(-1, segment_size(width, height))
        format_segment(memory, 1, width, height)
        self.writer = FrameWriter(memory, 1)
        self.reader = FrameReader(memory, 1)
        self._scaler = Scaler((0.0, 0.0, 1.0, 1.0))

    def put(self, *bgr: int) -> None:
        """One colour, given as a source that draws would."""
        self.draw(np.full((self.writer.height, self.writer.width, 4), (*bgr, 255), np.uint8))

    def draw(self, pixels: npt.NDArray[np.uint8]) -> None:
        colours = self._scaler.draw(pixels, self.writer.begin())
        self.writer.publish(1, 40_000_000, 1, colours)

    def demand(self, wanted: frozenset[Demand]) -> None:
        assert wanted

    def sequence(self, demand: Demand) -> int:
        return self.reader.sequence()

    @contextmanager
    def pin(self, demand: Demand) -> Iterator[PinnedFrame | None]:
        pinned = self.reader.pin()
        try:
            yield pinned
        finally:
            if not self.reader.unpin(pinned) and pinned is not None:
                pinned.sequence = 0

    def status(self, demand: Demand) -> PictureStatus:
        return PictureStatus(PictureState.LIVE)


def paint(painter: PicturePainter, rect: QRect) -> QImage:
    screen = QImage(200, 100, QImage.Format.Format_RGB32)
    screen.fill(0)
    on = QPainter(screen)
    painter.paint(on, rect)
    on.end()
    return screen


def near(found: QColor, expected: QColor) -> bool:
    """Within what the way through YUV rounds away."""
    pairs = zip(found.getRgb(), expected.getRgb(), strict=True)
    return max(abs(a - b) for a, b in pairs) <= 3  # type: ignore[operator]  # the stubs allow None


def test_before_the_first_picture_nothing_is_painted(qapp: QGuiApplication) -> None:
    painter = PicturePainter(OneOutput(), DEMAND)
    assert not painter.has_new()
    assert paint(painter, QRect(0, 0, 63, 36)).pixelColor(5, 5) == QColor(0, 0, 0)
    assert painter.painted == 0


def test_the_colours_are_right_and_each_picture_is_new_once(qapp: QGuiApplication) -> None:
    source = OneOutput()
    painter = PicturePainter(source, DEMAND)
    source.put(10, 20, 230)
    assert painter.has_new()
    screen = paint(painter, QRect(7, 3, 63, 36))
    assert near(screen.pixelColor(7, 3), QColor(230, 20, 10))
    assert screen.pixelColor(6, 3) == QColor(0, 0, 0)
    assert screen.pixelColor(70, 20) == QColor(0, 0, 0)
    assert not painter.has_new()
    source.put(1, 2, 3)
    assert painter.has_new()


def test_the_line_that_evenness_added_is_cut_not_squeezed(qapp: QGuiApplication) -> None:
    source = OneOutput()
    pixels = np.zeros((36, 64, 4), np.uint8)
    pixels[:, 1::2, :3] = 255  # columns one pixel wide: scaling would smear them
    source.draw(pixels)
    screen = paint(PicturePainter(source, DEMAND), QRect(0, 0, 63, 36))
    row = [screen.pixelColor(x, 9).red() for x in range(63)]
    assert all(light > 250 if x % 2 else light < 5 for x, light in enumerate(row))


def test_a_picture_of_another_size_is_scaled(qapp: QGuiApplication) -> None:
    source = OneOutput(128, 72)
    source.put(9, 9, 9)
    screen = paint(PicturePainter(source, DEMAND), QRect(0, 0, 63, 36))
    assert near(screen.pixelColor(62, 35), QColor(9, 9, 9))


def test_the_pin_is_let_go_and_nothing_reads_the_memory_afterwards(qapp: QGuiApplication) -> None:
    source = OneOutput()
    painter = PicturePainter(source, DEMAND)
    source.put(50, 50, 50)
    screen = paint(painter, QRect(0, 0, 63, 36))
    for value in range(1, 8):
        source.put(value, value, value)
    assert near(screen.pixelColor(3, 3), QColor(50, 50, 50))
    assert len({int(np.unique(buffer.y)[-1]) for buffer in source.writer.buffers}) == 3, "all buffers were free"


def test_a_picture_torn_while_it_is_painted_is_painted_again(qapp: QGuiApplication) -> None:
    source = OneOutput()
    painter = PicturePainter(source, DEMAND)
    source.put(50, 50, 50)
    with source.pin(DEMAND) as pinned:
        assert pinned is not None
        slot = source.writer._words[8] & 3
        source.writer._words[24 + slot] += 1
    assert pinned.sequence == 0
    source.put(60, 60, 60)
    paint(painter, QRect(0, 0, 63, 36))
    assert not painter.has_new()


def _lost(work: Callable[[], object]) -> int:
    before = sys.getrefcount(None)
    for _ in range(2000):
        work()
    return before - sys.getrefcount(None)


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="None is immortal there: nothing to lose")
def test_the_paint_calls_lose_no_reference_to_none(qapp: QGuiApplication) -> None:
    """PySide 6.12.0 aborted after some 10,000 frames ("deallocating None")."""
    load_fonts()
    source = OneOutput()
    source.put(1, 1, 1)
    painter = PicturePainter(source, DEMAND)
    screen = QImage(200, 100, QImage.Format.Format_RGB32)
    on = QPainter(screen)
    lost = _lost(lambda: painter.paint(on, QRect(0, 0, 63, 36)))
    words = _lost(lambda: text.draw(on, QRectF(0, 0, 150, 20), "Mực nước 2,5 m", 12, QColor("white")))
    on.end()
    assert lost < 100
    assert words < 100
    # Negative control: the count sees references that come or go.
    kept: list[None] = []
    assert _lost(lambda: kept.append(None)) < -1900
