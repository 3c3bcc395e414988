"""Locks the screen when nobody has touched keyboard or mouse for as long as the site says.

Listens at the windows' own handles, which see input and little else: a filter for every event of the
program would cost more than the pictures. Only people who signed in themselves are locked out; a seat that
the hub gives has no secret to come back with. Must not: touch alarms or sound.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QWindow

from widgets.pump import Pump
from widgets.session import Session

_INPUT = frozenset(
    {
        QEvent.Type.KeyPress,
        QEvent.Type.MouseButtonPress,
        QEvent.Type.MouseMove,
        QEvent.Type.Wheel,
        QEvent.Type.TouchBegin,
        QEvent.Type.TouchUpdate,
        QEvent.Type.TabletPress,
    }
)


class IdleLock(QObject):
    """`after_min` minutes; 0 = never. GUI thread only."""

    def __init__(self, session: Session, pump: Pump, after_min: float) -> None:
        super().__init__()
        self._session, self._after_s = session, after_min * 60.0
        self._touched_s = session.mono.monotonic_s()
        session.city.grantChanged.connect(self.touched)
        pump.secondPassed.connect(self._judge)

    def watch(self, window: QWindow | None) -> None:
        """Input of this window counts. Twice does no harm."""
        if window is not None and self._after_s > 0:
            window.installEventFilter(self)

    def touched(self) -> None:
        self._touched_s = self._session.mono.monotonic_s()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in _INPUT:
            self.touched()
        return False

    def _judge(self) -> None:
        grant = self._session.city.grant
        if not self._after_s or not grant.operator_id or not grant.sign_in or grant.locked:
            return
        if self._session.mono.monotonic_s() - self._touched_s >= self._after_s:
            self._session.access.lock()
