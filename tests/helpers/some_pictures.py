"""Pictures of records and of a camera, for tests of whatever shows or sends them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import cv2
import numpy as np
from helpers.sample_city import SampleSession
from PySide6.QtWidgets import QApplication

from backends.domain.camera import PictureState, PictureStatus

CAMERA = "cam-033"


def jpeg(grey: int, size: tuple[int, int] = (300, 400)) -> bytes:
    """(height, width)."""
    return cv2.imencode(".jpg", np.full((*size, 3), grey, np.uint8))[1].tobytes()


def held(sample: SampleSession, data: bytes) -> str:
    """The station has it."""
    blob = hashlib.sha256(data).hexdigest()
    sample.small.have[blob] = data
    return blob


def arrived(sample: SampleSession, *blobs: str) -> Callable[[], bool]:
    def look() -> bool:
        QApplication.processEvents()
        sample.deliver()
        pictures = sample.session.record_pictures
        return all(pictures.image(blob) is not None or pictures.code(blob) for blob in blobs)

    return look


def camera_shows(sample: SampleSession, grey: int, state: PictureState = PictureState.LIVE, age_s: float = 0.1) -> None:
    sample.pictures.show(CAMERA, np.full((360, 640, 4), grey, np.uint8))
    sample.pictures.sizes[CAMERA] = (640, 360)
    sample.pictures.set_status(CAMERA, PictureStatus(state, age_s=age_s, received=9))


def passes(sample: SampleSession, until: Callable[[], object]) -> Callable[[], bool]:
    """Each look lets a tenth of a second go by."""

    def look() -> bool:
        QApplication.processEvents()
        sample.clock.advance_s(0.1)
        sample.session.demands.flush()
        return bool(until())

    return look
