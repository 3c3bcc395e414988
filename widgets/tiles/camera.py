"""One camera: the picture fills the tile, and anything that is wrong with it is said on it.

Never shows an old picture as live: what is drawn over it follows the age of the last new frame, read
from shared memory at every pass, not from a message that could be missing. A tile with `slot = "alarm"`
shows the camera of the gravest alarm, or the one that stands in for it; no other tile ever changes by
itself.
"""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QFocusEvent,
    QHideEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QShowEvent,
    QWheelEvent,
)

from backends.domain.camera import Camera, Demand, PictureState, PictureStatus, as_meant
from backends.domain.moment import Moment
from backends.domain.place import masks_of
from backends.domain.stream_choice import Act, View, Why, Wish
from backends.domain.times import NS_PER_S
from layouts.options import CameraOptions
from widgets.hands import Ask
from widgets.i18n import tr
from widgets.parts import camera_zoom as zoom
from widgets.parts.camera_details import Line, detail_lines, stream_words
from widgets.parts.camera_drag import PLACE
from widgets.parts.camera_flags import flags_said
from widgets.parts.camera_marks import Marks
from widgets.parts.camera_menu import open_menu
from widgets.parts.camera_mouse import CameraMouse
from widgets.parts.camera_overlay import BAD, CameraOverlay, Said
from widgets.parts.camera_picture import CameraPicture
from widgets.parts.camera_tour import CameraTour
from widgets.parts.camera_turn import TurnControl
from widgets.parts.past import BEFORE_ALARM_S, PastControl
from widgets.parts.replay import ReplayControl, ReplaySeen
from widgets.parts.shapes import draw_hatch
from widgets.parts.stand_in import Shown, choose
from widgets.parts.tour_presets import TourPresets
from widgets.session import Session
from widgets.tiles.base import Tile, TileSpec
from widgets.typography import TypeScale

_STATUS_EVERY = 5
"""Passes between looks at the status: 10 Hz at 50 passes a second."""
_MOMENT_S = 5.0
_GRAVEST = (Act.RATE, Act.MAIN_STREAM, Act.NON_REFERENCE, Act.LOOP_FILTER)
"""Of what may be left out: one of them is said."""


