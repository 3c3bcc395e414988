"""One citizen report and what can be done to it, in place: no dialog, no mouse needed.

A cycle: 1. `open_for` a report (or `take_in` for a new one), the keyboard in the field; 2. typed letters narrow the
list down, Up and Down move in it; 3. Enter does what is marked, or asks first for what must be typed; 4. `done` tells
the tile, which goes on to the next report. Esc goes one step back. What was typed stays when a click could not be kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QHideEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QShowEvent
from PySide6.QtWidgets import QWidget

from backends.domain.action import ActionStatus, Stage, Verb, new_aid, with_pictures
from backends.domain.ports import ActionRefused
from backends.domain.report import Report
from widgets.callers import values_of
from widgets.i18n import tr
from widgets.models.report_choices import CALLER, LOOK, STILL, Choice, choices, narrowed, taking_in, untold
from widgets.models.reports import click_words
from widgets.parts import enters, text
from widgets.parts.alarm_words import why_not
from widgets.parts.fields import Field
from widgets.parts.report_intake import intake_args
from widgets.parts.report_paint import own_words, paint_choices, paint_report
from widgets.parts.report_pictures import PictureRoom, PictureStrip, Shot, shots_of
from widgets.parts.report_still import ReportStill
from widgets.session import Session
from widgets.typography import TypeScale, Weight

if TYPE_CHECKING:
    from widgets.tiles.base import Tile

FEED = "reports"
NEW = "new-"
"""How the target of an intake begins, each another one: the hub gives the number."""
REASON_LIMIT, TITLE_LIMIT = 500, 200
_LEAST_LINES = 8
"""Of reading text, that the tile must have below small pictures: the field, some rows, and the queue's head above."""


