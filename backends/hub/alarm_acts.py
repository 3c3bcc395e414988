"""What a person makes of an alarm, and how a moved alarm is written. Pure: the truth is the engine's."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from backends.domain import alarm as alarms
from backends.domain.action import Verb
from backends.domain.alarm import Alarm, AlarmState, TransitionRefused
from backends.domain.people import Operator, Role
from backends.hub.ports import Change

ALARM_VERBS = frozenset(
    {
        Verb.CLAIM, Verb.ACKNOWLEDGE, Verb.RELEASE, Verb.SHELVE, Verb.UNSHELVE, Verb.RESET, Verb.OUT_OF_SERVICE,
        Verb.IN_SERVICE,
    }
)  # fmt: skip
"""What moves the state of an alarm."""
NO_ARGS: Mapping[str, str] = MappingProxyType({})


def acted(standing: Alarm, verb: Verb, operator: Operator, t_ns: int, args: Mapping[str, str] = NO_ARGS) -> Alarm:
    """What the alarm would be; changes nothing here. Raises TransitionRefused.

    SHELVE, OUT_OF_SERVICE: `args` were checked before (`until_ns`, `reason`).
    """
    match verb:
        case Verb.CLAIM:
            return alarms.claim(standing, operator.short, operator.id, t_ns)
        case Verb.ACKNOWLEDGE:
            return alarms.acknowledge(standing, operator.short, t_ns)
        case Verb.RELEASE:
            return alarms.release(standing, operator.id, anybody=operator.role is Role.SHIFT_LEAD)
        case Verb.SHELVE:
            return alarms.shelve(standing, operator.short, args["reason"].strip(), int(args["until_ns"]))
        case Verb.UNSHELVE:
            return alarms.unshelve(standing)
        case Verb.RESET:
            return alarms.reset(standing)
        case Verb.OUT_OF_SERVICE:
            return alarms.take_out_of_service(standing, operator.short, args["reason"].strip(), t_ns)
        case Verb.IN_SERVICE:
            return alarms.put_in_service(standing)
    raise TransitionRefused("unsupported")


def changes_of(moved: Alarm, t_ns: int, *events: Change, cause: str = "") -> list[Change]:
    """How `moved` is written, without making it the truth yet."""
    if moved.state is AlarmState.NORMAL:
        put = Change("alarms", "del", moved.id, t_ns, None, moved.rev, cause)
    else:
        put = Change("alarms", "put", moved.id, t_ns, moved, moved.rev, cause)
    return [put, *events]
