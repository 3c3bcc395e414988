"""What is said of a step of a procedure, and who tells that a tick came to nothing. Words in the language on screen."""

from __future__ import annotations

from PySide6.QtCore import QObject

from backends.domain.action import ActionStatus, Stage, Verb
from backends.domain.alarm import Alarm
from backends.domain.procedure import Procedure, Step, mark_of, procedure_of
from backends.domain.step_mark import StepState
from backends.domain.times import NS_PER_S
from widgets import format as fmt
from widgets.i18n import local, tr
from widgets.parts.alarm_words import pending_words
from widgets.session import Session


def step_words(
    alarm: Alarm, step: Step, click: ActionStatus | None, now_ns: int, *, standing: bool
) -> tuple[str, bool]:
    """How it stands, and whether that wants attention. `click`: the latest on it that has not taken effect.
    `standing`: the alarm is still in the list, so that time runs."""
    failed = ""
    if click is not None:
        if not click.stage.final:
            return pending_words(click), False
        failed = click_words(click)
    words, strong = _stands(alarm, step, now_ns, standing=standing)
    return " · ".join(part for part in (failed, words) if part), strong or bool(failed)


def _stands(alarm: Alarm, step: Step, now_ns: int, *, standing: bool) -> tuple[str, bool]:
    mark = mark_of(alarm, step.id)
    if mark is not None and mark.state is not StepState.NOT_DONE:
        words = tr(f"procedures.{mark.state.value}", who=mark.by, at=fmt.event_minutes(mark.t_ns, now_ns))
        # Raised again, or graver since then: whoever reads must judge whether that is still enough.
        earlier = mark.t_ns < alarm.t_raised_ns
        parts = (tr("procedures.earlier") if earlier else "", words, mark.reason)
        return " · ".join(part for part in parts if part), earlier
    taken_back = tr("procedures.not_done", who=mark.by, at=fmt.event_minutes(mark.t_ns, now_ns)) if mark else ""
    due_ns = step.due_ns(alarm.t_raised_ns) if standing else 0
    if not due_ns:
        return taken_back, False
    left_s = (due_ns - now_ns) / NS_PER_S
    key = "procedures.overdue" if left_s < 0 else "procedures.left"
    due = tr(key, time=fmt.duration(abs(left_s)))
    return " · ".join(part for part in (due, taken_back) if part), left_s < 0


def click_words(status: ActionStatus) -> str:
    """Why a click on a step came to nothing."""
    if status.stage is not Stage.CONFLICT:
        return pending_words(status)
    if status.code == "gone":
        return tr("alarms.ended_why")
    if status.code == "no_such_step":
        return tr("procedures.other_steps")
    return tr("procedures.first", who=status.text) if status.text else tr("alarms.conflict_changed")


def number_of(procedure: Procedure, step_id: str) -> int:
    """As people call it, from 1; 0: it is not there. The same for every alarm, whichever steps apply."""
    return next((n for n, step in enumerate(procedure.steps, start=1) if step.id == step_id), 0)


class StepTeller(QObject):
    """Says it where a tick came to nothing: its page may be closed by then. One a wall."""

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        session.city.actionChanged.connect(self._on_action)

    def _on_action(self, status: ActionStatus) -> None:
        action = status.action
        if action.verb is not Verb.STEP or not status.stage.final or status.stage in (Stage.APPLIED, Stage.DUPLICATE):
            return
        alarm = self._session.city.alarm(action.target)
        procedure = (
            procedure_of(self._session.city.records("config"), alarm.procedure_id) if alarm is not None else None
        )
        n = number_of(procedure, action.args.get("step", "")) if procedure is not None else 0
        name = local(alarm.name) if alarm is not None else ""
        step = tr("procedures.step", n=n) if n else ""
        words = (tr("procedures.unrecorded"), name, step, click_words(status))
        self._session.notices.tell_desk(" · ".join(part for part in words if part))
