"""Cameras that a tour sends to a preset when it comes to them: what one tile wants of them, and why one is not there.

Again and again it looks which stops count now: the one that the tile shows, and the next one while its picture is
asked for already. The difference is told to the feeder (`TurnAct.TOUR`), which turns under the hub's lease, with
nobody's hand on it: whoever takes such a camera by hand has it, and the tour goes on with the picture alone. Where a
camera could not be sent, that is said in words, and asked for again every AGAIN_S while its stop counts. Must not:
hold up the tour, or take a camera from anybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from backends.domain.access import Right
from backends.domain.turning import PatrolStop, TurnAct, TurnStage, TurnStatus, TurnWish
from layouts.options import TourStop
from widgets.i18n import tr

if TYPE_CHECKING:
    from widgets.parts.camera_tour import CameraTour
    from widgets.tiles.camera import CameraTile

AGAIN_S = 10.0
_ON = (TurnStage.ASKING, TurnStage.TURNING)
_HERE = ("turn.mine", "turn.tour.other")
"""What else at this station may have it: a hand; a patrol, or another tile's tour."""
_NOTHING = ("", "")


@dataclass
class _Sent:
    """One camera that a stop counts for now."""

    stop: TourStop
    number: int
    """Of the wish (`TurnWish.number`); 0: it was not even asked for."""
    at_s: float
    over: bool = False
    why: tuple[str, str] = _NOTHING
    """Key of the words that say why it is not at its preset, and the name or text in them."""
    here: bool = False
    """Because something else at this station has it."""


class TourPresets(QObject):
    """Of one tile. GUI thread only."""

    def __init__(self, tile: CameraTile, tour: CameraTour) -> None:
        super().__init__(tile)
        self._tile, self._session, self._tour = tile, tile.session, tour
        self._sent: dict[str, _Sent] = {}
        self._number = 0
        self._session.city.turnChanged.connect(self._on_status)

    def look(self, showing: bool) -> None:
        """Once a second, and at every change. `showing`: the tile shows what is the tour's, and live."""
        stops: dict[str, TourStop] = {}
        for stop in (self._tour.ahead, self._tour.stop) if showing else ():
            camera = self._session.city.camera_by_number(stop.camera) if stop is not None and stop.preset else None
            if stop is not None and camera is not None and camera.enabled:
                stops[camera.id] = stop  # of two for the same camera the one that is shown
        self._want(stops)

    def _want(self, stops: Mapping[str, TourStop]) -> None:
        """Id of a camera -> the stop that counts for it now."""
        for camera_id in [known for known in self._sent if known not in stops]:
            gone = self._sent.pop(camera_id)
            if gone.number:
                self._wish(camera_id, gone.number)
        for camera_id, stop in stops.items():
            sent = self._sent.get(camera_id)
            if sent is None or sent.stop is not stop or (sent.over and self._now_s() - sent.at_s >= AGAIN_S):
                self._send(camera_id, stop, sent)

    def words(self, camera_id: str) -> str:
        """Why the camera is not at the preset of its stop; empty: nothing is known to be wrong."""
        sent = self._sent.get(camera_id)
        key, said = sent.why if sent is not None else _NOTHING
        if sent is None or not key or self._tile.turn.active:
            return ""
        return tr("turn.tour.not_there", preset=sent.stop.preset, why=tr(key, name=said, text=said))

    def _send(self, camera_id: str, stop: TourStop, before: _Sent | None) -> None:
        """Ask for it; what was said of this very stop stands until there is an answer."""
        number = before.number if before is not None and not before.over else 0
        sent = self._sent[camera_id] = _Sent(stop, number, self._now_s())
        if before is not None and before.stop is stop:
            sent.why = before.why
        if refusal := self._refusal(camera_id, number):
            if number:
                self._wish(camera_id, number)
            sent.over, sent.number, sent.why = True, 0, (refusal, "")
            sent.here = refusal in _HERE
            return
        if not sent.number:
            self._number = sent.number = max(self._number + 1, round(self._now_s() * 1e9))
        self._wish(camera_id, sent.number, stop)

    def _refusal(self, camera_id: str, number: int) -> str:
        """Why it is not asked for: key of the words."""
        city = self._session.city
        camera, status = city.camera(camera_id), city.turning.get(camera_id)
        if camera is None or not camera.turns:
            return "turn.tour.cannot"
        if code := city.grant.refusal(Right.TURN_CAMERA):
            return f"turn.end.{code}"
        if status is not None and status.stage in _ON and status.number != number:
            return _here(status)
        return ""

    def _wish(self, camera_id: str, number: int, stop: TourStop | None = None) -> None:
        """Without a stop: the tour leaves it."""
        stops = () if stop is None else (PatrolStop(stop.preset, self._tour.dwell_s(stop)),)
        self._session.turning.turn(TurnWish(camera_id, TurnAct.TOUR, stops=stops, number=number))

    def _on_status(self, camera_id: str) -> None:
        sent, status = self._sent.get(camera_id), self._session.city.turning.get(camera_id)
        if sent is None or status is None or status.number < sent.number:
            return
        if sent.over:
            if sent.here and status.stage is TurnStage.ENDED:
                sent.why = _NOTHING
        elif status.stage is TurnStage.ENDED:
            sent.over, sent.why = True, _ended(status) if status.number == sent.number else _NOTHING
        elif status.number > sent.number or not status.patrol:  # a hand at this station has taken it
            sent.over, sent.here, sent.why = True, True, (_here(status), "")
        elif status.stage is TurnStage.TURNING:
            sent.why = _trouble(sent.stop.preset, status)

    def _now_s(self) -> float:
        return self._session.mono.monotonic_s()


def _here(status: TurnStatus) -> str:
    """Something else at this station has it."""
    return _HERE[status.patrol]


def _ended(status: TurnStatus) -> tuple[str, str]:
    if status.code in ("held", "taken"):
        return "turn.other", status.holder
    return (f"turn.end.{status.code}", "") if status.code != "given_back" else _NOTHING


def _trouble(preset: str, status: TurnStatus) -> tuple[str, str]:
    """What came between it and its preset; nothing, as far as is known: `_NOTHING`."""
    if not status.text:
        return _NOTHING
    if status.presets and all(preset not in (one.name, one.token) for one in status.presets):
        return "turn.tour.no_preset", ""
    return "turn.tour.camera", status.text
