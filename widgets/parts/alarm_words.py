"""What a row, a flag or the top bar says about an alarm. Pure but for the language on screen."""

from __future__ import annotations

from backends.domain.action import ActionStatus, Stage, Verb
from backends.domain.alarm import Alarm, AlarmState
from backends.domain.coverage import SECTORS
from backends.domain.place import Area
from backends.domain.procedure import procedure_of, progress
from backends.domain.times import NS_PER_S
from widgets import format as fmt
from widgets.i18n import local, tr
from widgets.models.alarm_folds import Fold, cause_of
from widgets.models.city import CityModel

_VERBS = {
    Verb.ACKNOWLEDGE: "alarms.acknowledge",
    Verb.CLAIM: "alarms.claim",
    Verb.RELEASE: "alarms.release",
    Verb.COMMENT: "alarms.note",
    Verb.SHELVE: "alarms.shelve",
    Verb.RESET: "alarms.reset",
    Verb.OUT_OF_SERVICE: "alarms.out",
    Verb.IN_SERVICE: "alarms.in_service",
}
_NOT_DONE = frozenset({"not_claimed", "already_out_of_service", "not_out_of_service"})
"""Conflicts that have words of their own."""

TOGETHER_S = 10.0
"""So far apart, two people acknowledge the same alarm at the same time: each has seen it, neither is too late."""


def state_words(alarm: Alarm) -> str:
    """Where the alarm stands, and with whom."""
    if not alarm.t_escalated_ns:
        return _state_words(alarm)
    late = tr("alarms.escalated")
    plain = alarm.state is AlarmState.UNACKNOWLEDGED and not alarm.holder
    return late if plain else f"{_state_words(alarm)} · {late}"


def gone_words(alarm: Alarm) -> str:
    """Why a row stays only for its reader: it is over, or it has become quiet."""
    quiet = alarm.state in (AlarmState.OUT_OF_SERVICE, AlarmState.SUPPRESSED)
    return _state_words(alarm) if quiet else tr("alarms.ended")


def _state_words(alarm: Alarm) -> str:
    match alarm.state:
        case AlarmState.UNACKNOWLEDGED:
            return tr("alarms.in_hand", who=alarm.holder) if alarm.holder else tr("alarms.unacknowledged")
        case AlarmState.RETURNED:
            return tr("alarms.returned")
        case AlarmState.LATCHED:
            return tr("alarms.latched")
        case AlarmState.SHELVED:
            return tr("alarms.shelved", at=fmt.clock_minutes(alarm.shelved_until_ns))
        case AlarmState.SUPPRESSED:
            return tr("alarms.suppressed")
        case AlarmState.OUT_OF_SERVICE:
            return tr("alarms.out_of_service")
    if alarm.holder:
        key = "alarms.returned_in_hand" if alarm.t_returned_ns else "alarms.in_hand"
        return tr(key, who=alarm.holder)
    return tr("alarms.acknowledged_by", who=alarm.acked_by) if alarm.acked_by else tr("alarms.acknowledged")


def pending_words(status: ActionStatus, alarm: Alarm | None = None) -> str:
    """What became of the last click on a row. `alarm`: as it stands now."""
    match status.stage:
        case Stage.QUEUED:
            words = tr("alarms.queued")
        case Stage.SENT | Stage.STORED:
            words = tr("alarms.sending")
        case Stage.EXPIRED:
            return tr("alarms.expired")
        case Stage.CONFLICT:
            return _conflict_words(status, alarm)
        case _:
            return tr("alarms.session_over") if status.code == "session_over" else tr("alarms.refused")
    verb = _VERBS.get(status.action.verb)
    return f"{tr(verb)} · {words}" if verb else words


def why_not(city: CityModel, code: str) -> str:
    """A whole sentence for a click that was refused here: `code` of Grant.refusal or ActionRefused."""
    if code == "not_allowed":
        return tr("access.why_long.not_allowed", role=tr(f"role.{city.grant.role}"))
    known = code in ("nobody_signed_in", "locked", "session_over", "bad_text", "briefing")
    return tr(f"access.why_long.{code if known else 'not_kept'}")


