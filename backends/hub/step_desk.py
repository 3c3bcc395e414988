"""Steps of the procedure that an alarm's class names: what a person says of one, judged and written down.

The state of a run lives on the alarm: so it is on every console, in the log, and there after a restart of the hub. What
was said, taken back and said again stands on the timeline, also when the alarm is over. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backends.domain.action import Action
from backends.domain.alarm import Alarm, TransitionRefused
from backends.domain.people import Operator
from backends.domain.procedure import Procedure, Step, procedure_of, put_mark
from backends.domain.step_mark import StepState
from backends.domain.text import LocalText
from backends.hub import timeline
from backends.hub.ports import Change
from backends.hub.report_desk import Unfit

REASON_LIMIT = 200


def judge(
    alarm: Alarm, config: Mapping[str, Any], person: Operator, action: Action, now_ns: int
) -> tuple[Alarm, Change]:
    """The alarm as it would be, and the event. `config`: the records of that feed. Raises Unfit, TransitionRefused."""
    state, reason = _said(action)
    procedure = procedure_of(config, alarm.procedure_id)
    steps = procedure.for_alarm(alarm) if procedure is not None else ()
    step = next((one for one in steps if one.id == action.args.get("step")), None)
    if procedure is None or step is None:
        raise TransitionRefused("no_such_step")
    # A click that waited for the hub was made when it was made; one of no time, or of a time to come, now.
    made_ns = action.made_at_ns if 0 < action.made_at_ns < now_ns else now_ns
    moved = put_mark(alarm, step.id, state, action.expect_state_rev, person.short, person.id, made_ns, reason)
    text = _event_text(procedure, step, reason)
    event = timeline.event(
        action.aid, f"step_{state.value}", alarm.id, now_ns, actor=person.id, text=text, cause=action.aid
    )
    return moved, event


def _said(action: Action) -> tuple[StepState, str]:
    try:
        state = StepState(action.args.get("state", ""))
    except ValueError:
        raise Unfit("bad_state", f"state: one of {', '.join(StepState)}") from None
    reason = action.args.get("reason", "").strip()
    if len(reason) > REASON_LIMIT or (state is StepState.NOT_NEEDED and not reason):
        raise Unfit("bad_reason", f"1 to {REASON_LIMIT} characters")
    return state, reason


def _event_text(procedure: Procedure, step: Step, reason: str) -> LocalText:
    """ "Cháy, nổ · 3. Gọi 114 · đã có người gọi": readable without the procedure, which may be another one by then."""
    number = procedure.steps.index(step) + 1
    parts = {lang: (procedure.name.get(lang), f"{number}. {step.words.get(lang)}", reason) for lang in ("vi", "en")}
    return LocalText(*(" · ".join(part for part in parts[lang] if part) for lang in ("vi", "en")))
