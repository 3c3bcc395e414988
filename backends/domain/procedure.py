"""Procedures (quy trình): what is to be done when an alarm of a kind is raised, in steps; and whom to call.

A procedure is data of the city, a record of the feed `config`. What has been done of it stands on the alarm that it
runs for (`Alarm.steps`), and is compared step by step: two people who tick different steps are in nobody's way. Pure:
times are arguments. Must not: know files; the hub reads those (`backends.hub.procedure_book`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from backends.domain.alarm import Alarm, Priority, TransitionRefused
from backends.domain.step_mark import StepMark, StepState
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S

PROCEDURE_PREFIX = "procedure:"
PHONE_PREFIX = "phone:"
UNTOUCHED = 1
"""`rev` of a step that nobody has touched."""


class Step(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing to do."""

    id: str
    words: LocalText
    within_min: float = 0.0
    """Minutes after the alarm was raised within which it is to be done; 0 = no time is set."""
    call: tuple[str, ...] = ()
    """Whom to call for it: ids of phones without PHONE_PREFIX."""
    priorities: tuple[Priority, ...] = ()
    """Only of alarms that are so urgent; empty = of all."""

    def due_ns(self, t_raised_ns: int) -> int:
        """By when, of an alarm raised then; 0 = no time is set."""
        return t_raised_ns + int(self.within_min * 60 * NS_PER_S) if self.within_min > 0 else 0


class Procedure(msgspec.Struct, frozen=True, omit_defaults=True, tag="procedure", tag_field="kind"):
    """Steps in their order."""

    id: str
    """PROCEDURE_PREFIX and what alarms call it (`Alarm.procedure_id`)."""
    name: LocalText
    steps: tuple[Step, ...]
    source: str = ""
    """Where it comes from, for whoever answers for it."""

    @property
    def key(self) -> str:
        """What alarms call it."""
        return self.id.removeprefix(PROCEDURE_PREFIX)

    def for_alarm(self, alarm: Alarm | None) -> tuple[Step, ...]:
        """The steps that apply to an alarm as urgent as this one; None: all of them."""
        return tuple(s for s in self.steps if alarm is None or not s.priorities or alarm.priority in s.priorities)


class Phone(msgspec.Struct, frozen=True, omit_defaults=True, tag="phone", tag_field="kind"):
    """Somebody who can be called."""

    id: str
    """PHONE_PREFIX and what steps call it."""
    name: LocalText
    number: str = ""
    """As it is dialled; empty = the site has not filled it in."""
    note: LocalText = LocalText("")
    order: int = 0
    """Its place in the list: the telephone list is read by people who know where to look."""

    @property
    def key(self) -> str:
        """What steps call it."""
        return self.id.removeprefix(PHONE_PREFIX)


def procedure_of(config: Mapping[str, Any], procedure_id: str) -> Procedure | None:
    """`config`: the records of that feed by id. None: no such procedure is there, or the alarm has none."""
    found = config.get(PROCEDURE_PREFIX + procedure_id) if procedure_id else None
    return found if isinstance(found, Procedure) else None


def mark_of(alarm: Alarm, step_id: str) -> StepMark | None:
    """The last word on that step; None: nobody has touched it."""
    return next((mark for mark in alarm.steps if mark.step == step_id), None)


def step_rev(alarm: Alarm, step_id: str) -> int:
    """What a click on that step must have seen."""
    mark = mark_of(alarm, step_id)
    return mark.rev if mark is not None else UNTOUCHED


def settled(alarm: Alarm, step_id: str) -> bool:
    """Done, or not needed."""
    mark = mark_of(alarm, step_id)
    return mark is not None and mark.state is not StepState.NOT_DONE


def progress(procedure: Procedure, alarm: Alarm) -> tuple[int, int]:
    """(steps that are settled, steps that apply)."""
    steps = procedure.for_alarm(alarm)
    return sum(settled(alarm, step.id) for step in steps), len(steps)


def put_mark(
    alarm: Alarm, step_id: str, state: StepState, seen: int, by: str, by_id: str, t_ns: int, reason: str = ""
) -> Alarm:  # fmt: skip
    """What becomes of the alarm when a person says so of a step that looked as `seen` (0 = whatever it looked like).

    Its `rev` moves, its `state_rev` does not: a tick is in the way of nobody who acknowledges or claims. Raises
    TransitionRefused: "already_STATE" with who said so, "changed" with who did something else meanwhile.
    """
    before = mark_of(alarm, step_id)
    was = before.state if before is not None else StepState.NOT_DONE
    who = before.by if before is not None else ""
    if was is state:
        raise TransitionRefused(f"already_{state.value}", who)
    if seen and seen != step_rev(alarm, step_id):
        raise TransitionRefused("changed", who)
    made_ns = max(t_ns, before.t_ns) if before is not None else t_ns
    mark = StepMark(step_id, state, by, by_id, made_ns, reason, step_rev(alarm, step_id) + 1)
    others = tuple(one for one in alarm.steps if one.step != step_id)
    return msgspec.structs.replace(alarm, steps=(*others, mark), rev=alarm.rev + 1)
