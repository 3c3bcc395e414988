"""Decoding on a graphics device, where the site asks for it and one opens; else on the processor, and it is said why.

    python -m backends.video.hardware      what opens on this machine, as one line of JSON (`doctor`, the bench)

A device is opened beside the connection to the camera, never as a part of it: one that is not there, or refuses a
stream, costs no packet. Pictures come back to system memory (NV12, P010), so that all that follows is the same.

Kinds are those that FFmpeg's own decoders know how to drive. Quick Sync and AMF come with decoders of their own and are
not used: the same chips are reached by d3d11va and vaapi. Whether a kind is there is found by opening it: what PyAV was
built with says nothing of this machine, and FFmpeg takes an unknown name for any device. Must not: end a stream.
"""

from __future__ import annotations

import errno
import json
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from typing import Any

import av
import av.error
from av.codec.hwaccel import HWAccel, hwdevices_available
from av.video.codeccontext import VideoCodecContext

from backends.domain.picture import DEVICES, Decoding

log = logging.getLogger(__name__)

CODECS = frozenset({"h264", "hevc"})
"""What a device is asked for. JPEG pictures come in too many kinds, and some of them by way of no such decoder."""
AGAIN_S = 600.0
"""A device that did not open, or failed in mid-stream, is left in peace by this process for so long."""
_SINCE = 17
"""With PyAV 16 a device that refuses a stream ends the process (PyAV, issue 2411)."""
_OPTIONS = {"cuda": {"primary_ctx": "1"}}
"""One context of the device for all streams of a process, instead of one for each."""


class By:
    """What decodes one stream now, for whoever shows it. Changed by the stream's own thread."""

    __slots__ = ("decoding", "device")

    def __init__(self) -> None:
        self.decoding = Decoding.PLAIN
        self.device = ""


def offered() -> tuple[str, ...]:
    """Kinds of `DEVICES` that this PyAV was built with. None of them need be there."""
    if int(av.__version__.partition(".")[0]) < _SINCE:
        return ()
    return tuple(kind for kind in DEVICES if kind in hwdevices_available())


def not_offered(kind: str) -> str:
    """Why PyAV does not offer it, in words."""
    if int(av.__version__.partition(".")[0]) < _SINCE:
        return f"devices need PyAV {_SINCE} or newer, this is {av.__version__}"
    return f"PyAV {av.__version__} was built without {kind}"


def device_format(kind: str, codec: str) -> str:
    """Name of the format of pictures that are on a device of this kind; empty: it cannot decode this codec."""
    for config in av.Codec(codec, "r").hardware_configs:
        if config.is_supported and config.device_type.name == kind and config.format is not None:
            return config.format.name
    return ""


def open_decoder(kind: str, codec: str) -> VideoCodecContext:
    """A decoder on a device of an offered kind; the first of them, where there are several.

    Raises FFmpegError when none is there. Its pictures are copied to system memory. For what the device does not take
    it decodes on the processor without a word: then its `pix_fmt` is not `device_format`.
    """
    accelerator = HWAccel(kind, allow_software_fallback=True, options=dict(_OPTIONS.get(kind, {})))
    opened = av.CodecContext.create(codec, "r", hwaccel=accelerator)
    assert isinstance(opened, VideoCodecContext)
    return opened


