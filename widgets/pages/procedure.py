"""The procedure of an alarm: what is to be done, by when, what has been done by whom; and whom to call.

Opened for an alarm, for a procedure by itself (only to be read), or for nothing: then it lists all of them. Enter ticks
a step and goes to the next; what others tick is seen at once. Only Shift+Enter takes back: an Enter never undoes what
somebody else has just done. Must not: decide; the hub does, step by step.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QRect
from PySide6.QtWidgets import QWidget

from backends.domain.action import ActionStatus, Verb
from backends.domain.alarm import Alarm
from backends.domain.incident import TimelineEvent
from backends.domain.people import Operator
from backends.domain.ports import ActionRefused
from backends.domain.procedure import (
    PHONE_PREFIX,
    PROCEDURE_PREFIX,
    Phone,
    Procedure,
    Step,
    procedure_of,
    progress,
    settled,
    step_rev,
)
from backends.domain.step_mark import StepState
from backends.domain.times import NS_PER_S
from widgets import format as fmt
from widgets.i18n import local, tr
from widgets.pages import PageSpec
from widgets.parts.alarm_words import why_not
from widgets.parts.enters import LOOK_S
from widgets.parts.panel_rows import Row
from widgets.parts.step_words import number_of, step_words
from widgets.search.words import matches, split, tokens
from widgets.session import Session
from widgets.typography import TypeScale
from widgets.windows.page import Doer, Page, Question

REASON_MOST = 200
_HEAD, _STEP, _PHONE, _PROCEDURE, _PAST = "head", "step", "phone", "procedure", "past"
_Group = tuple[Row, list[Row]]


class ProcedurePage(Page):
    """See the module."""

    feeds = frozenset({"alarms", "local", "config", "timeline"})

    def __init__(
        self, session: Session, window: QWidget, scale: TypeScale, room: QRect, doer: Doer, about: str = ""
    ) -> None:
        self._known: Alarm | None = None
        """The alarm as it was last seen: what was done can be read when it is over."""
        self._revs: dict[str, int] = {}
        self._moved_s: dict[str, float] = {}
        """When a step was seen to change here, by its id."""
        self._just = ""
        """The step that was ticked last: its echo is on the way."""
        super().__init__(session, window, scale, room, doer, about)

    # -- what it is about ------------------------------------------------------------------------------

    def _standing(self) -> Alarm | None:
        """The alarm, while it is in the list."""
        alarm = self.session.city.alarm(self.about) if self.about else None
        self._known = alarm or self._known
        return alarm

    def _procedure(self) -> Procedure | None:
        self._standing()
        config = self.session.city.records("config")
        if self.about.startswith(PROCEDURE_PREFIX):
            return procedure_of(config, self.about.removeprefix(PROCEDURE_PREFIX))
        return procedure_of(config, self._known.procedure_id) if self._known is not None else None

    def title(self) -> str:
        procedure = self._procedure()
        return tr("procedures.title", name=local(procedure.name)) if procedure is not None else tr("procedures.all")

    # -- rows ------------------------------------------------------------------------------------------

    def look_up(self, words: str) -> Sequence[Row]:
        wanted, out = split(words), list[Row]()
        for heading, rows in self._groups():
            fitting = [r for r in rows if not wanted or matches(wanted, tokens(f"{r.head} {r.title} {r.place}"))]
            if fitting or not rows:
                out += [heading, *fitting]
        return out

    def _groups(self) -> list[_Group]:
        """A heading without rows is a sentence that stays."""
        procedure, standing = self._procedure(), self._standing()
        groups: list[_Group] = []
        if self._known is not None:
            groups.append((_heading("alarm", self._alarm_line(self._known, ended=standing is None)), []))
        elif self.about and not self.about.startswith(PROCEDURE_PREFIX):
            groups += [
                (_heading("alarm", tr("alarms.ended_why")), []),
                (_heading("past", tr("procedures.past")), self._past()),
            ]
        if procedure is not None:
            groups.append((_heading("steps", self._steps_line(procedure)), self._step_rows(procedure, standing)))
        else:
            if self._known is not None:
                groups.append((_heading("none", tr("procedures.none")), []))
            groups.append((_heading("procedures", tr("procedures.all_procedures")), self._all_procedures()))
        return groups + self._phone_groups(procedure)

    def _alarm_line(self, alarm: Alarm, *, ended: bool) -> str:
        now_ns = self.session.clock.now_ns()
        age = tr("alarms.ended") if ended else fmt.duration((now_ns - alarm.t_raised_ns) / NS_PER_S)
        at = tr("procedures.since", at=fmt.event_minutes(alarm.t_raised_ns, now_ns), age=age)
        parts = (tr(f"priority.{alarm.priority.value}"), local(alarm.name), local(alarm.place), at)
        return " · ".join(part for part in parts if part)

    def _steps_line(self, procedure: Procedure) -> str:
        if self._known is None:
            return local(procedure.name)
        done, total = progress(procedure, self._known)
        return f"{local(procedure.name)} · {tr('alarms.steps', done=done, total=total)}"

    def _step_rows(self, procedure: Procedure, standing: Alarm | None) -> list[Row]:
        return [self._step_row(procedure, step, standing) for step in procedure.for_alarm(self._known)]

    def _step_row(self, procedure: Procedure, step: Step, standing: Alarm | None) -> Row:
        key, head = (_STEP, step.id), f"{number_of(procedure, step.id)}."
        alarm, calls = self._known, ", ".join(self._call_names(step))
        if alarm is None:
            when = tr("procedures.within", time=fmt.duration(step.within_min * 60)) if step.within_min else ""
            only = ", ".join(tr(f"priority.{one.value}") for one in step.priorities)
            state = " · ".join(part for part in (tr("procedures.only", when=only) if only else "", when) if part)
            return Row(key, local(step.words), head, calls, state)
        self._notice(step.id, step_rev(alarm, step.id))
        click = self._click(step.id)
        words, strong = step_words(alarm, step, click, self.session.clock.now_ns(), standing=standing is not None)
        under_way = click is not None and not click.stage.final
        return Row(key, local(step.words), head, calls, words, strong, muted=under_way or settled(alarm, step.id))

    def _click(self, step_id: str) -> ActionStatus | None:
        return self.session.city.step_clicks.get((self.about, step_id))

    def _notice(self, step_id: str, rev: int) -> None:
        if self._revs.setdefault(step_id, rev) != rev:
            self._revs[step_id] = rev
            self._moved_s[step_id] = self.session.mono.monotonic_s()

    def _call_names(self, step: Step) -> list[str]:
        config = self.session.city.records("config")
        found = (config.get(PHONE_PREFIX + phone) for phone in step.call)
        return [one.number or local(one.name) for one in found if isinstance(one, Phone)]

    def _past(self) -> list[Row]:
        """What the timeline still knows of an alarm that is over."""
        city, now_ns = self.session.city, self.session.clock.now_ns()
        events = [
            e for e in city.records("timeline").values() if isinstance(e, TimelineEvent) and e.target == self.about
        ]
        rows = []
        for event in sorted(events, key=lambda one: one.t_ns):
            state = event.what.removeprefix("step_")
            if event.what.startswith("step_") and state in tuple(StepState):
                who = city.records("roster").get(event.actor)
                words = tr(f"procedures.was.{state}")
                name = who.short if isinstance(who, Operator) else event.actor
                at = fmt.event_minutes(event.t_ns, now_ns)
                rows.append(Row((_PAST, event.id), local(event.text), at, state=f"{words} · {name}", muted=True))
        return rows

    def _all_procedures(self) -> list[Row]:
        found = [one for one in self.session.city.records("config").values() if isinstance(one, Procedure)]
        return [
            Row((_PROCEDURE, one.id), local(one.name), state=tr("procedures.count", n=len(one.steps)))
            for one in sorted(found, key=lambda one: local(one.name))
        ]

    def _phone_groups(self, procedure: Procedure | None) -> list[_Group]:
        """Those that its steps call first, each with the numbers of these steps."""
        phones = [one for one in self.session.city.records("config").values() if isinstance(one, Phone)]
        phones.sort(key=lambda one: (one.order, one.id))
        calls: dict[str, list[str]] = {}
        if procedure is not None:
            for step in procedure.for_alarm(self._known):
                for phone in step.call:
                    calls.setdefault(phone, []).append(str(number_of(procedure, step.id)))
        mine = [_phone_row(one, ", ".join(calls[one.key])) for one in phones if one.key in calls]
        others = [_phone_row(one) for one in phones if one.key not in calls]
        groups = [(_heading("mine", tr("procedures.phones_of")), mine)] if mine else []
        return [*groups, (_heading("phones", tr("procedures.phones")), others)] if others else groups

    # -- which is chosen -------------------------------------------------------------------------------

    def _renew(self, *, keep: bool) -> None:
        super()._renew(keep=keep)
        if not keep and not self.asking and not self.field.words().strip():
            rows = (row for row in self.rows if row.key[0] == _STEP and not row.muted and row.key[1] != self._just)
            self._choose_key(next((row.key for row in rows), None))

    def on_second(self) -> None:
        self._just = ""  # by now the city knows of it, or it has come to nothing
        super().on_second()

    def foot(self, row: Row | None) -> str:
        return f"{self._does(row)} · {super().foot(row)}" if row is not None else super().foot(row)

    def _does(self, row: Row) -> str:
        kind, alarm = row.key[0], self._known
        if kind == _STEP and alarm is not None:
            return tr("procedures.foot_settled" if settled(alarm, row.key[1]) else "procedures.foot_step")
        return tr("procedures.foot_open" if kind == _PROCEDURE else "procedures.foot_read")

    # -- doing -----------------------------------------------------------------------------------------

    def choose(self, row: Row, second: bool) -> str:
        kind, ident = row.key
        if kind == _PROCEDURE:
            self.session.calls.pageCalled.emit("procedure", ident)
        elif kind == _PHONE:
            return f"{row.place}: {row.title}" if row.place else f"{row.title}: {row.state}"
        elif kind == _STEP:
            return self._on_step(row, ident, second)
        return ""

    def _on_step(self, row: Row, step_id: str, second: bool) -> str:
        alarm = self._standing()
        if alarm is None:
            return tr("procedures.only_read") if self._known is None else tr("alarms.ended_why")
        if why := self.may_not(Verb.STEP):
            return why
        if self.session.mono.monotonic_s() - self._moved_s.get(step_id, -LOOK_S) < LOOK_S:
            return tr("page.look")
        click = self._click(step_id)
        if click is not None and not click.stage.final:
            return row.state
        seen = step_rev(alarm, step_id)
        if settled(alarm, step_id):
            return self._tell(step_id, StepState.NOT_DONE, seen) if second else tr("procedures.take_back")
        if second:
            asked = tr("procedures.why_not_needed", n=row.head.rstrip("."))
            return self.ask(Question(asked, partial(self._not_needed, step_id, seen), row, most=REASON_MOST))
        return self._tell(step_id, StepState.DONE, seen)

    def _not_needed(self, step_id: str, seen: int, reason: str) -> str:
        return self._tell(step_id, StepState.NOT_NEEDED, seen, reason) if reason else tr("procedures.reason_needed")

    def _tell(self, step_id: str, state: StepState, seen: int, reason: str = "") -> str:
        """Returns why not. Then the next step that is not done is chosen."""
        args = {"step": step_id, "state": state.value, **({"reason": reason} if reason else {})}
        try:
            self.session.actions.submit(Verb.STEP, "alarms", self.about, seen, args)
        except ActionRefused as refusal:
            return why_not(self.session.city, refusal.code)
        self._just, self._answered = step_id, None
        self.say("")
        if not self.asking:
            self.field.setText("")
            self._renew(keep=False)
        return ""


def _heading(key: str, words: str) -> Row:
    return Row((_HEAD, key), words, heading=True)


def _phone_row(phone: Phone, steps: str = "") -> Row:
    """The number in reading size, to dial from; where there is none, the name says so."""
    key, name = (_PHONE, phone.id), local(phone.name)
    about = " · ".join(part for part in (name, local(phone.note)) if part)
    if not phone.number:
        return Row(key, name, steps, local(phone.note), tr("procedures.no_number"), muted=True)
    return Row(key, phone.number, steps, about)


SPEC = PageSpec("procedure", ProcedurePage)
