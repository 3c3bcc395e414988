"""The test card: a drawn picture that says it is one, and moves, to check a wall without any camera.

Must not: look like a street. Latin letters only: OpenCV's fonts have no Vietnamese ones.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import av
import cv2
import numpy as np

from backends.video.scaling import Image
from backends.video.source import Address, Compressed, NothingToLeaveOut, SourceSpec

WIDTH, HEIGHT, FPS = 640, 360, 25
_BARS = ((235, 235, 235), (0, 235, 235), (235, 235, 0), (0, 235, 0), (235, 0, 235), (0, 0, 235), (235, 0, 0))
"""BGR, the usual order by falling brightness."""


class TestCard(NothingToLeaveOut):
    """Colour bars, the words TEST CARD, a name, a counter and a moving mark."""

    pixel_aspect = 1.0
    fps = float(FPS)
    bad = 0
    codec = None

    def __init__(self, address: Address) -> None:
        self._stop = address.stop
        self._card = np.full((HEIGHT, WIDTH, 4), 255, np.uint8)
        for i, colour in enumerate(_BARS):
            self._card[: HEIGHT * 2 // 3, WIDTH * i // 7 : WIDTH * (i + 1) // 7, :3] = colour
        self._card[HEIGHT * 2 // 3 :, :, :3] = 24
        name = address.uri.partition(":")[2].encode("ascii", "replace").decode()[:24]
        self._write(self._card, f"TEST CARD {name}", (24, 295), 1.2)

    @staticmethod
    def _write(card: Image, text: str, at: tuple[int, int], scale: float) -> None:
        cv2.putText(card, text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, (255, 255, 255, 255), 2, cv2.LINE_AA)

    def arrivals(self) -> Iterator[Image]:
        due = time.monotonic()
        number = 0
        while not self._stop.is_set():
            card = self._card.copy()
            x = number * 4 % (WIDTH - 24)
            card[310:316, x : x + 24, :3] = 255
            self._write(card, f"{number // FPS:06d}:{number % FPS:02d}", (24, 345), 0.8)
            yield card
            number += 1
            due = max(due + 1 / FPS, time.monotonic() - 1.0)
            time.sleep(max(0.0, due - time.monotonic()))

    def decode(self, packet: Compressed) -> list[av.VideoFrame]:
        """There are no packets."""
        raise TypeError("a test card is drawn")

    def close(self) -> None:
        """There is nothing to close."""


SPEC = SourceSpec(
    kind="testcard",
    schemes=("testcard",),
    says="A drawn test card that moves and says what it is.",
    example="testcard:A",
    open=TestCard,
    network=False,
)