class CameraTile(Tile):
    """See the module."""

    feeds = ("cameras", "alarms", "config", "local")
    has_header = False

    def __init__(self, session: Session, scale: TypeScale, options: Any) -> None:
        super().__init__(session, scale, options)
        self._called = ""
        self._neighbours: frozenset[str] = frozenset()
        self._shown = Shown("", None)
        self._of = ""
        """The camera that is painted, or was kept."""
        self.picture = CameraPicture(self, session.pictures, session.mono, self._on_sight)
        self._past = PastControl(session, session.pictures)
        self._replay = ReplayControl(session.pictures, session.mono, self._past, session.clock)
        self._moment: tuple[Moment, float] | None = None
        """Its clip is shown as soon as its camera is, until this time (monotonic)."""
        self._old: ReplaySeen | None = None
        """What is said of an old picture, as far as it has been painted."""
        self._passes = 0
        self._status = PictureStatus(PictureState.CONNECTING)
        self._left_out: Act | None = None
        self._overlay = CameraOverlay(session, scale)
        self.place = ""
        """Its name for what is put on it by hand (`widgets.hands`)."""
        self.number = ""
        """As it is typed: "3"."""
        self.details = False
        self.maximised = False
        """Set by its window."""
        self._lines: tuple[Line, ...] = ()
        self._mouse = CameraMouse(self)
        self.turn = TurnControl(self)
        self._tour = CameraTour(options.stops, options.dwell_s, session.demands) if options.tour else None
        self._presets = TourPresets(self, self._tour) if self._tour is not None else None
        # A wall has no keyboard of its own: its tiles are chosen by the pointer, or by number from a desk.
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus if scale.wall else Qt.FocusPolicy.StrongFocus)
        session.hands.placed.connect(self._on_placed)
        session.hands.wished.connect(self._on_placed)
        session.hands.chosen.connect(self._on_chosen)
        session.hands.marked.connect(self.update)
        session.city.accessAnswered.connect(self._on_answer)
        if options.slot:
            session.calls.cameraCalled.connect(self._on_called)
            session.calls.momentCalled.connect(self._on_moment)
        self.refresh()

    # -- which camera ----------------------------------------------------------------------------------

    def refresh(self) -> None:
        called = self._called if self.options.slot else self.session.hands.camera(self.place) or self._on_tour()
        self._shown = choose(self.session.city, self.options, called, self._neighbours)
        self._update_view()
        self._overlay.forget()
        self._send_tour()
        super().refresh()

    def _on_tour(self) -> str:
        """Id of the camera whose turn it is; empty without a tour."""
        camera = self.session.city.camera_by_number(self._tour.number) if self._tour is not None else None
        return camera.id if camera is not None else ""

    def _step_tour(self) -> None:
        if self._tour is None or not self.isVisible():
            return
        alarm, hands = self._shown.alarm, self.session.hands
        held = self.maximised or self.picture.seen != zoom.WHOLE or bool(hands.camera(self.place))
        held = held or self.turn.active or self._replay.active or (alarm is not None and alarm.unacknowledged)
        if self._tour.step(self.now_ns(), self._view_of, hold=held):
            self.refresh()
            self._tour.shown()
        self._send_tour()

    def _send_tour(self) -> None:
        if self._presets is not None:
            showing = self.isVisible() and not self._replay.active and not self.session.hands.camera(self.place)
            self._presets.look(showing)

    def _view_of(self, number: str) -> View | None:
        camera = self.session.city.camera_by_number(number)
        if camera is None or not camera.enabled:
            return None
        ratio = self.devicePixelRatioF()
        return View(camera.id, round(self.width() * ratio), round(self.height() * ratio))

    def set_neighbours(self, numbers: frozenset[str]) -> None:
        """Camera numbers that the window's other tiles show."""
        if numbers != self._neighbours:
            self._neighbours = numbers
            self.refresh()

    def _on_called(self, camera_id: str) -> None:
        self._called = camera_id
        self.refresh()

    def _on_moment(self, moment: Moment) -> None:
        self._moment = moment, self.session.mono.monotonic_s() + _MOMENT_S
        self.on_demand(self._replay.live)

    def set_place(self, place: str, number: str) -> None:
        """What it is called in the layout that is in force, and its number in the window."""
        # With the layout's own camera: the same name in another plan of the layout is another place.
        name = f"{place}:{self.options.camera or ' '.join(stop.camera for stop in self.options.stops)}"
        if (name, number) != (self.place, self.number):
            self.place, self.number = name, number
            self.setProperty(PLACE, name)
            self.refresh()

    def _on_placed(self, place: str) -> None:
        if place in ("", self.place):
            self.refresh()

    def _on_chosen(self, before: str, now: str) -> None:
        if self.place in (before, now):
            self.update()

    @property
    def shown_uri(self) -> str:
        """Address of the stream that it shows; empty while it shows none."""
        return self.picture.demand.uri if self.picture.demand is not None else ""

    @property
    def replay(self) -> ReplaySeen | None:
        """What is said of the old picture that it shows; None: it shows what is live."""
        return self._replay.seen()

    @property
    def camera(self) -> Camera | None:
        return self.session.city.camera(self._shown.camera_id)

    @property
    def wish(self) -> Wish:
        """The stream that a person chose for the camera that is on it."""
        return self.session.hands.wish(self.place, self._of)

    @property
    def alarmed(self) -> bool:
        """An alarm is seen on it."""
        return self._shown.alarm is not None

    def _update_view(self) -> None:
        """Say what can be seen of which camera; `on_demand` brings what is painted."""
        camera = self.camera
        camera_id = camera.id if camera is not None else ""
        if camera_id != self._of:
            # The picture of one camera is never seen under the name of another.
            self._of, self._left_out, self._lines = camera_id, None, ()
            if camera_id:
                self.session.hands.end_wish(self.place, camera_id)
            self._status = PictureStatus(PictureState.CONNECTING)
            self._end_replay()
            self.turn.end()
            self.picture.start_anew()
        self.picture.masks = masks_of(self.session.city.records("config").values(), camera_id)
        view = None
        if camera is not None and self.isVisible() and not self._dead_by_hub(camera):
            ratio = self.devicePixelRatioF()
            size = round(self.width() * ratio), round(self.height() * ratio)
            view = View(camera.id, *size, self.picture.asked, self.wish)
        else:
            self.on_demand(None)
        self.session.demands.set(self, view)

    def on_demand(self, demand: Demand | None) -> None:
        """The desk of streams says what is painted. While a stream is switched that is the old one."""
        self._replay.set_live(demand)
        moment, until_s = self._moment or (None, 0.0)
        if moment is not None and demand is not None and demand.camera_id == moment.camera_id:
            self._moment = None
            if self.session.mono.monotonic_s() < until_s:
                self._replay.start_moment(moment)
        self._follow_replay()

    def _follow_replay(self) -> None:
        """Paint what is shown again, else what is live: that goes on being decoded meanwhile."""
        old = self._replay.demand()
        if self._replay.active:
            self.turn.end()  # its keys would turn what is not seen
        self.session.demands.set_replay(self, old)
        if self.picture.show_none() if self._replay.blank else self.picture.set_demand(old or self._replay.live):
            self.update()

    def look_back(self, t_ns: int) -> str:
        """Show what the recorder kept of its camera then (UTC). Returns why not, in words; empty: it is on its way."""
        why = self.looks_back
        if not why:
            self._replay.start_past(t_ns)
            self._follow_replay()
            self.update()
        return why

    @property
    def looks_back(self) -> str:
        """Why no past time of its camera can be shown to this person; empty: it can."""
        if self.camera is None or self._replay.live is None:
            return tr("camera_hand.no_picture")
        return self._past.refusal(self.camera.recorder)

    @property
    def before_alarm_ns(self) -> int:
        """Half a minute before the alarm that is seen on it was raised; 0: there is none."""
        alarm = self._shown.alarm
        return alarm.t_raised_ns - BEFORE_ALARM_S * NS_PER_S if alarm is not None else 0

    def _on_answer(self, answer: object) -> None:
        self._past.answered(answer)
        self._follow_replay()
        self.update()

    def _end_replay(self) -> None:
        self._replay.set_live(None)
        self.session.demands.set_replay(self, None)

    def _on_sight(self, settled: bool) -> None:
        """Another part of the picture is looked at."""
        if settled:
            self._update_view()
        self.update()

    @staticmethod
    def _dead_by_hub(camera: Camera) -> bool:
        """A drawn scene cannot fail by itself, so there the hub's word decides; elsewhere the picture does."""
        return not camera.online and any(s.uri.startswith("scene:") for s in camera.streams)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._update_view()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.session.demands.set(self, None)
        self._status = PictureStatus(PictureState.CONNECTING)
        self._end_replay()
        self.turn.end()
        self.picture.let_go()
        if self._tour is not None:
            self._tour.shown()
        self._send_tour()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._update_view()
        self._overlay.forget()

    # -- clocks ----------------------------------------------------------------------------------------

    def on_picture_pass(self) -> None:
        self.turn.look()
        if not self.isVisible() or (self.picture.demand is None and not self._replay.blank):
            return
        self._passes += 1
        if self._passes % _STATUS_EVERY == 0:
            self._look_at_status()
        if self.picture.demand is None:
            return
        sequence = self.session.pictures.sequence(self.picture.demand)
        if sequence != self.picture.sequence:
            self.update()

    def _look_at_status(self) -> None:
        old_status = self._replay.look()
        self._follow_replay()
        camera = self.camera
        if self.picture.demand is None or camera is None:
            if old_status is not None and (old := self._replay.seen()) != self._old:
                self._old, self._status = old, old_status
                self.update()
            return
        status = as_meant(camera, old_status or self.session.pictures.status(self.picture.demand))
        if status.state is PictureState.CONNECTING and self.picture.bridging:
            return  # the stream goes on, only its part is new
        old = self._replay.seen()
        if old != self._old or status.raised != self._status.raised:
            self._old = old
            self.update()
        if (status.state, int(status.age_s)) != (self._status.state, int(self._status.age_s)) and (
            status.state is not PictureState.LIVE or self._status.state is not PictureState.LIVE
        ):
            self.update()
        self._status = status
        left_out = self._look_at_left_out(self.picture.demand.camera_id)
        if left_out is not self._left_out:
            self._left_out = left_out
            self.update()

    def _look_at_left_out(self, camera_id: str) -> Act | None:
        """The gravest of what is left out of its picture."""
        streams = self.session.streams
        use = streams.use(camera_id)
        acts = {*streams.left_out(camera_id)} | (
            {Act.MAIN_STREAM} if use is not None and use.why is Why.LOAD else set()
        )
        return next((act for act in _GRAVEST if act in acts), None)

    def on_second(self) -> None:
        camera = self.camera
        if camera is not None and self._dead_by_hub(camera):
            self.update()
        if self._status.raised:
            self.update()
        self._step_tour()
        self._look_at_details()

    def _look_at_details(self) -> None:
        lines: tuple[Line, ...] = ()
        camera, demand = self.camera, self.picture.demand
        if self.details and camera is not None and demand is not None:
            pictures, use = self.session.pictures, self.session.streams.use(camera.id)
            painted = self.picture.rate.per_second(self.session.mono.monotonic_s())
            size, held_s = pictures.source_size(demand), self._replay.held_s()
            chosen = stream_words(use, self.wish, self.session.streams.wish(camera.id))
            lines = detail_lines(use, pictures.status(demand), painted, size, held_s, chosen)
        if lines != self._lines:
            self._lines = lines
            self.update()

    def on_blink(self, bright: bool) -> None:
        """Nothing blinks on a picture: the flag's symbol is steady, the list's blinks."""

    def status(self) -> PictureStatus:
        """What the tile says about its picture."""
        camera = self.camera
        if camera is None:
            return PictureStatus(PictureState.NO_SOURCE)
        if not camera.enabled:
            return PictureStatus(PictureState.DISABLED)
        if not (camera.streams or camera.restream):
            return PictureStatus(PictureState.NO_SOURCE)
        if self._dead_by_hub(camera):
            age_s = max(0.0, (self.now_ns() - camera.t_state_ns) / 1e9) if camera.t_state_ns else 0.0
            return PictureStatus(PictureState.LOST, age_s=age_s)
        return self._status

    # -- painting --------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        try:
            status = self.status()
            bad = status.state in BAD
            self._paint_picture(painter, dark=bad and not self._idle)
            flags = flags_said(status, self.session.mono.monotonic_s())
            own = self.options.camera or (self._tour.number if self._tour else "")
            left_out, marks = self._left_out, self._marks()
            old, nothing = self._replay.seen(), self._replay.nothing
            said = Said(self._shown, self.camera, status, own, self._idle, left_out, flags, marks, old, nothing)
            self._overlay.paint(painter, self, said)
        finally:
            painter.end()

    @property
    def _idle(self) -> bool:
        """A place kept for alarms that has none and no camera of its own: that is calm, not a fault."""
        return bool(self.options.slot) and not self._shown.camera_id and not self._shown.number

    def _marks(self) -> Marks:
        hands, own = self.session.hands, self.place
        over = bool(own) and hands.over == own
        not_there = self._presets.words(self._shown.camera_id) if self._presets is not None else ""
        return Marks(
            chosen=bool(own) and hands.place == own,
            focused=self.hasFocus(),
            number=self.number if hands.numbers else "",
            by_hand=self.by_hand,
            tour=self._tour.words if self._tour is not None and not self.by_hand else "",
            zoom=round(zoom.factor(self.picture.seen), 1),
            target=over,
            refuses=over and bool(self.options.slot),
            details=self._lines,
            turn=self.turn.words,
            trouble=self.turn.trouble or not_there,
        )

    @property
    def by_hand(self) -> bool:
        """It shows a camera that a person put here."""
        put = "" if self.options.slot else self.session.hands.camera(self.place)
        return bool(put) and put == self._shown.camera_id and self._shown.number != self.options.camera

    def _paint_picture(self, painter: QPainter, *, dark: bool) -> None:
        rect = self.rect()
        self.picture.paint(painter, rect, self.camera)
        if dark:
            painter.fillRect(rect, QColor(8, 9, 11, 205))
            draw_hatch(painter, QRectF(rect), QColor(255, 255, 255, 16), self.scale.read * 1.5)

    # -- hands -----------------------------------------------------------------------------------------

    def act(self, act: Ask) -> bool:
        """What the tile can do by itself; False: not this, or not now."""
        if self.turn.act(act):
            return True
        if self._replay.act(act):
            self._follow_replay()
            self.update()
            return True
        if act is not Ask.DETAILS:
            return self.picture.act(act)
        self.details = not self.details
        self._look_at_details()
        return True

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.session.hands.choose(self.place)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.turn.let_go()
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.session.hands.choose(self.place)
        self._mouse.press(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._mouse.move(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._mouse.release(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton:
            self.session.hands.ask(self.place, Ask.MAXIMISE)

    def wheelEvent(self, event: QWheelEvent) -> None:
        self._mouse.wheel(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        self.session.hands.choose(self.place)
        open_menu(self, event.globalPos())


SPEC = TileSpec(kind="camera", options=CameraOptions, widget=CameraTile)