class Hardware:
    """The devices of one process. Any thread."""

    def __init__(
        self,
        opener: Callable[[str, str], VideoCodecContext] = open_decoder,
        kinds: Callable[[], tuple[str, ...]] = offered,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._open, self._offered, self._clock = opener, kinds, clock
        self._asked = "off"
        self._kept: VideoCodecContext | None = None
        self._lock = threading.Lock()  # guards all below, and is held while a device is opened: a driver starts once
        self._again: dict[str, float] = {}
        """When a kind that failed may be tried again."""
        self._said: set[str] = set()

    def ask(self, setting: str) -> None:
        """For streams that are opened from now on: "off", "auto", or one of `DEVICES`."""
        self._asked = setting

    def decoder_for(self, codec: str, by: By) -> VideoCodecContext | None:
        """A fresh decoder on a device, or None: the processor decodes, and `by` says why. Never raises."""
        if self._asked == "off":
            return None
        by.device = "" if self._asked == "auto" else self._asked
        if codec not in CODECS:
            by.decoding = Decoding.OTHER
            return None
        with self._lock:
            for kind in self._kinds():
                if self._clock() >= self._again.get(kind, 0.0) and (opened := self._opened(kind, codec)) is not None:
                    by.decoding, by.device = Decoding.DEVICE, kind
                    return opened
        by.decoding = Decoding.ABSENT
        return None

    def warm(self) -> None:
        """Open a device now and keep it, so that its driver is there when streams come: starting one takes seconds on
        some machines, and holds the interpreter's lock."""
        self._kept = self.decoder_for(min(CODECS), By())

    def _kinds(self) -> tuple[str, ...]:
        here = self._offered()
        wanted = here if self._asked == "auto" else (self._asked,)
        if not wanted or wanted[0] not in here:
            kind = "any device" if self._asked == "auto" else self._asked
            self.say(logging.WARNING, f"decoding on the processor: {not_offered(kind)}")
            return ()
        return wanted

    def _opened(self, kind: str, codec: str) -> VideoCodecContext | None:
        if not device_format(kind, codec):
            self.say(logging.WARNING, f"decoding on the processor: {kind} decodes no {codec}")
            return None
        try:
            opened = self._open(kind, codec)
        except (av.error.FFmpegError, NotImplementedError, RuntimeError, ValueError) as error:
            self._again[kind] = self._clock() + AGAIN_S
            self.say(logging.WARNING, f"decoding on the processor: {kind} does not open ({words_of(error)})")
            return None
        self.say(logging.INFO, f"decoding {codec} on {kind}")
        return opened

    def failed(self, kind: str) -> None:
        """It failed in the middle of a stream: other streams that are opened soon shall not meet the same."""
        with self._lock:
            self._again[kind] = self._clock() + AGAIN_S

    def say(self, level: int, words: str) -> None:
        """In the log, once: a wall has many streams."""
        if words not in self._said:
            self._said.add(words)
            log.log(level, "%s", words)


HARDWARE = Hardware()
"""Of this process."""


def words_of(error: BaseException) -> str:
    """FFmpeg's word for it; it never holds an address here."""
    if isinstance(error, PermissionError) and error.errno == errno.EPERM:
        return "its driver cannot be loaded"  # what FFmpeg's -1 stands for, not a lack of rights (that is EACCES)
    return str(getattr(error, "strerror", None) or error or type(error).__name__)


# -- what opens here: a process of its own, because a driver may do with it what it likes ------------------


def look(kinds: Iterable[str]) -> dict[str, dict[str, str]]:
    """For each kind and codec: empty when a picture came from the device, else why none did."""
    return {kind: {codec: _try(kind, codec) for codec in sorted(CODECS)} for kind in kinds}


_ENCODERS = {"h264": "libx264", "hevc": "libx265"}


def _try(kind: str, codec: str) -> str:
    """A picture encoded here, decoded there."""
    if not (expected := device_format(kind, codec)):
        return "no decoder for it"
    try:
        decoder = open_decoder(kind, codec)
        decoder.thread_count = 1
        for packet in _picture(_ENCODERS[codec]):
            if decoder.decode(packet) and decoder.pix_fmt == expected:
                return ""
    except (av.error.FFmpegError, NotImplementedError, RuntimeError, ValueError) as error:
        return words_of(error)
    return "it opens, and does not decode"


def _picture(encoder_name: str) -> Iterator[Any]:
    encoder: Any = av.CodecContext.create(encoder_name, "w")
    encoder.width, encoder.height, encoder.pix_fmt = 640, 360, "yuv420p"
    encoder.time_base, encoder.framerate, encoder.max_b_frames = Fraction(1, 25), Fraction(25), 0
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency", "x265-params": "log-level=none"}
    for number in range(4):
        frame = av.VideoFrame(640, 360, "yuv420p")
        frame.pts, frame.time_base = number, Fraction(1, 25)
        yield from encoder.encode(frame)
    yield from encoder.encode(None)
    yield None  # what the decoder has kept


def main() -> None:
    from backends.video.sandbox import confine

    confine(addresses=False)  # as a worker that shall open one: what cannot be opened so is of no use to it
    kinds = offered()
    built_with = [str(kind) for kind in hwdevices_available()]
    sys.stdout.write(json.dumps({"pyav": av.__version__, "built_with": built_with, "opens": look(kinds)}) + "\n")


if __name__ == "__main__":
    main()