class ReportPanel(QWidget):
    """Over the lower part of its tile, which calls `place`, `renew` and `on_look`."""

    done = Signal(str)
    """Id of the report that something was done to; empty: a new one was taken in."""
    closed = Signal()
    placed = Signal()
    """Its height has changed, or it has gone."""
    revealAsked = Signal(str)
    """Id of the report whose reporter is asked for."""

    def __init__(
        self, session: Session, scale: TypeScale, tile: Tile, room: Callable[[], QRect] | None = None
    ) -> None:  # fmt: skip
        """`room`: of the tile's window, where pictures may be enlarged; None: over the tile, which is a window."""
        super().__init__(tile)
        self.session, self.scale, self._tile = session, scale, tile
        self.report: Report | None = None
        """None: a new one is taken in, or nothing is open."""
        self._all: list[Choice] = []
        self.shown: list[Choice] = []
        """What fits what is typed."""
        self.at = 0
        """Which of `shown` is marked; -1: what was marked can no longer be done."""
        self._expected = 0
        """`state_rev` of the report as the person last looked at it: what changed since is said first."""
        self._asking: Choice | None = None
        """The field asks for what this one needs."""
        self._title = ""
        """Of a new report, once it is typed."""
        self._caller = ""
        """Who calls about it, as it was typed."""
        self._person = ""
        """Who sat here when the panel was opened."""
        self._wrong = ""
        self._taken: set[str] = set()
        """New reports that are on their way, by the ids of their clicks."""
        self.field = Field(scale, self, limit=REASON_LIMIT)
        self.field.textEdited.connect(self._typed)
        self.field.installEventFilter(self)
        self._room_for = room or tile.rect
        self.strip = PictureStrip(session, scale, self)
        self.strip.chosen.connect(self._enlarge)
        self.pictures = PictureRoom(session, scale, tile)
        """Over the room; its keys come to the field."""
        self.still = ReportStill(session, self)
        self.still.changed.connect(self.update)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMouseTracking(True)
        self.hide()
        session.city.grantChanged.connect(self.renew)
        session.city.actionChanged.connect(self._on_action)
        self.on_look()

    # -- opening and closing ---------------------------------------------------------------------------

    def open_for(self, report: Report) -> None:
        self._begin(report)

    def take_in(self) -> None:
        """A new report: what it is, then its category. The place is that of the camera on the chosen tile."""
        self._begin(None)

    def _begin(self, report: Report | None) -> None:
        self.report, self._asking, self._title, self._wrong, self.at = report, None, "", "", 0
        self._caller, self._person = "", self.session.city.grant.operator_id
        self._put_away()
        self._look()
        self.session.enters.press()  # what opened it was seldom another key
        self.field.clear()
        self._list()
        self.show()
        self.place()
        self.raise_()
        self.field.setFocus()

    def close_panel(self) -> None:
        had = self.field.hasFocus() or self.hasFocus()
        self.report, self._asking, self._all, self.shown = None, None, [], []
        self._caller = ""
        self._put_away()
        self.field.clear()
        self.hide()
        self.placed.emit()
        if had:
            self.closed.emit()

    def renew(self) -> None:
        """The city has changed: the list is that of the report as it stands now; what is typed and marked stays."""
        if not self.isVisible():
            return
        if self.report is not None:
            self.report = self.session.city.records(FEED).get(self.report.id, self.report)
        marked = self.shown[self.at].identity if 0 <= self.at < len(self.shown) else None
        rows = len(self._all)
        self._list()
        keys = [one.identity for one in self.shown]
        self.at = keys.index(marked) if marked in keys else -1 if marked is not None else self.at
        if self._asking is not None:
            asked = self._asking.identity
            self._asking = next((one for one in self._all if one.identity == asked), self._asking)
        if self.report is not None and self.report.state_rev != self._expected:
            self._wrong = tr("reports.ask.changed")
        if not self.session.city.shows_personal_data:
            self.pictures.end()
        self._guard_caller()
        if self._shots() != self.strip.shots or len(self._all) != rows:
            self.place()
        self.update()

    def _guard_caller(self) -> None:
        """What a caller said is not seen while citizens' words are not, and never by the next person."""
        grant = self.session.city.grant
        if self._person and grant.operator_id and grant.operator_id != self._person:
            if self._asking_caller:
                self._note_caller("")
            self._person, self._caller = grant.operator_id, ""
            self._list()
        hidden = self._asking_caller and not self.session.city.shows_personal_data
        self.field.setEchoMode(Field.EchoMode.NoEcho if hidden else Field.EchoMode.Normal)

    def _look(self) -> None:
        """The person has the report as it stands before him."""
        self._expected = self.report.state_rev if self.report is not None else 0

    def _changed(self) -> bool:
        """It has changed since he looked: he looks again first, and this key or click does nothing else."""
        if self.report is None or self.report.state_rev == self._expected:
            return False
        self._look()
        self._wrong = tr("reports.ask.changed")
        self.update()
        return True

    def on_look(self) -> None:
        self.field.dress(self.session.look.theme)
        self.field.setAccessibleName(self._prompt())
        self.renew()

    # -- the list --------------------------------------------------------------------------------------

    @property
    def _taking_in(self) -> bool:
        return self.report is None

    def _list(self) -> None:
        if self.report is not None:
            self._all = choices(self.session.city, self.report)
        else:
            city = self.session.city
            self._all = taking_in(city, self._caller) if self._title else untold(city, self.session.callers.waiting)
        typed = "" if self._asking is not None or (self._taking_in and not self._title) else self.field.text()
        self.shown = narrowed(self._all, typed)
        self.at = min(self.at, len(self.shown) - 1)

    def _typed(self) -> None:
        self.session.enters.other()
        self._wrong = ""
        if self._asking is None:
            self._look()
        self.at = 0
        self._list()
        self.update()

    def _prompt(self) -> str:
        if self._asking_caller:
            return tr("reports.ask.caller")
        if self._asking is not None:
            return f"{self._asking.words}: {tr(f'reports.ask.{self._asking.ask}')}"
        if self._taking_in and not self._title:
            return tr("reports.ask.title")
        if not self.shown:
            return tr("reports.ask.no_choice")
        return tr("reports.ask.category") if self._taking_in else tr("reports.ask.choice")

    # -- keys and pointer ------------------------------------------------------------------------------

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.field and event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            if self.session.enters.heed(event) or event.key() not in enters.KEYS:
                return self._leaf(event.key()) if self.pictures.isVisible() else self._key(event.key())
            self._wrong = self._wrong or tr("page.look")
            self.update()
            return True
        if watched is self.field and event.type() == QEvent.Type.FocusOut:
            self.pictures.end()
        return super().eventFilter(watched, event)

    def _key(self, key: int) -> bool:
        """True: it was ours."""
        if key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self._wrong = ""
            self._look()
            self._mark(self.at + (1 if key == Qt.Key.Key_Down else -1))
        elif key in enters.KEYS:
            self._enter()
        elif key == Qt.Key.Key_Escape:
            self._back()
        else:
            return False
        return True

    def _leaf(self, key: int) -> bool:
        """A key while pictures are enlarged: nothing else is done by it, and nothing is typed unseen."""
        if key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            self.pictures.step(1 if key == Qt.Key.Key_Right else -1)
        elif key in (Qt.Key.Key_Escape, *enters.KEYS):
            self.pictures.end()
        return True

    def _enlarge(self, shot: Shot | None = None) -> None:
        if self.report is not None:
            self.pictures.open_for(self.report, self._tile.window(), self._room_for(), shot)

    def _put_away(self) -> None:
        """No picture is enlarged, and none is being taken."""
        self.pictures.end()
        self.still.end()

    def showEvent(self, event: QShowEvent) -> None:
        self.place()

    def hideEvent(self, event: QHideEvent) -> None:
        self._put_away()
        self.strip.show_shots(())

    def _mark(self, at: int) -> None:
        self.at = max(0, min(at, len(self.shown) - 1))
        self.update()

    def _back(self) -> None:
        if self._asking_caller:
            self._note_caller(self._caller)
            return
        if self._asking is None and not self._title:
            self.close_panel()
            return
        self._asking, self._title, self._wrong, self.at = None, "", "", 0
        self.field.clear()
        self.still.end()
        self._look()
        self._list()
        self.place()
        self.update()

    def _enter(self) -> None:
        if self._changed():
            return
        typed = self.field.text().strip()
        if self._asking_caller:
            self._note_caller(typed)
            return
        if not typed and self._taking_in and not self._title and 0 <= self.at < len(self.shown):
            self._choose(self.shown[self.at])
            return
        if self._asking is not None or (self._taking_in and not self._title):
            if not typed:
                self._wrong = tr("reports.ask.empty")
                self.update()
            elif self._stilling and not self.still.data:
                self._wrong = self.still.words()
                self.update()
            elif self._asking is not None:
                self._do(self._asking, {**self._asking.args, self._asking.ask: typed})
            else:
                self._title, self.at = typed[:TITLE_LIMIT], 0
                self.field.clear()
                self._list()
                self.place()
                self.update()
            return
        if 0 <= self.at < len(self.shown):
            self._choose(self.shown[self.at])

    @property
    def _asking_caller(self) -> bool:
        return self._asking is not None and CALLER in self._asking.args

    def _note_caller(self, typed: str) -> None:
        """Back to the categories. What was typed stays here alone."""
        self._caller, self._asking, self._wrong, self.at = typed, None, "", 0
        self.field.clear()
        self._list()
        self.place()
        self.update()

    def _choose(self, choice: Choice) -> None:
        if choice.refused:
            self.session.notices.post(why_not(self.session.city, choice.refused))
        elif choice.args.get(CALLER):
            self.session.callers.again(choice.args[CALLER])
        elif LOOK in choice.args:
            self._enlarge()
        elif choice.verb is None and self.report is not None:
            report_id = self.report.id
            self.close_panel()
            self.revealAsked.emit(report_id)
        elif choice.ask:
            self._asking, self._wrong = choice, ""
            self.field.setText(choice.typed)
            camera = self.session.city.camera(choice.args.get(STILL, ""))
            if camera is not None:
                self.still.begin(camera)
            self.place()
            self.update()
        else:
            self._do(choice, choice.args)

    def _do(self, choice: Choice, args: dict[str, str]) -> None:
        assert choice.verb is not None
        report, caller = self.report, dict[str, str]()
        if choice.verb is Verb.INTAKE:
            caller = values_of(self._caller)
            args = intake_args(self.session, args, self._title, called=bool(caller))
        pictures = (self.still.data,) if STILL in args else ()
        args = with_pictures({name: value for name, value in args.items() if name != STILL}, pictures)
        target, expected = (report.id, self._expected) if report is not None else (NEW + new_aid(), 0)
        try:
            aid = self.session.actions.submit(choice.verb, FEED, target, expected, args, pictures)
        except ActionRefused as refusal:
            self.session.notices.post(why_not(self.session.city, refusal.code))
            return
        if choice.verb is Verb.INTAKE:
            self._taken.add(aid)
            if caller:
                self.session.callers.hold(aid, self._title, caller)
        self.close_panel()
        self.done.emit(report.id if report is not None else "")

    def _on_action(self, status: ActionStatus) -> None:
        """A new report has no row yet on which its fate could be read."""
        if status.action.aid not in self._taken or not status.stage.final:
            return
        self._taken.discard(status.action.aid)
        if status.stage in (Stage.APPLIED, Stage.DUPLICATE):
            self.session.notices.tell_desk(tr("reports.taken_in", id=status.text, title=status.action.args["title"]))
        else:
            words = tr("reports.not_taken_in", title=status.action.args["title"], why=click_words(status))
            self.session.notices.post(words)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        at = self._at(event.position().y())
        if at is not None and event.button() == Qt.MouseButton.LeftButton and not self._changed():
            self._mark(at)
            self._choose(self.shown[at])

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        at = self._at(event.position().y())
        if at is not None:
            self._mark(at)

    def _at(self, y: float) -> int | None:
        if self._asking is not None:
            return None  # no rows are shown
        first, line = self._first_row(), self.scale.line(self.scale.read)
        row = int((y - self._rows_top()) // line) + first
        return row if y >= self._rows_top() and first <= row < min(len(self.shown), first + self._room()) else None

    # -- place and paint -------------------------------------------------------------------------------

    def place(self) -> None:
        """As high as it needs, at most the whole tile below its header."""
        scale, tile = self.scale, self._tile
        rows = self._still_height() + scale.line(scale.read) * (min(len(self._all), 9) if self._asking is None else 0)
        room, height = tile.height() - tile.header_height, self._rows_top() + rows + scale.pad
        height = room if room - height < 2 * scale.line(scale.read) else height  # no stump of a row is left above it
        self.setGeometry(0, tile.height() - height, tile.width(), height)
        top = self._field_top()
        self.field.setGeometry(scale.pad, top, self.width() - 2 * scale.pad, scale.line(scale.read) + scale.pad)
        self.field.setAccessibleName(self._prompt())
        high, width = self._strip_height(), self.width() - 2 * scale.pad
        self.strip.setGeometry(scale.pad, top - scale.line(scale.floor) - high, width, high)
        self.strip.show_shots(self._shots())
        self.placed.emit()

    def _own_words(self) -> list[str]:
        """What the citizen wrote, what was done, and what the citizen says to that: lines."""
        if self.report is None or not self.session.city.shows_personal_data:
            return []
        return own_words(self.report, max(1.0, self._tile.width() - 2 * self.scale.pad), self.scale)

    def _field_top(self) -> int:
        return self._below_words() + self._strip_height() + self.scale.line(self.scale.floor)

    def _below_words(self) -> int:
        """Where what is said of the report ends."""
        scale = self.scale
        low = scale.line(scale.floor)
        return scale.pad + (
            scale.line(scale.read) + low * (2 + len(self._own_words())) if self.report is not None else 0
        )

    def _shots(self) -> tuple[Shot, ...]:
        """Its pictures that are seen in the strip: none where it would leave no room for what can be done."""
        if self.report is None or self._stilling or not self.session.city.shows_personal_data:
            return ()
        line = self.scale.line(self.scale.read)
        least = self._below_words() + PictureStrip.height_for(self.scale) + _LEAST_LINES * line
        return shots_of(self.report) if self._tile.height() >= least else ()

    def _strip_height(self) -> int:
        return PictureStrip.height_for(self.scale) if self._shots() else 0

    @property
    def _stilling(self) -> bool:
        """A picture of a camera goes with what is asked for."""
        return self._asking is not None and STILL in self._asking.args

    def _still_height(self) -> int:
        return PictureStrip.height_for(self.scale) if self._stilling else 0

    def _rows_top(self) -> int:
        return self._field_top() + self.scale.line(self.scale.read) + 2 * self.scale.pad

    def _room(self) -> int:
        """Rows that the list has room for."""
        return max(0, (self.height() - self._rows_top()) // self.scale.line(self.scale.read))

    def _first_row(self) -> int:
        return max(0, self.at - self._room() + 1)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        try:
            theme, scale = self.session.look.theme, self.scale
            rect = QRectF(self.rect())
            painter.fillRect(rect, theme.raised)
            painter.fillRect(QRectF(0, 0, rect.width(), 1), theme.muted)
            inner = QRectF(scale.pad, scale.pad, rect.width() - 2 * scale.pad, scale.line(scale.read))
            if self.report is not None:
                now_ns = self.session.clock.now_ns()
                paint_report(painter, inner, self.report, self._own_words(), now_ns, scale, theme)
            low = scale.line(scale.floor)
            prompt = QRectF(inner.left(), self._field_top() - low, inner.width(), low)
            ink = theme.strong if self._wrong else theme.text
            words = f"{self._prompt()} · {self._wrong}" if self._wrong else self._prompt()
            text.draw(painter, prompt, words, scale.floor, ink, Weight.SEMIBOLD if self._wrong else Weight.REGULAR)
            if self._asking is None and (self.report is not None or self._title or self.shown):
                self._paint_rows(painter, inner)
            elif self._stilling:
                self.still.paint(
                    painter, QRectF(inner.left(), self._rows_top(), inner.width(), self._still_height()), scale
                )
        finally:
            painter.end()

    def _paint_rows(self, painter: QPainter, inner: QRectF) -> None:
        theme, scale = self.session.look.theme, self.scale
        line = scale.line(scale.read)
        row = QRectF(inner.left(), self._rows_top(), inner.width(), line)
        if not self.shown:
            text.draw(painter, row, tr("reports.ask.none"), scale.read, theme.muted)
            return
        first = self._first_row()
        seen = self.shown[first : first + self._room()]
        paint_choices(painter, row, seen, self.at - first if self.at >= 0 else -1, scale, theme)