def _conflict_words(status: ActionStatus, alarm: Alarm | None) -> str:
    if status.code in ("already_acknowledged", "already_claimed") and (words := _together_words(status, alarm)):
        return words
    if status.code == "already_claimed" and status.text:
        return tr("alarms.conflict_claimed", who=status.text)
    if status.code == "already_acknowledged" and status.text:
        return tr("alarms.conflict_acknowledged", who=status.text)
    if status.code in _NOT_DONE:
        return tr(f"alarms.{status.code}")
    return tr("alarms.conflict_changed")


def _together_words(status: ActionStatus, alarm: Alarm | None) -> str:
    """Somebody else did the same in the same moment: who, and how much earlier. Empty = it was not so."""
    if alarm is None or not alarm.t_acked_ns or status.action.verb not in (Verb.ACKNOWLEDGE, Verb.CLAIM):
        return ""
    apart_s = abs(status.action.made_at_ns - alarm.t_acked_ns) / NS_PER_S
    who = status.text or alarm.holder or alarm.acked_by
    if apart_s > TOGETHER_S or not who:
        return ""
    key = "alarms.together_claimed" if status.code == "already_claimed" else "alarms.together"
    return tr(key, who=who, n=fmt.number(apart_s, 1))


def sector_words(sector: str) -> str:
    """A kind of work; a site's own is called by its id."""
    return tr(f"sector.{sector}") if sector in SECTORS else sector[:40]


def duty_words(city: CityModel, alarm: Alarm) -> str:
    """Which kind of work it is, and who looks after it: "ngập lụt · Thu Hà phụ trách". Empty: nothing is known."""
    covering = city.coverage.by(alarm.area_id, alarm.sector)
    who = ", ".join(person.short for person in city.coverage.people if person.id in covering)
    split = any(person.areas or person.sectors for person in city.coverage.people)
    duty = tr("alarms.looked_after", who=who) if who else tr("areas.nobody") if split else ""
    return " · ".join(part for part in (sector_words(alarm.sector), duty) if part)


def second_line(alarm: Alarm, *, figures: bool) -> str:
    """Detail and place; without `figures` (a wall) the place alone."""
    parts = [local(alarm.detail) if figures else "", local(alarm.place)]
    if alarm.children and figures:
        parts.insert(0, tr("alarms.children", n=alarm.children))
    if alarm.chattering:
        parts.insert(0, tr("alarms.chattering", n=alarm.count))
    elif alarm.fleeting:
        parts.insert(0, tr("alarms.fleeting"))
    elif alarm.count > 1 and figures:
        parts.insert(0, tr("alarms.count", n=alarm.count))
    return " · ".join(part for part in parts if part)


def run_words(city: CityModel, alarm: Alarm) -> str:
    """How far its procedure has come, where somebody has begun with it: "bước 2/6"."""
    procedure = procedure_of(city.records("config"), alarm.procedure_id) if alarm.steps else None
    if procedure is None:
        return ""
    done, total = progress(procedure, alarm)
    return tr("alarms.steps", done=done, total=total)


def fold_words(city: CityModel, fold: Fold) -> tuple[str, str, str]:
    """Cause, where, how many: "Ngập sâu", "Phường 1", "14 · 9 chưa xác nhận"."""
    worst = fold.worst
    area = city.records("config").get(worst.area_id)
    where = local(area.name) if isinstance(area, Area) else local(worst.place)
    asking = tr("alarms.fold_asking", n=fold.asking) if fold.asking else tr("alarms.fold_seen")
    return cause_of(local(worst.name)), where, asking


def place_and_time(alarm: Alarm, now_ns: int) -> str:
    """Where and since when, for the top bar."""
    return " · ".join(part for part in (local(alarm.place), fmt.event_minutes(alarm.t_raised_ns, now_ns)) if part)
