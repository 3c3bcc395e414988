"""One look at a camera: open its stream, decode one or two key frames, close.

What is not a key frame is dropped undecoded (PyAV's issue 1980: some nine times cheaper), but for streams that give
a key frame out only after some packets more. Limits of one look, beside those of every source (`video.reading`:
5 s to open and 5 to learn what comes, 4 s without a packet, sizes): KEY_S for the first key frame, SECOND_S for
another. Must not: judge, retry, or keep anything.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np

from backends.domain.place import Box
from backends.domain.sweep import LookAt
from backends.video.backoff import OpeningGate
from backends.video.looks import View, sample_of, view_of
from backends.video.scaling import Image, Shot, size_of
from backends.video.source import Address, Arrival, Source, SourceFault, spec_of

KEY_S = 6.0
"""Key frames come every 1 to 4 s; the encoders that send one in 10 s and less often cannot be judged here."""
SECOND_S = 6.0
WIDTH = 320
_TALLEST = 640
_QUALITY = 75
_NEVER = threading.Event()
_MASK = (70, 63, 58)
"""Blue, green, red: as masks are on the screens."""
_BEYOND = 1
_BEHIND = 32
"""Packets after a key frame within which a decoder that reorders gives it out."""


@dataclass(slots=True)
class Sight:
    """What was seen."""

    samples: list[tuple[Image, int]] = field(default_factory=list)
    """Of each key frame, with its monotonic time."""
    view: View | None = None
    """Of the last one."""
    thumbnail: bytes = b""


def look_at(
    order: LookAt, gate: OpeningGate, *, keys: int = 1, monotonic_s: Callable[[], float] = time.monotonic
) -> Sight:
    """Blocks for KEY_S and the time-outs of the source at most. Raises SourceFault.

    A sight without samples: packets come, but no key frame did in time, or nobody can read its pictures.
    """
    spec = spec_of(order.uri)
    me = threading.get_ident()
    gate.enter(me, _NEVER)
    try:
        source = spec.open(Address(order.uri, order.user, order.password))
    finally:
        gate.leave(me)
    try:
        return _see(source, order, keys, monotonic_s)
    finally:
        source.close()


def _see(source: Source, order: LookAt, keys: int, monotonic_s: Callable[[], float]) -> Sight:
    sight = Sight()
    until_s = monotonic_s() + KEY_S
    behind = 0
    """Packets that are still decoded because a key frame has not come out yet."""
    tried = False
    for came in source.arrivals():
        shots, behind = _shots(source, came, behind)
        if shots:
            sample = sample_of(shots[-1])
            if sample is None:
                return sight
            sight.samples.append((sample, int(monotonic_s() * 1e9)))
            if len(sight.samples) >= keys:
                sight.view = view_of(shots[-1])
                if order.thumbnail:
                    sight.thumbnail = thumbnail(shots[-1], source.pixel_aspect, order.masks)
                return sight
            until_s = monotonic_s() + SECOND_S
        tried = tried or bool(behind)
        if monotonic_s() > until_s:
            if tried and not sight.samples:
                raise SourceFault("the camera sends data that cannot be decoded")
            return sight
    if not sight.samples:
        raise SourceFault("the camera ended the stream")
    return sight


def _shots(source: Source, came: Arrival, behind: int) -> tuple[list[Shot], int]:
    """The key frame that this arrival completes, or none."""
    if isinstance(came, np.ndarray):
        return [came], 0
    if came.is_keyframe:
        behind = _BEHIND
    elif not behind:
        return [], 0
    shots: list[Shot] = [frame for frame in source.decode(came) if frame.key_frame]
    return shots, 0 if shots else behind - 1


def thumbnail(shot: Shot, pixel_aspect: float = 1.0, masks: tuple[Box, ...] = ()) -> bytes:
    """JPEG, WIDTH wide, in the picture's own shape, with `masks` filled."""
    width, height = size_of(shot)
    tall = max(16, min(_TALLEST, round(WIDTH * height / (width * max(0.1, pixel_aspect)) / 2) * 2))
    if isinstance(shot, np.ndarray):
        small = cv2.resize(shot[:, :, :3], (WIDTH, tall), interpolation=cv2.INTER_AREA)
    else:
        small = shot.reformat(WIDTH, tall, "bgr24").to_ndarray()
    small = np.ascontiguousarray(small)
    for left, top, wide, high in masks:  # a little more on each side: rounding, and the blocks of a JPEG
        first = round(left * WIDTH) - _BEYOND, round(top * tall) - _BEYOND
        last = round((left + wide) * WIDTH) + _BEYOND, round((top + high) * tall) + _BEYOND
        cv2.rectangle(small, first, last, _MASK, cv2.FILLED)
    done, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return bytes(data) if done else b""
