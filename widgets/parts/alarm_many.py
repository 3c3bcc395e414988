"""One act on many alarms: each its own action, their outcome one sentence. Must not: choose the alarms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from PySide6.QtCore import QObject

from backends.domain.action import ActionStatus, Stage, Verb
from backends.domain.ports import ActionRefused
from widgets.i18n import tr
from widgets.models.alarms import AlarmRow
from widgets.parts.alarm_words import why_not
from widgets.session import Session

PATIENCE_S = 3
"""Seconds after which it is said that clicks still wait."""
_NAMES = 3
"""So many colleagues are named."""
_DONE = {
    Verb.ACKNOWLEDGE: "alarms.many_acknowledged",
    Verb.COMMENT: "alarms.many_noted",
    Verb.SHELVE: "alarms.many_shelved",
    Verb.UNSHELVE: "alarms.many_unshelved",
    Verb.CLAIM: "alarms.many_claimed",
    Verb.RELEASE: "alarms.many_released",
    Verb.OUT_OF_SERVICE: "alarms.many_out",
    Verb.IN_SERVICE: "alarms.many_in_service",
}
_FIRST = frozenset(
    {"already_acknowledged", "already_claimed", "already_shelved", "already_out_of_service", "not_claimed", "gone"}
)
"""Conflicts in which somebody else, or its end, was first: nothing is left to do."""


class _Batch:
    """What one act has sent, and what came of it."""

    def __init__(self, verb: Verb, unseen: int) -> None:
        self.verb, self.unseen = verb, unseen
        self.waiting: set[str] = set()
        self.results: Counter[str] = Counter()
        self.names: dict[str, None] = {}
        self.age_s = 0
        self.said_waiting = False


class ManyActs(QObject):
    """Of one list; its tile calls `on_second`."""

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._batches: list[_Batch] = []
        session.city.actionChanged.connect(self._on_action)

    def do(self, verb: Verb, rows: Iterable[AlarmRow], args: dict[str, str] | None = None, unseen: int = 0) -> bool:
        """Send one action for each of `rows`, with the state that it shows; `unseen`: how many more were chosen and
        left out. A refusal here ends it and is said at once: False."""
        batch = _Batch(verb, unseen)
        self._batches.append(batch)
        for row in rows:
            rev = 0 if verb is Verb.COMMENT else row.alarm.state_rev
            try:
                batch.waiting.add(self._session.actions.submit(verb, row.feed, row.alarm.id, rev, args))
            except ActionRefused as refusal:
                self._session.notices.post(why_not(self._session.city, refusal.code))
                self._end_if_done(batch)
                return False
        self._end_if_done(batch)
        return True

    def on_second(self) -> None:
        """Clicks that wait for the link are told once."""
        for batch in self._batches:
            batch.age_s += 1
            if batch.age_s >= PATIENCE_S and not batch.said_waiting:
                batch.said_waiting = True
                self._session.notices.post(tr("alarms.many_waiting", n=len(batch.waiting)))

    def _on_action(self, status: ActionStatus) -> None:
        batch = next((b for b in self._batches if status.action.aid in b.waiting), None)
        if batch is None or not (status.stage.final or status.stage is Stage.EXPIRED):
            return
        batch.waiting.discard(status.action.aid)
        result = _result(status)
        batch.results[result] += 1
        if result == "many_first" and status.text:
            batch.names[status.text] = None
        self._end_if_done(batch)

    def _end_if_done(self, batch: _Batch) -> None:
        if batch.waiting:
            return
        self._batches.remove(batch)
        if words := _outcome(batch):
            self._session.notices.post(words)


def _result(status: ActionStatus) -> str:
    """The key of its words."""
    match status.stage:
        case Stage.APPLIED | Stage.DUPLICATE:
            return "done"
        case Stage.CONFLICT:
            return "many_first" if status.code in _FIRST else "many_changed"
        case Stage.EXPIRED:
            return "many_expired"
        case _:
            return "many_refused"


def _outcome(batch: _Batch) -> str:
    """ "12 đã xác nhận · 2 có người làm trước (Thu Hà)"; the best first."""
    parts = []
    for result in ("done", "many_first", "many_changed", "many_expired", "many_refused"):
        n = batch.results[result]
        if not n:
            continue
        words = tr(_DONE[batch.verb] if result == "done" else f"alarms.{result}", n=n)
        if result == "many_first" and batch.names:
            names = list(batch.names)
            words += f" ({', '.join(names[:_NAMES])}{', …' if len(names) > _NAMES else ''})"
        parts.append(words)
    if batch.unseen:
        parts.append(tr("alarms.many_unseen", n=batch.unseen))
    return " · ".join(parts)
