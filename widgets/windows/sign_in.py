"""The panel for signing in and unlocking: part of the first desk window, never over its alarms, never modal.

It is there while nobody is signed in, while the screen is locked, and when who signed in without the hub
must sign in again; Esc puts it away, Ctrl+Shift+L or a click on the name in the top bar brings it back.
A cycle: 1. Enter asks the AccessDesk and empties the secret field at once; 2. the answer comes through the
inbox, in words when it is a no; 3. the Grant that follows hides the panel. Must not: keep a secret, stop
anything of the wall, or take a click or key that was meant for the alarm list.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from backends.domain.access import AccessAnswer
from backends.domain.feeds import LinkState
from backends.domain.people import Operator
from backends.domain.text import fold
from widgets import format as fmt
from widgets.i18n import tr
from widgets.parts import text
from widgets.parts.fields import Button, Field
from widgets.parts.shapes import chip_width, draw_chip, draw_padlock
from widgets.session import Session
from widgets.typography import TypeScale, Weight

SECRET_LIMIT = 1024
ANSWERS = frozenset(
    {
        "refused", "wait", "disabled", "not_here", "no_answer", "no_feeder", "no_offline", "expired_here", "foreign",
        "clock_back", "not_kept", "expired",
    }
)  # fmt: skip


def answer_words(answer: AccessAnswer) -> str:
    """Why it did not work, in the language on screen."""
    if answer.code not in ANSWERS:
        return tr("access.answer.other", code=answer.code[:40])
    if answer.code == "wait":
        # Rounded up: who waits for as long as it says is never told to wait again.
        seconds = math.ceil(max(1.0, answer.retry_s))
        return tr("access.answer.wait", time=fmt.duration(seconds if seconds < 60 else math.ceil(seconds / 60) * 60))
    return tr(f"access.answer.{answer.code}")


def _covered(box: QRect, tiles: Sequence[QRect]) -> int:
    """Pixels of `tiles` behind `box`."""
    return sum(part.width() * part.height() for tile in tiles if not (part := box & tile).isEmpty())


class SignInPanel(QWidget):
    """See the module. `place` is the window's to call; everything else it does by itself."""

    def __init__(self, session: Session, scale: TypeScale, window: QWidget) -> None:
        super().__init__(window)
        self.session, self.scale, self._window = session, scale, window
        self._asked = 0
        self._answer: AccessAnswer | None = None
        self._answered_s = 0.0
        self._put_away = False
        self._avoid: Sequence[QRect] = ()
        self._spare: Callable[[], Sequence[QRect]] = tuple
        self._corner = -1
        self._top = 0
        self._wanted_before = False
        self.person = Field(scale, self)
        self.secret = Field(scale, self, secret=True, limit=SECRET_LIMIT)
        self.enter = Button(scale, self, main=True)
        self.leave = Button(scale, self)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.person.returnPressed.connect(self._next)
        self.person.textEdited.connect(lambda _words: self.update())
        self.secret.returnPressed.connect(self.submit)
        self.enter.clicked.connect(self.submit)
        self.leave.clicked.connect(self._sign_out)
        QWidget.setTabOrder(self.person, self.secret)
        QWidget.setTabOrder(self.secret, self.enter)
        QWidget.setTabOrder(self.enter, self.leave)
        session.city.grantChanged.connect(self._on_grant)
        session.city.healthChanged.connect(self._on_health)
        session.city.accessAnswered.connect(self._on_answer)
        session.look.changed.connect(self._on_look)
        self.hide()
        self._on_look()
        self._on_grant()

    # -- when it is there ------------------------------------------------------------------------------

    @property
    def again(self) -> bool:
        """Who is here signed in without the hub, and the hub is back."""
        grant = self.session.city.grant
        return grant.offline and bool(grant.operator_id) and self.session.city.link.state is LinkState.UP

    @property
    def wanted(self) -> bool:
        grant = self.session.city.grant
        return grant.locked or (grant.sign_in and not grant.operator_id) or self.again

    @property
    def seat(self) -> bool:
        """Locked where the hub seats people: there is no secret to ask for."""
        grant = self.session.city.grant
        return bool(grant.operator_id) and not grant.sign_in

    def call(self) -> None:
        """By key or click: lock who is signed in, else show the panel with the keyboard in it."""
        grant = self.session.city.grant
        if grant.operator_id and not grant.locked:
            self.session.access.lock()
        self._put_away = False
        self._show(focus=True)

    def _on_grant(self) -> None:
        grant = self.session.city.grant
        if not self.wanted:
            self.person.clear()
            self._put_away = self._wanted_before = False
            # An answer that comes after the grant has nothing to say any more.
            self._asked, self._answer = 0, None
            self.enter.setEnabled(True)
        elif grant.operator_id and not self._wanted_before:
            # Ready for the person who is here; another one writes over it.
            self.person.setText(grant.operator_id)
        self._wanted_before = self.wanted
        self.secret.clear()
        # A person who works on, signed in without the hub, keeps the keyboard where it is.
        self._show(focus=not self.again or grant.locked)

    def _on_health(self) -> None:
        if self.wanted != self.isVisible():
            self._on_grant()
        elif self.isVisible():
            self.place()

    def _show(self, *, focus: bool) -> None:
        if not self.wanted or self._put_away:
            had = self.isAncestorOf(self._window.focusWidget()) if self._window.focusWidget() else False
            self.hide()
            if had:
                self._window.setFocus()
            return
        self.place()
        self.show()
        self.raise_()
        self.update()
        if focus:
            (self.enter if self.seat else self.secret if self.person.text() else self.person).setFocus()

    # -- asking ----------------------------------------------------------------------------------------

    def resolved(self) -> tuple[str, Operator | None]:
        """The account that the name field means, and whose it is on the roster.

        One word is an account, and accounts are plain small letters (docs/protocol.md): marks in it are Telex's
        doing and are taken off. Several words are a person's name, looked for on the roster without accents.
        """
        roster: dict[str, Operator] = self.session.city.records("roster")
        typed = self.person.text().strip()
        wanted = fold(typed)
        if " " not in typed:
            return wanted, roster.get(wanted)
        found = [who for who in roster.values() if wanted in (fold(who.name), fold(who.short))]
        return (found[0].id, found[0]) if len(found) == 1 else (typed, None)

    def _next(self) -> None:
        if self.person.text().strip():
            self.secret.setFocus()

    def submit(self) -> None:
        """Ask. The secret leaves the field with the question."""
        if self.seat:
            self._asked = self.session.access.sign_in("", "")
            return
        person, secret = self.resolved()[0], self.secret.text()
        self.secret.clear()
        if not person or not secret:
            (self.secret if person else self.person).setFocus()
            return
        # Before the button goes dead: the keyboard would move on to the next one, which signs out.
        self.secret.setFocus()
        self._asked = self.session.access.sign_in(person, secret)
        self.enter.setEnabled(False)
        self.update()

    def _sign_out(self) -> None:
        self._answer = None
        self.person.clear()
        self.session.access.sign_out()

    def _on_answer(self, answer: object) -> None:
        if isinstance(answer, AccessAnswer) and answer.text == "own_secret":
            self.session.notices.tell_desk(tr("access.set_own"))
        if not isinstance(answer, AccessAnswer) or answer.request != self._asked:
            return
        self._asked = 0
        self.enter.setEnabled(True)
        self._answer, self._answered_s = answer if answer.code else None, self.session.mono.monotonic_s()
        if self.isVisible():
            self.place()
        self.update()
        # Who went to the alarms while it was asked keeps the keyboard there.
        if answer.code and self.isVisible() and not self._elsewhere():
            self.secret.setFocus()

    def _elsewhere(self) -> bool:
        """The keyboard is at a part of the window that is not this panel."""
        where = self._window.focusWidget()
        return where is not None and where is not self._window and not self.isAncestorOf(where)

    def on_second(self) -> None:
        """A delay that runs is counted down."""
        if self.isVisible() and self._answer is not None and self._answer.code == "wait":
            self.place()
            self.update()

    @property
    def _message(self) -> str:
        """What was answered, in the language on screen now."""
        if self._asked:
            return tr("access.asking")
        if self._answer is None or self._answer.code != "wait":
            return answer_words(self._answer) if self._answer else ""
        left_s = self._answer.retry_s - (self.session.mono.monotonic_s() - self._answered_s)
        if left_s <= 0:
            return tr("access.answer.wait_over")
        return answer_words(AccessAnswer(self._answer.request, "wait", left_s))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.secret.clear()
            self._put_away = True
            self._show(focus=False)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.enter.hasFocus():
            self.submit()
        # What is typed here never reaches the shortcuts of the window behind.

    # -- place and paint -------------------------------------------------------------------------------

    def host(self, top: int, avoid: Sequence[QRect], spare: Callable[[], Sequence[QRect]]) -> None:
        """Where the window's bar ends, which tiles must stay in sight (alarm lists), and which should (maps, alarms'
        cameras): asked when the panel comes up, for it does not jump about while somebody types."""
        self._top, self._avoid, self._spare, self._corner = top, avoid, spare, -1
        if self.isVisible():
            self.place()

    def place(self) -> None:
        """Right below the name in the top bar, or in the corner that covers least of what alarms."""
        scale, window = self.scale, self._window
        seat, grant = self.seat, self.session.city.grant
        pad, line, low = scale.pad * 2, scale.line(scale.read), scale.line(scale.floor)
        field = line + scale.pad
        rows = line + low + scale.pad
        if not seat:
            rows += (low + field + scale.pad // 2) * 2 + low
        rows += low + scale.pad + field + low
        width = min(max(scale.read * 22, round(self._widest()) + 2 * pad), window.width() - 2 * pad)
        size = QRect(0, 0, width, rows + 2 * pad)
        gap = scale.pad
        right, bottom = window.width() - width - gap, window.height() - size.height() - gap
        corners = ((right, self._top + gap), (right, bottom), (gap, self._top + gap), (gap, bottom))
        boxes = [QRect(*corner, width, size.height()) for corner in corners]
        # The first of the best: what hides no list of alarms, then what hides least of the map.
        if self._corner < 0 or not self.isVisible():
            spare = self._spare()
            self._corner = min(range(4), key=lambda n: (_covered(boxes[n], self._avoid), _covered(boxes[n], spare)))
        self.setGeometry(boxes[self._corner])
        self._lay_out(pad, line, low, field, seat=seat, leave=grant.sign_in and bool(grant.operator_id))

    def _widest(self) -> float:
        """What must be read whole: title, note, the line at the foot, and the answer."""
        px = self.scale.floor
        title = text.width(self._title(), self.scale.read, Weight.SEMIBOLD) + self.scale.read * 1.5
        return max(title, text.width(self._note(), px), text.width(self._keys(), px), chip_width(self._message, px)) + 1

    def _keys(self) -> str:
        # At a seat that the hub gives nobody can sign in, so there is no taking over.
        return tr("access.keys_locked" if self.session.city.grant.locked and not self.seat else "access.keys")

    def _lay_out(self, pad: int, line: int, low: int, field: int, *, seat: bool, leave: bool) -> None:
        inner, y = self.width() - 2 * pad, pad + line + low + self.scale.pad
        for each in (self.person, self.secret):
            each.setVisible(not seat)
            each.setGeometry(pad, y + low, inner, field)
            y += low + field + self.scale.pad // 2
            if each is self.person:
                y += low
        if seat:
            y = pad + line + low + self.scale.pad
        y += low + self.scale.pad
        half = (inner - self.scale.pad) // 2
        self.enter.setGeometry(pad, y, half if leave else inner, field)
        self.leave.setVisible(leave)
        self.leave.setGeometry(pad + half + self.scale.pad, y, inner - half - self.scale.pad, field)
        self._foot = y + field
        grant = self.session.city.grant
        self.enter.setText(tr("access.unlock" if grant.locked else "access.sign_in"))
        self.leave.setText(tr("access.sign_out"))
        self.enter.setToolTip("")

    _foot = 0

    def _on_look(self) -> None:
        for part in (self.person, self.secret, self.enter, self.leave):
            part.dress(self.session.look.theme)
        self.person.setAccessibleName(tr("access.person"))
        self.secret.setAccessibleName(tr("access.secret"))
        if self.isVisible():
            self.place()
        self.update()

    def _title(self) -> str:
        grant = self.session.city.grant
        if grant.locked:
            return tr("access.title_locked", name=grant.name)
        return tr("access.title_again" if self.again else "access.sign_in")

    def _note(self) -> str:
        grant, link = self.session.city.grant, self.session.city.link
        if self.seat:
            return tr("access.note_seat")
        if link.state is not LinkState.UP:
            return tr("access.note_offline")
        if self.again:
            return tr("access.note_again")
        return tr("access.note_locked" if grant.locked else "access.note_sign_in")

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        try:
            theme, scale = self.session.look.theme, self.scale
            rect = QRectF(self.rect())
            painter.fillRect(rect, theme.raised)
            painter.setPen(theme.muted)
            painter.drawRect(rect.adjusted(0.5, 0.5, -0.5, -0.5))
            pad, line, low = scale.pad * 2, scale.line(scale.read), scale.line(scale.floor)
            row = QRectF(pad, pad, rect.width() - 2 * pad, line)
            if self.session.city.grant.locked:
                box = QRectF(row.left(), row.center().y() - scale.read * 0.5, scale.read, scale.read)
                draw_padlock(painter, box, theme.strong)
                row.setLeft(row.left() + scale.read * 1.4)
            text.draw(painter, row, self._title(), scale.read, theme.strong, Weight.SEMIBOLD)
            below = QRectF(pad, pad + line, rect.width() - 2 * pad, low)
            text.draw(painter, below, self._note(), scale.floor, theme.muted)
            if not self.seat:
                self._paint_labels(painter, low)
            self._paint_message(painter, low)
            foot = QRectF(pad, self._foot + scale.pad * 0.3, rect.width() - 2 * pad, low)
            text.draw(painter, foot, self._keys(), scale.floor, theme.muted)
        finally:
            painter.end()

    def _paint_labels(self, painter: QPainter, low: int) -> None:
        theme, px = self.session.look.theme, self.scale.floor
        for field, key in ((self.person, "access.person"), (self.secret, "access.secret")):
            box = QRectF(field.geometry().left(), field.geometry().top() - low, field.width(), low)
            text.draw(painter, box, tr(key), px, theme.text)
        _, who = self.resolved()
        if who is not None:
            box = QRectF(self.person.geometry().left(), self.person.geometry().bottom() + 1, self.person.width(), low)
            words = f"{who.name} · {tr(f'role.{who.role}')}"
            text.draw(painter, box, words, px, theme.muted)

    def _paint_message(self, painter: QPainter, low: int) -> None:
        if not self._message:
            return
        theme, px = self.session.look.theme, self.scale.floor
        left, width = self.enter.geometry().left(), self.width() - 2 * self.enter.geometry().left()
        box = QRectF(left, self.enter.geometry().top() - low - self.scale.pad / 2, width, low)
        if self._asked:
            text.draw(painter, box, self._message, px, theme.text)
        else:
            box.setWidth(min(chip_width(self._message, px), box.width()))
            draw_chip(painter, box, self._message, px, theme.inverse, theme.inverse_text)
