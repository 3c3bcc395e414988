"""Turning the camera of one tile by hand: keys, pointer, wheel, presets, patrol; and what the tile says about it.

1. A person asks (key, menu): the camera is taken (`TurnDesk`); the feeder's answer comes through the city model.
2. While it is this person's, a drag from the middle of the picture, arrows, + and - turn it: a move is said again every
   SAY_S for as long as the hand is there, at each pass of the screen, and a move of nothing when it goes.
3. Esc, another camera on the tile, a hidden tile, or the feeder's word end it.
A hand that is not felt any more (focus lost, button up somewhere else, a key held for too long) counts as gone.
Must not: decide who may turn it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPointF, QSizeF, Qt
from PySide6.QtWidgets import QApplication

from backends.domain.feeds import FeedQuality
from backends.domain.turning import PatrolStop, TurnAct, TurnStage, TurnStatus, TurnWish
from widgets.hands import Ask
from widgets.i18n import tr

if TYPE_CHECKING:
    from widgets.tiles.camera import CameraTile

SAY_S = 0.3
DRAG_EVERY_S = 0.1
"""A drag changes at every pixel; so often it is said."""
HELD_MOST_S = 15.0
"""A key that is held for longer without a sign of life: its release was lost."""
PRESS_S = 0.15
"""A button that is down for less was a click."""
NOTCH_S = 0.4
"""One notch of the wheel moves the lens for so long."""
_DEAD = 0.12
"""Of the way from the middle to the edge: here it stands still."""
_KEYS: dict[Ask, tuple[float, float, float]] = {
    Ask.LEFT: (-1.0, 0.0, 0.0), Ask.RIGHT: (1.0, 0.0, 0.0), Ask.UP: (0.0, 1.0, 0.0), Ask.DOWN: (0.0, -1.0, 0.0),
    Ask.NEARER: (0.0, 0.0, 1.0), Ask.FARTHER: (0.0, 0.0, -1.0),
}  # fmt: skip
_KEY_SPEED = 0.5
_ON = (TurnStage.ASKING, TurnStage.TURNING)
_QUIET = ("given_back",)
Speed = tuple[float, float, float]
STILL: Speed = (0.0, 0.0, 0.0)


class TurnControl(QObject):
    """Of one tile. GUI thread only."""

    def __init__(self, tile: CameraTile) -> None:
        super().__init__(tile)
        self._tile, self._session = tile, tile.session
        self._camera = ""
        """What this tile turns, or has asked for; empty: nothing."""
        self._number = 0
        """Of the time that it asked last: what is told of earlier ones is not about this one."""
        self._keys: dict[Ask, float] = {}
        """Held now, since when."""
        self._pointer: QPointF | None = None
        self._pointer_s = 0.0
        self._wheel = 0.0
        self._wheel_until_s = 0.0
        self._told = ""
        self._said: Speed = STILL
        self._said_s = 0.0
        self._session.city.turnChanged.connect(self._on_status)

    # -- how it stands ---------------------------------------------------------------------------------

    @property
    def status(self) -> TurnStatus | None:
        """Of the tile's camera, as far as it is turned from this station."""
        camera = self._tile.camera
        found = self._session.city.turning.get(camera.id) if camera is not None else None
        if found is None or found.stage not in _ON or (self.active and found.number < self._number):
            return None
        return found

    @property
    def active(self) -> bool:
        """This tile's hand is on its camera, or waits for it."""
        return bool(self._camera)

    @property
    def words(self) -> tuple[str, ...]:
        """Who turns it, for the caption, and shorter; empty: nobody."""
        camera, status = self._tile.camera, self.status
        if camera is None:
            return ()
        if status is not None and status.stage is TurnStage.TURNING:
            mine = "turn.patrol" if status.patrol else "turn.mine_offline" if status.offline else "turn.mine"
            return tr(mine), tr("turn.mine_short")
        if self.active:
            return tr("turn.asking"), tr("turn.asking_short")
        turner = camera.turner
        if turner is None or self._session.city.quality("cameras") is not FeedQuality.LIVE:
            return ()  # who turned it when the hub was last heard may have gone since
        return tr("turn.other_patrol" if turner.patrol else "turn.other", name=turner.name), turner.name

    @property
    def trouble(self) -> str:
        """What the camera says is wrong, in words."""
        return self.status.text if self.status is not None and self.active else ""

    # -- what a person does ----------------------------------------------------------------------------

    def act(self, act: Ask) -> bool:
        """Do it; False: not this, or it means nothing now."""
        if act is Ask.TURN:
            if self.active:
                self.end()
            else:
                self._begin(TurnAct.TAKE)
            return True
        if act is Ask.PATROL:
            self._begin(TurnAct.PATROL)
            return True
        if not self.active:
            return False
        if act is Ask.OUT:
            self.end()
        elif act in _KEYS:
            self._keys[act] = self._now_s()
            self._say()
        else:
            return False
        return True

    def released(self, act: Ask) -> None:
        """The key has gone up."""
        if self._keys.pop(act, None) is not None:
            self._say()

    def let_go(self) -> None:
        """No key is felt any more: the keyboard is elsewhere."""
        if self._keys:
            self._keys.clear()
            self._say()

    def press(self, at: QPointF) -> None:
        """The pointer's button is down on the picture."""
        self._pointer, self._pointer_s = at, self._now_s()

    def move(self, at: QPointF) -> None:
        if self._pointer is not None:
            self._pointer = at

    def release(self) -> None:
        if self._pointer is not None:
            self._pointer = None
            self._say()

    def wheel(self, notches: float) -> None:
        """The lens: away from the person is nearer. A wheel that is tilted sideways turns nothing."""
        if not notches:
            return
        self._wheel = 1.0 if notches > 0 else -1.0
        self._wheel_until_s = self._now_s() + NOTCH_S
        self._say()

    def preset(self, n: int) -> None:
        """The n-th preset, counted from 1."""
        presets = self.status.presets if self.status is not None else ()
        if 1 <= n <= len(presets):
            self.go_to(presets[n - 1].token)
        else:
            self._notice(tr("turn.no_preset", n=n))

    def go_to(self, token: str) -> None:
        self._wish(TurnAct.GO_TO, preset=token)

    def keep(self, name: str) -> None:
        """The present view as a preset; one of that name is overwritten."""
        status = self.status
        old = next((one.token for one in status.presets if one.name == name), "") if status is not None else ""
        self._wish(TurnAct.KEEP, name=name, preset=old)

    def _begin(self, act: TurnAct) -> None:
        camera = self._tile.camera
        if camera is None or not camera.turns:
            self._notice(tr("turn.cannot", number=camera.number if camera is not None else ""))
            return
        stops: tuple[PatrolStop, ...] = ()
        if act is TurnAct.PATROL:
            stops = self.patrol_stops()
            if not stops:
                self._notice(tr("turn.no_patrol"))
                return
        if self._tile.replay is not None:
            self._notice(tr("turn.live_first"))
            return
        self._camera = camera.id
        self._number = max(self._number + 1, round(self._now_s() * 1e9))
        self._wish(act, stops=stops)
        self._tile.setCursor(Qt.CursorShape.CrossCursor)
        self._tile.update()

    def patrol_stops(self) -> tuple[PatrolStop, ...]:
        """What the layout says of the camera that it put here; of another one on the tile it says nothing."""
        camera, options = self._tile.camera, self._tile.options
        if camera is None or camera.number != options.camera:
            return ()
        return tuple(PatrolStop(view.preset, view.dwell_s) for view in options.patrol)

    def end(self) -> None:
        """Give it back."""
        if self._camera:
            self._wish(TurnAct.GIVE_BACK)
            self._over()

    def _over(self) -> None:
        self._camera, self._pointer, self._said = "", None, STILL
        self._keys.clear()
        self._wheel_until_s = 0.0
        self._tile.unsetCursor()
        self._tile.update()

    # -- the hand --------------------------------------------------------------------------------------

    def look(self) -> None:
        """At every pass of the screen: is the hand still there, and is it time to say so again?"""
        if not self._camera:
            return
        now_s = self._now_s()
        if self._pointer is not None and not QApplication.mouseButtons() & Qt.MouseButton.LeftButton:
            self._pointer = None
        self._keys = {act: since_s for act, since_s in self._keys.items() if now_s - since_s < HELD_MOST_S}
        speed, pause_s = self._speed(now_s), now_s - self._said_s
        if speed == STILL == self._said:
            return
        if pause_s >= SAY_S or (speed != self._said and (pause_s >= DRAG_EVERY_S or speed == STILL)):
            self._say()

    def _speed(self, now_s: float) -> Speed:
        """What all that is held makes together."""
        parts = [tuple(_KEY_SPEED * one for one in _KEYS[act]) for act in self._keys]
        if self._pointer is not None and now_s - self._pointer_s >= PRESS_S:
            parts.append((*aim(self._pointer, QSizeF(self._tile.size())), 0.0))
        if now_s < self._wheel_until_s:
            parts.append((0.0, 0.0, self._wheel * _KEY_SPEED))
        pan, tilt, zoom = (max(-1.0, min(1.0, math.fsum(part[n] for part in parts))) for n in range(3))
        return pan, tilt, zoom

    def _say(self) -> None:
        now_s = self._now_s()
        self._said, self._said_s = self._speed(now_s), now_s
        pan, tilt, zoom = self._said
        self._wish(TurnAct.MOVE, pan=pan, tilt=tilt, zoom=zoom)

    def _wish(
        self, act: TurnAct, *, pan: float = 0.0, tilt: float = 0.0, zoom: float = 0.0, preset: str = "", name: str = "",
        stops: tuple[PatrolStop, ...] = (),
    ) -> None:  # fmt: skip
        if self._camera:
            wish = TurnWish(self._camera, act, pan, tilt, zoom, preset, name, stops, self._number)
            self._session.turning.turn(wish)

    def _now_s(self) -> float:
        return self._session.mono.monotonic_s()

    # -- what becomes of it ----------------------------------------------------------------------------

    def _on_status(self, camera_id: str) -> None:
        camera = self._tile.camera
        if camera is not None and camera.id == camera_id:
            self._tile.update()
        status = self._session.city.turning.get(camera_id)
        number = camera.number if camera is not None else tr("camera.no_number")
        if camera_id == self._camera and status is not None and status.text != self._told:
            self._told = status.text
            if self._told:  # in the smallest tile it is cut
                self._notice(f"{tr('alarms.camera', number=number)}: {self._told}")
        if camera_id != self._camera or status is None or status.stage is not TurnStage.ENDED:
            return
        if status.number < self._number:  # of the time before, which was still letting go
            return
        self._over()
        if status.code not in _QUIET:
            words = tr(f"turn.end.{status.code}", holder=status.holder, text=status.text)
            self._notice(f"{tr('alarms.camera', number=number)}: {words}")

    def _notice(self, words: str) -> None:
        notices = self._session.notices
        (notices.post if self._tile.scale.wall else notices.tell_desk)(words)


def aim(at: QPointF, size: QSizeF) -> tuple[float, float]:
    """(pan, tilt) of a point of the tile: the farther from the middle the faster, slow near to it, full at the edge."""

    def speed(offset: float) -> float:
        far = min(1.0, max(0.0, (abs(offset) - _DEAD) / (1.0 - _DEAD)))
        return math.copysign(round(far**1.5, 2), offset) if far else 0.0

    across = (at.x() - size.width() / 2) / max(1.0, size.width() / 2)
    up = (size.height() / 2 - at.y()) / max(1.0, size.height() / 2)
    return speed(across), speed(up)
