"""Figures about one picture, for whoever asks for them: rates, bitrate, age, losses, size, stream.

Only figures that are known are given; none is made up. Must not: paint.
"""

from __future__ import annotations

from collections import deque

from backends.domain.camera import PictureState, PictureStatus, StreamKind
from backends.domain.picture import Decoding
from backends.domain.stream_choice import Use, Why, Wish
from widgets import format as fmt
from widgets.i18n import tr

_OVER_S = 3.0
"""Time over which what was painted is counted."""
Line = tuple[str, str]
"""(what, value)."""


class PaintedRate:
    """Pictures painted a second, counted where they are painted."""

    def __init__(self) -> None:
        self._times: deque[float] = deque()

    def count(self, mono_s: float) -> None:
        """A new picture was painted."""
        self._times.append(mono_s)
        self._forget(mono_s)

    def per_second(self, mono_s: float) -> float:
        self._forget(mono_s)
        return len(self._times) / _OVER_S

    def clear(self) -> None:
        self._times.clear()

    def _forget(self, mono_s: float) -> None:
        while self._times and self._times[0] <= mono_s - _OVER_S:
            self._times.popleft()


def detail_lines(
    use: Use | None,
    status: PictureStatus,
    painted_fps: float,
    source: tuple[int, int],
    held_s: float = 0.0,
    chosen: str = "",
) -> tuple[Line, ...]:
    """The lines, the ones asked for most first. `use`: the stream that is shown, None = not known; `source`: size of
    its decoded picture, (0, 0) = not known; `held_s`: of the past, that can be shown again; `chosen`: `stream_words`.
    """
    lines: list[Line] = [
        (tr("camera_details.presented"), _fps(painted_fps)),
        (tr("camera_details.received"), _fps(status.fps) if status.received else ""),
        (tr("camera_details.bitrate"), _bitrate(status.bits_per_s)),
        (tr("camera_details.age"), _age(status)),
        (tr("camera_details.size"), f"{source[0]}x{source[1]}" if min(source) > 0 else ""),
        (tr("camera_details.decoding"), _decoding(status)),
        (tr("camera_details.stream"), _stream(use)),
        (tr("camera_details.chosen"), chosen),
        (tr("replay.held"), fmt.duration(held_s) if held_s >= 1 else ""),
        (tr("camera_details.drops"), tr("camera_details.drops_value", bad=status.bad, torn=status.torn)),
        (tr("camera_details.reconnects"), fmt.number(status.reconnects)),
    ]
    return tuple((what, value) for what, value in lines if value)


def _fps(rate: float) -> str:
    return tr("camera_details.fps", n=fmt.number(rate, 1))


def _bitrate(bits_per_s: int) -> str:
    if bits_per_s <= 0:
        return ""
    if bits_per_s < 1_000_000:
        return f"{fmt.number(bits_per_s / 1e3)} kbit/s"
    return f"{fmt.number(bits_per_s / 1e6, 1)} Mbit/s"


def _age(status: PictureStatus) -> str:
    """Milliseconds while it is live, so that a late machine is seen."""
    if not status.received or status.shown_ns:  # of an old picture its title says it
        return ""
    if status.state is PictureState.LIVE and status.age_s < 1:
        return f"{fmt.number(status.age_s * 1000)} ms"
    return tr("camera_details.seconds", n=fmt.number(status.age_s, 1))


def _decoding(status: PictureStatus) -> str:
    """Only where a graphics device was asked for."""
    if status.decoding is Decoding.PLAIN:
        return ""
    device = status.device or tr("camera_details.any_device")
    return tr(f"camera_details.decoding_{status.decoding.value}", device=device)


def _stream(use: Use | None) -> str:
    if use is None:
        return ""
    return tr("camera_details.main") if use.pick.kind is StreamKind.MAIN else tr("camera_details.sub")


def stream_words(use: Use | None, wish: Wish, all_wishes: Wish) -> str:
    """Why it is this stream. `wish`: what a person chose on this tile; `all_wishes`: what counts for all tiles of the
    camera (`StreamDesk.wish`)."""
    if use is None:
        return ""
    if use.why is not Why.WISH:
        return tr(f"camera.why.{use.why.value}")
    if use.pick.kind.value != all_wishes.value:
        return tr("camera.why.switching")
    return tr("camera.why.wish" if wish is all_wishes else "camera.why.other_tile")
