"""Checks of procedures: what is said of one step of an alarm's procedure is compared with that step alone, and all of
it stays on record. A backend may do without (`step`)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from backends.conform.actor import NAMELESS, Actor, Done, acting
from backends.conform.registry import Checks
from backends.conform.room import Room
from backends.conform.wire import Failed, Skipped
from backends.domain.action import Action, Verb
from backends.domain.alarm import Alarm
from backends.domain.procedure import mark_of, procedure_of, settled, step_rev
from backends.domain.step_mark import StepMark, StepState

CHECKS = Checks()
check = CHECKS.check
REASON = "conform: not here"
REASON_LIMIT = 200
DONE, NOT_NEEDED, NOT_DONE = StepState.DONE, StepState.NOT_NEEDED, StepState.NOT_DONE


class Run:
    """An alarm, and two steps of its procedure that nobody has settled."""

    def __init__(self, actor: Actor, alarm: Alarm, steps: tuple[str, str]) -> None:
        self.actor, self.alarm, self.steps = actor, alarm, steps

    @property
    def first(self) -> str:
        return self.steps[0]

    def rev(self, step: str) -> int:
        """What a click on it must have seen."""
        return step_rev(self.alarm, step)

    def says(self, step: str, state: str, seen: int | None = None, reason: str = "") -> Action:
        """`seen`: another revision of the step than the newest one."""
        args = {"step": step, "state": state} | ({"reason": reason} if reason else {})
        expect = self.rev(step) if seen is None else seen
        return self.actor.action(Verb.STEP, "alarms", self.alarm.id, expect, **args)

    def said(self, step: str, state: StepState, seen: int | None = None) -> StepMark:
        """It is applied: its mark. Raises Failed where anything but the mark and `rev` has moved."""
        before, was = self.alarm, self.rev(step)
        done = self.actor.done(self.says(step, state.value, seen, REASON if state is NOT_NEEDED else ""))
        done.one(f"step_{state.value}")
        self.alarm, mark = self._marked(done, step)
        if self.alarm.state_rev != before.state_rev or self.alarm.state != before.state:
            raise Failed(f"a step of {before.id} must not move its `state_rev` and `state`")
        if self.alarm.rev <= before.rev or mark.rev <= was:
            raise Failed(f"`rev` of {before.id} is {self.alarm.rev}, that of the mark of {step} {mark.rev}: both rise")
        if (mark.state, mark.by_id) != (state, self.actor.id) or not mark.by or not mark.t_ns:
            raise Failed(f"the mark of step {step} is {mark}")
        if (mark.reason == REASON) is not (state is NOT_NEEDED):
            raise Failed(f"the mark of step {step} has the reason {mark.reason!r}")
        return mark

    @staticmethod
    def _marked(done: Done, step: str) -> tuple[Alarm, StepMark]:
        alarm: Alarm | None = done.record
        mark = mark_of(alarm, step) if alarm is not None else None
        if alarm is None or mark is None:
            raise Failed(f"step {step} was applied, and the record has no mark of it")
        return alarm, mark


@contextmanager
def _run(room: Room) -> Iterator[Run]:
    """Raises NotOffered or Skipped. What was said of the steps is taken back at the end."""
    with acting(room, Verb.STEP, feed="alarms") as actor:
        config = actor.records("config")
        for alarm in actor.records("alarms").values():
            procedure = procedure_of(config, alarm.procedure_id)
            steps = procedure.for_alarm(alarm) if procedure is not None else ()
            free = [one.id for one in steps if not settled(alarm, one.id)]
            if len(free) > 1:
                run = Run(actor, alarm, (free[0], free[1]))
                yield run
                for step in run.steps:
                    if settled(run.alarm, step):
                        run.said(step, NOT_DONE)
                return
        raise Skipped("no alarm with a procedure of two steps that nobody has settled: provide one")


@check("step", "what a person says of a step is its mark on the alarm; `state_rev` stays, and the timeline tells of it")
def step(room: Room) -> str:
    with _run(room) as run:
        run.said(run.first, DONE)
        run.said(run.first, NOT_NEEDED, 0)
    return f"{run.first} of {run.alarm.id}"


@check("step-compared", "each step is compared by itself: two at once both count, the second at one step is told of it")
def step_compared(room: Room) -> str:
    with _run(room) as run:
        first, other = run.steps
        seen_first, seen_other = run.rev(first), run.rev(other)
        mark = run.said(first, DONE)
        run.said(other, DONE, seen_other)
        for code, state in (("already_done", DONE.value), ("changed", NOT_DONE.value)):
            late = run.says(first, state, seen_first)
            if (text := run.actor.conflict(code, late).text) != mark.by:
                raise Failed(f"the text of {code} is {text!r}, it was {mark.by!r}")
    return f"{first}, {other}"


@check("step-undo", "what is taken back stays on record: each word on a step is an event")
def step_undo(room: Room) -> str:
    with _run(room) as run:
        revs = [run.said(run.first, state).rev for state in (DONE, NOT_DONE, NOT_NEEDED, NOT_DONE)]
        if sorted(set(revs)) != revs:
            raise Failed(f"`rev` of the marks must rise, it was {revs}")
        run.actor.conflict("already_not_done", run.says(run.first, NOT_DONE.value))
        told = [decoded.what for decoded in run.actor.events() if decoded.target == run.alarm.id]
        expected = ["step_done", "step_not_done", "step_not_needed", "step_not_done"]
        if [what for what in told if what.startswith("step_")] != expected:
            raise Failed(f"the timeline tells {told} of {run.alarm.id}, it should tell {expected}")
    return "four words, four events"


@check("step-refused", "what cannot be is said: an unknown step or state, and why a step is not needed")
def step_refused(room: Room) -> str:
    with _run(room) as run:
        run.actor.conflict("no_such_step", run.says(NAMELESS, DONE.value))
        for state in ("", "DONE", NAMELESS):
            run.actor.refused("bad_state", run.says(run.first, state))
        for reason in ("", "  ", "x" * (REASON_LIMIT + 1)):
            run.actor.refused("bad_reason", run.says(run.first, NOT_NEEDED.value, None, reason))
        nowhere = run.actor.action(Verb.STEP, "alarms", NAMELESS, 1, step=run.first, state=DONE.value)
        run.actor.conflict("gone", nowhere)
    return "no_such_step, bad_state, bad_reason, gone"
