"""What hands do to the camera tiles of all windows: keys, numbers, drops, and their answers in words.

1. A tile, its menu or a key asks (`CameraHands.asked`, or a key that reaches the window).
2. The desk looks whether that may be, and says in words why not.
3. It changes what was put by hand (`CameraHands.put`); the tiles hear of that and change their picture.

A place that is kept for alarms is touched only when its number is typed. Must not: paint, or open anything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPoint, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QWidget
from shiboken6 import isValid

from backends.domain.camera import Camera
from widgets.hands import Ask, Carried
from widgets.i18n import local, tr
from widgets.keys import act_of
from widgets.parts.camera_drag import CarriedLabel
from widgets.parts.typed_numbers import Typed, same_number
from widgets.session import Session
from widgets.tiles.camera import CameraTile
from widgets.tiles.plot import PlotTile
from widgets.windows.number_line import NumberLine
from widgets.windows.time_line import TimeLine

if TYPE_CHECKING:
    from widgets.windows.wall_window import WallWindow

_SAYS_NO = frozenset({Ask.DETAILS, Ask.STILL, Ask.LOOK_BACK, Ask.BEFORE_ALARM})
"""Where no tile is chosen, that is said."""
_ALWAYS = _SAYS_NO | {Ask.OUT}
"""Also while the keyboard is in a list: no list uses their keys."""
_NO_KEYS = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.MetaModifier
_MODIFIERS = {
    Qt.Key.Key_Shift: Qt.KeyboardModifier.ShiftModifier,
    Qt.Key.Key_Control: Qt.KeyboardModifier.ControlModifier,
    Qt.Key.Key_Alt: Qt.KeyboardModifier.AltModifier,
    Qt.Key.Key_Meta: Qt.KeyboardModifier.MetaModifier,
}
Found = tuple["WallWindow", CameraTile]


class CameraDesk(QObject):
    """One a wall. GUI thread only."""

    def __init__(self, session: Session, windows: Callable[[], Sequence[WallWindow]]) -> None:
        super().__init__()
        self._session, self._windows = session, windows
        self._held: dict[int, tuple[CameraTile, Ask, Qt.KeyboardModifier]] = {}
        """Keys that are down and turn a camera: which one they turn, and what was down beside them. When they go up
        other keys may be down, and another tile be chosen."""
        self._line: NumberLine | None = None
        self._label: CarriedLabel | None = None
        hands = session.hands
        hands.asked.connect(lambda place, act: self.act(place, Ask(act)))
        hands.moved.connect(self._follow)
        hands.dropped.connect(self._on_dropped)

    def watch(self, window: WallWindow) -> None:
        """Keys that nothing in this window has taken come here."""
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.KeyRelease and isinstance(event, QKeyEvent):
            self._release_key(event)
            return False
        if event.type() == QEvent.Type.WindowDeactivate:
            self._let_go(lambda key: True)
        if event.type() != QEvent.Type.KeyPress or not isinstance(event, QKeyEvent):
            return False
        window = next((w for w in self._windows() if w is watched), None)
        return window is not None and self._press(window, event)

    def _press(self, window: WallWindow, event: QKeyEvent) -> bool:
        hands = self._session.hands
        if event.text() and event.text() in "0123456789" and not event.modifiers() & _NO_KEYS:
            if (found := self._find(hands.place)) is not None and found[1].turn.active:
                found[1].turn.preset(int(event.text()) or 10)
            else:
                self._begin_number(window, event.text())
            return True
        act = act_of(event)
        if act is None:
            return False
        if act is Ask.OUT and hands.carried is not None:
            hands.drop(done=False)
            return True
        if not isinstance(window.focusWidget() or window, CameraTile | type(window)) and act not in _ALWAYS:
            return False
        found = self._find(hands.place)
        done = self.act(hands.place, act, window)
        if found is not None and found[1].turn.active:
            self._held[event.key()] = found[1], act, event.modifiers()
        return done

    def _release_key(self, event: QKeyEvent) -> None:
        if event.isAutoRepeat():
            return
        # Without its Shift "+" goes up as another key: with the Shift it goes too.
        beside = _MODIFIERS.get(Qt.Key(event.key()), Qt.KeyboardModifier.NoModifier)
        self._let_go(lambda key: key == event.key() or bool(self._held[key][2] & beside))

    def _let_go(self, which: Callable[[int], bool]) -> None:
        for key in [key for key in self._held if which(key)]:
            tile, act, _ = self._held.pop(key)
            if isValid(tile):
                tile.turn.released(act)

    # -- acts ------------------------------------------------------------------------------------------

    def act(self, place: str, act: Ask, window: WallWindow | None = None) -> bool:
        """Do it to that tile; False: it means nothing now. `window`: where the key was pressed."""
        found = self._find(place)
        if act is Ask.BEFORE_ALARM:
            found = self._alarmed(found, window)
        if self._for_sheet(found, act):
            return True
        if found is None:
            return self._without_tile(act, window)
        return found[1].act(act) or self._act_on(found, act, window)

    def _act_on(self, found: Found, act: Ask, pressed: WallWindow | None) -> bool:
        """What the tile cannot do by itself."""
        window, tile = found
        match act:
            case Ask.MAXIMISE:
                window.maximised.toggle(tile)
            case Ask.OUT:
                return window.maximised.end()
            case Ask.EARLIER:
                if not self._session.hands.back(tile.place):
                    self._say(tr("camera_hand.no_earlier"))
            case Ask.RELEASE:
                self._release(tile)
            case Ask.STILL:
                self._still(tile)
            case Ask.LOOK_BACK | Ask.BEFORE_ALARM:
                self._look_back(pressed or window, tile, act)  # where the keyboard is: the tile may be on a wall
            case Ask.LEFT | Ask.RIGHT | Ask.UP | Ask.DOWN:
                self._move(window, tile, act)
            case _:
                return False
        return True

    def _without_tile(self, act: Ask, window: WallWindow | None) -> bool:
        if act is Ask.OUT and window is not None:
            return window.maximised.end()
        if act in _SAYS_NO:
            self._say(tr("camera_hand.no_tile"))
        return act in _SAYS_NO

    def _for_sheet(self, found: Found | None, act: Ask) -> bool:
        """Esc and Enter while a sheet lies over a window; there is one at a time. False: it is not for that."""
        sheet = next((one.sheet for one in self._windows() if one.sheet is not None), None)
        if sheet is None or act not in (Ask.OUT, Ask.MAXIMISE):
            return False
        tile = found[1] if found is not None and sheet.holds(found[1]) else None
        if tile is not None and tile.act(act):
            return True
        if act is Ask.OUT:
            sheet.step_out()  # it lies over the chosen tile, too
        elif tile is not None:
            sheet.toggle(tile)
        return act is Ask.OUT or tile is not None

    def _release(self, tile: CameraTile) -> None:
        if tile.options.slot:
            self._session.calls.cameraCalled.emit("")  # alarms choose its camera again
        elif not self._session.hands.release(tile.place):
            self._say(tr("camera_hand.own_already"))

    def _still(self, tile: CameraTile) -> None:
        camera, grant = tile.camera, self._session.city.grant
        if not grant.sees_personal_data:
            self._say(tr("camera_hand.still_locked"))
        elif tile.replay is not None:
            self._say(tr("replay.no_still"))  # never the live picture in place of the one that is seen
        elif camera is None or not tile.shown_uri:
            self._say(tr("camera_hand.no_picture"))
        else:
            self._session.calls.stillAsked.emit(camera.id, tile.shown_uri)

    def _move(self, window: WallWindow, tile: CameraTile, act: Ask) -> None:
        """The keyboard goes to the next tile that way: the nearest, what lies aside counting twice."""
        here, along = tile.geometry().center(), act in (Ask.LEFT, Ask.RIGHT)
        sign = -1 if act in (Ask.LEFT, Ask.UP) else 1

        def distance(other: CameraTile) -> float:
            by = other.geometry().center() - here
            ahead, aside = (by.x(), by.y()) if along else (by.y(), by.x())
            return ahead * sign + 2 * abs(aside) if ahead * sign > 0 else float("inf")

        beside = (t for t in _tiles_of(window) if t.parentWidget() is tile.parentWidget())
        others = [t for t in beside if t is not tile and t.isVisible()]
        nearest = min(others, key=distance, default=None)
        if nearest is not None and distance(nearest) < float("inf"):
            nearest.setFocus()
            self._session.hands.choose(nearest.place)

    # -- past times ------------------------------------------------------------------------------------

    def _look_back(self, window: WallWindow, tile: CameraTile, act: Ask) -> None:
        if act is Ask.LOOK_BACK:
            self._ask_time(window, tile)
        else:
            self._say(tile.look_back(tile.before_alarm_ns) if tile.alarmed else tr("replay.no_alarm"))

    def _ask_time(self, window: WallWindow, tile: CameraTile) -> None:
        camera, why = tile.camera, tile.looks_back
        if camera is None or why:
            self._say(why or tr("camera_hand.no_picture"))
            return
        line = TimeLine(self._session, window, window.scale, f"{camera.number} {local(camera.name)}")
        camera_id, place = camera.id, tile.place

        def entered(t_ns: int) -> None:
            found = self._find(place)
            shown = found[1].camera if found is not None else None
            if found is None or shown is None or shown.id != camera_id:
                line.say(tr("replay.other_camera"))  # never the past of another one than was asked for
            elif wrong := found[1].look_back(t_ns):
                line.say(wrong)
            else:
                line.end(back=True)

        line.entered.connect(entered)
        line.ended.connect(line.deleteLater)

    def _alarmed(self, found: Found | None, window: WallWindow | None) -> Found | None:
        """The chosen tile where an alarm is seen on it, else the first that is kept for alarms and has one."""
        if found is not None and found[1].alarmed:
            return found
        windows = [window] if window is not None else self._windows()
        kept = ((one, tile) for one in windows for tile in camera_tiles(one) if tile.options.slot and tile.alarmed)
        return next(kept, found)

    # -- putting cameras on tiles ----------------------------------------------------------------------

    def _put(self, tile: CameraTile, camera_id: str) -> None:
        self._session.hands.put(tile.place, camera_id, tile.camera.id if tile.camera is not None else "")

    def _on_dropped(self, carried: Carried, place: str) -> None:
        if self._label is not None:
            self._label.hide()
            self._label.deleteLater()
            self._label = None
        found = self._find(place)
        if found is None:
            return
        target, source = found[1], self._find(carried.source)
        if target.options.slot:
            words = "camera_hand.is_alarm_swap" if source is not None else "camera_hand.is_alarm"
            self._say(tr(words, n=target.number, camera=self._number(carried.camera_id)))
            return
        other = target.camera
        self._put(target, carried.camera_id)
        # From the place kept for alarms a camera is copied: what stands there is not for hands to change.
        if source is not None and other is not None and not source[1].options.slot:
            self._put(source[1], other.id)
        self._session.hands.choose(target.place)

    def _follow(self, at: QPoint) -> None:
        """A label goes with the pointer, in the window that it is over."""
        carried = self._session.hands.carried
        window = next((w for w in self._windows() if w.isVisible() and w.geometry().contains(at)), None)
        if carried is None or window is None:
            return
        if self._label is None or self._label.parentWidget() is not window:
            if self._label is not None:
                self._label.hide()
                self._label.deleteLater()
            self._label = CarriedLabel(window.scale, self._name(carried), window)
        self._label.follow(at)

    def _name(self, carried: Carried) -> str:
        city = self._session.city
        if carried.sensors:
            sensor = city.sensor(carried.sensors[0])
            several = sensor is not None and len(carried.sensors) > 1
            name = (sensor.station if several else sensor.name) if sensor is not None else None
            return tr("plot_hand.carried", name=local(name) if name is not None else tr("plot.title_unknown"))
        camera = city.camera(carried.camera_id)
        return f"{camera.number} {local(camera.name)}" if camera is not None else tr("camera.no_number")

    # -- numbers ---------------------------------------------------------------------------------------

    def _begin_number(self, window: WallWindow, char: str) -> None:
        if self._line is not None:
            self._line.end()
        line = self._line = NumberLine(self._session, window)
        line.typedChanged.connect(lambda: self._on_typed(line))
        line.entered.connect(lambda: self._enter(window, line))
        line.ended.connect(lambda: self._on_ended(line))
        line.begin(window.scale, char)
        self._session.hands.show_numbers(True)

    def _on_typed(self, line: NumberLine) -> None:
        camera = self._camera(line.typed.camera)
        if camera is not None:
            line.answer = f"{camera.number} {local(camera.name)}"

    def _on_ended(self, line: NumberLine) -> None:
        if self._line is line:
            self._line = None
            self._session.hands.show_numbers(False)
        line.deleteLater()

    def _enter(self, window: WallWindow, line: NumberLine) -> None:
        """Enter: do it, or say in the line what is wrong, so that it can be mended there."""
        wrong = self._put_typed(window, line.typed)
        if wrong:
            line.say(wrong)
        else:
            line.end(back=True)

    def _put_typed(self, window: WallWindow, typed: Typed) -> str:
        """What is wrong with it; empty: done."""
        camera = self._camera(typed.camera)
        if camera is None:
            return tr("camera_hand.no_camera", number=typed.camera)
        if typed.tile is None:
            found = self._find(self._session.hands.place)
            if found is None:
                return tr("camera_hand.no_tile")
            if found[1].options.slot:
                return tr("camera_hand.is_alarm", n=found[1].number, camera=camera.number)
            self._put(found[1], camera.id)
            return ""
        windows = self._windows()
        if typed.monitor is not None:
            if not 1 <= typed.monitor <= len(windows):
                return tr("camera_hand.no_monitor", n=typed.monitor, most=len(windows))
            window = windows[typed.monitor - 1]
        return self._put_on(window, camera, typed.tile)

    def _put_on(self, window: WallWindow, camera: Camera, number: int) -> str:
        monitor, tiles = window.plan.index + 1, camera_tiles(window)
        if not tiles:
            return tr("camera_hand.no_tiles", monitor=monitor)
        if not 1 <= number <= len(tiles):
            return tr("camera_hand.no_tile_number", monitor=monitor, n=number, most=len(tiles))
        tile = tiles[number - 1]
        if tile.options.slot:
            self._session.calls.cameraCalled.emit(camera.id)
        else:
            self._put(tile, camera.id)
        words = "camera_hand.put" if len(self._windows()) == 1 else "camera_hand.put_monitor"
        self._say(tr(words, number=camera.number, n=number, monitor=monitor))
        return ""

    # -- calling up by name ----------------------------------------------------------------------------

    def free_tile(self) -> CameraTile | None:
        """The chosen tile, where it is one that hands may put a camera on."""
        found = self._find(self._session.hands.place)
        return found[1] if found is not None and not found[1].options.slot else None

    def call_up(self, camera_id: str, *, kept: bool) -> str:
        """Onto the chosen tile, or (`kept`, or none is chosen) the one that the layout keeps for alarms. Returns why
        not; empty = done."""
        tile = None if kept else self.free_tile()
        if tile is not None:
            self._put(tile, camera_id)
            return ""
        if not any(one.options.slot for window in self._windows() for one in camera_tiles(window)):
            return tr("search.no_slot")
        self._session.calls.cameraCalled.emit(camera_id)
        return ""

    # -- finding and saying ----------------------------------------------------------------------------

    def _find(self, place: str) -> Found | None:
        if not place:
            return None
        pairs = ((window, tile) for window in self._windows() for tile in _tiles_of(window))
        return next((pair for pair in pairs if pair[1].place == place), None)

    def _camera(self, typed: str) -> Camera | None:
        cameras: Sequence[Camera] = list(self._session.city.records("cameras").values())
        exact = self._session.city.camera_by_number(typed)
        return exact or next((camera for camera in cameras if same_number(camera.number, typed)), None)

    def _number(self, camera_id: str) -> str:
        camera = self._session.city.camera(camera_id)
        return camera.number if camera is not None else ""

    def _say(self, sentence: str) -> None:
        """On the desks; where the station is but a wall, there. Nothing where there is nothing to say."""
        if not sentence:
            return
        notices = self._session.notices
        say = notices.post if all(window.scale.wall for window in self._windows()) else notices.tell_desk
        say(sentence)


def camera_tiles(window: WallWindow) -> list[CameraTile]:
    """In the order of their numbers: from the top, then from the left, as the layout has them."""
    plans = sorted(window.plan.tiles, key=lambda plan: (plan.rect.y, plan.rect.x))
    tiles = (window.tiles.get(plan.id) for plan in plans)
    return [tile for tile in tiles if isinstance(tile, CameraTile)]


def _tiles_of(window: WallWindow) -> list[CameraTile]:
    """With those of what is laid over the window, which have no numbers."""
    return [*camera_tiles(window), *(window.sheet.cameras if window.sheet is not None else ())]


def tabs_after_the_rest(window: WallWindow) -> None:
    """The Tab key comes to plots and camera tiles last: at the start the keyboard is where it was without them, in a
    list."""
    tiles = [*(tile for tile in window.tiles.values() if isinstance(tile, PlotTile)), *camera_tiles(window)]
    last: QWidget = window
    widget = window.nextInFocusChain()
    while widget is not None and widget is not window:
        last = last if isinstance(widget, CameraTile | PlotTile) else widget
        widget = widget.nextInFocusChain()
    for tile in tiles:
        QWidget.setTabOrder(last, tile)
        last = tile
