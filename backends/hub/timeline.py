"""Events of the feed `timeline`, made beside the change they record. Ids repeat for the same event only."""

from __future__ import annotations

from backends.domain.action import Action, Verb
from backends.domain.alarm import Alarm, Priority
from backends.domain.incident import LayoutRecord, TimelineEvent
from backends.domain.people import Operator
from backends.domain.report import Report
from backends.domain.sensor import Limit
from backends.domain.setting_limits import limit_differences, limit_moves
from backends.domain.settings import AgencyEnd, KindLimits, LimitsRecord, Setting, differences
from backends.domain.text import LocalText
from backends.domain.turning import Turner
from backends.hub import words as say
from backends.hub.ports import Change

_WHAT = {
    Verb.ACKNOWLEDGE: "alarm_acknowledged",
    Verb.CLAIM: "alarm_claimed",
    Verb.RELEASE: "alarm_released",
    Verb.SHELVE: "alarm_shelved",
    Verb.UNSHELVE: "alarm_unshelved",
    Verb.RESET: "alarm_reset",
    Verb.OUT_OF_SERVICE: "alarm_out_of_service",
    Verb.IN_SERVICE: "alarm_in_service",
}


def event(
    id_: str, what: str, target: str, t_ns: int, *, actor: str = "", text: LocalText, cause: str = "",
    priority: Priority | None = None,
) -> Change:  # fmt: skip
    """One row of the timeline."""
    record = TimelineEvent(id_, t_ns, what, target, actor, text, priority=priority)
    return Change("timeline", "event", id_, t_ns, record, cause=cause)


def of_alarm(what: str, alarm: Alarm, t_ns: int, why: LocalText | None = None) -> Change:
    """The world moved an alarm; `why`, where it was not what is measured."""
    text = alarm.name
    if why is not None:
        text = LocalText(f"{text.vi} · {why.vi}", f"{text.get('en')} · {why.get('en')}")
    return event(f"{alarm.id}/{alarm.state_rev}", what, alarm.id, t_ns, text=text, priority=alarm.priority)


def of_mark(what: str, alarm: Alarm, t_ns: int) -> Change:
    """Something was noted at an alarm, beside what moved it."""
    return event(f"{alarm.id}/{what}/{alarm.rev}", what, alarm.id, t_ns, text=alarm.name, priority=alarm.priority)


def of_verb(alarm: Alarm, verb: Verb, operator: Operator, t_ns: int, *, cause: str = "") -> Change:
    """A person moved an alarm."""
    id_ = f"{alarm.id}/{alarm.state_rev}"
    text = alarm.name
    if verb in (Verb.SHELVE, Verb.OUT_OF_SERVICE):
        # The record forgets the reason when the alarm comes back; the timeline does not.
        reason = alarm.shelve_reason or alarm.oos_reason
        text = LocalText(f"{text.vi} · {reason}", f"{text.get('en')} · {reason}")
    return event(id_, _WHAT[verb], alarm.id, t_ns, actor=operator.id, text=text, cause=cause, priority=alarm.priority)


def of_report(report: Report, t_ns: int, cause: str = "") -> Change:
    """A report arrived or moved on."""
    what = "report_received" if report.state == "new" else f"report_{report.state.value}"
    return event(f"{report.id}/{report.state_rev}", what, report.id, t_ns, text=report.title, cause=cause)


def of_rating(report: Report, t_ns: int) -> Change:
    """The citizen has rated the result. The words are not here: they are personal, and the record has them."""
    stars = f"{report.rating}/5"
    text = LocalText(*(f"{report.title.get(lang)} · {stars}" for lang in ("vi", "en")))
    return event(f"{report.id}/rated/{report.rev}", "report_rated", report.id, t_ns, text=text)


def of_escalation(report: Report, t_ns: int) -> Change:
    """Its time is used up: it goes to somebody higher."""
    return event(f"{report.id}/{report.state_rev}", "report_escalated", report.id, t_ns, text=report.title)


def of_report_act(report: Report, action: Action, operator: Operator, said: str, t_ns: int) -> Change:
    """A person did something to a report. `said`: why, or what was ordered or done; the record forgets it."""
    text = report.title if not said else LocalText(*(f"{report.title.get(lang)} · {said}" for lang in ("vi", "en")))
    what = f"report_{action.verb.value}"
    return event(
        f"{report.id}/{report.state_rev}", what, report.id, t_ns, actor=operator.id, text=text, cause=action.aid
    )


def of_layout(aid: str, layout: LayoutRecord, operator: Operator, t_ns: int) -> Change:
    """The shift lead gave the room a layout."""
    return event(aid, "layout_pushed", layout.id, t_ns, actor=operator.id, text=layout.name, cause=aid)


def of_cover(aid: str, covering: Operator, operator: Operator, words: LocalText, t_ns: int) -> Change:
    """Somebody covers other areas or sectors from now on, as `operator` says."""
    return event(aid, "cover_changed", covering.id, t_ns, actor=operator.id, text=words, cause=aid)


def of_setting(
    setting: Setting, aid: str, operator: Operator, t_ns: int, heir: LocalText | None = None
) -> Change:  # fmt: skip
    """A person changed data of the centre: what it was, what it is, from when and why stand in the text. `heir`: who
    goes on with the work of an agency that is taken away."""
    made = setting.amendments[-1]
    record = made.record if made.record is not None else setting.given
    name = record.name if record is not None else LocalText(setting.target)
    texts = {}
    for lang, words in _SETTING_WORDS.items():
        parts = [f"{words['kind']} {name.get(lang)}" if isinstance(record, KindLimits) else name.get(lang)]
        if made.record is None:
            parts.append(words["taken_back" if isinstance(record, LimitsRecord) else "given"])
        if isinstance(record, AgencyEnd):
            parts += [words["agency_ends"], *([f"{words['heir']} {heir.get(lang)}"] if heir is not None else [])]
        elif isinstance(made.before, AgencyEnd):
            parts.append(words["agency_again"])
        for field, old, new in differences(made.before, record) if record is not None else ():
            if isinstance(record, LimitsRecord) and field == "limits":
                before = made.before.limits if isinstance(made.before, LimitsRecord) else ()
                moves = limit_moves(before, record.limits, whole=made.record is None)
                parts += [_limit_said(*move, words, lang) for move in moves]
                continue
            was = f"{_said(old, lang)} » " if made.before is not None else ""
            parts.append(f"{words[field]}: {was}{_said(new, lang)}")
        parts += [f"{words['from']} {made.valid_from}", made.reason]
        texts[lang] = " · ".join(parts)
    text = LocalText(texts["vi"], texts["en"])
    return event(aid, "setting_changed", setting.target, t_ns, actor=operator.id, text=text, cause=aid)


_SETTING_WORDS = {
    "vi": {
        "given": "trở lại như nguồn cung cấp", "from": "áp dụng từ", "name": "tên", "hours": "số giờ",
        "escalate": "mức chuyển cấp", "within_m": "trùng trong (m)", "within_hours": "trùng trong (giờ)",
        "parent": "trực thuộc", "added": "thêm ngưỡng", "ended": "ngừng áp dụng ngưỡng",
        "priority": "mức ưu tiên", "deadband": "vùng chết", "on_delay_s": "chờ trước khi báo (giây)",
        "taken_back": "bỏ phần đã đặt", "kind": "mọi cảm biến", "agency_ends": "bỏ đơn vị này",
        "agency_again": "lập lại đơn vị này", "heir": "việc chuyển cho",
        "off_delay_s": "chờ trước khi hết (giây)", "value": "ngưỡng", "urgent": "khẩn cấp", "high": "cao",
        "medium": "trung bình", "low": "thấp",
    },
    "en": {
        "given": "as the source gives it again", "from": "from", "name": "name", "hours": "hours",
        "escalate": "escalated at", "within_m": "twins within (m)", "within_hours": "twins within (hours)",
        "parent": "part of", "added": "new limit", "ended": "limit ended", "priority": "priority",
        "deadband": "deadband", "on_delay_s": "on-delay (s)", "off_delay_s": "off-delay (s)", "value": "limit",
        "taken_back": "taken back", "kind": "all sensors of", "agency_ends": "taken away",
        "agency_again": "added again", "heir": "its work goes to",
        "urgent": "urgent", "high": "high", "medium": "medium", "low": "low",
    },
}  # fmt: skip


def _said(value: object, lang: str) -> str:
    """A field's value as the record of what happened says it."""
    if isinstance(value, LocalText):
        return value.get(lang)
    if isinstance(value, Priority):
        return _SETTING_WORDS[lang][value.value]
    if isinstance(value, float):
        return say.number(value, 2 if value % 1 else 0, lang)
    if isinstance(value, tuple):
        return ", ".join(_said(one, lang) for one in value) or "-"
    return "-" if value is None else str(value) or "-"


def _limit_said(old: Limit | None, new: Limit | None, words: dict[str, str], lang: str) -> str:
    """What became of one limit."""
    if old is None or new is None:
        one = new or old
        assert one is not None
        said = f"{one.label.get(lang)} {'>' if one.above else '<'} {_said(one.value, lang)}"
        return f"{words['ended']} {said}" if new is None else f"{words['added']} {said} {_said(one.priority, lang)}"
    moved = limit_differences(old, new)
    told = [f"{words[field]} {_said(a, lang)} » {_said(b, lang)}" for field, a, b in moved]
    return f"{new.label.get(lang)}: {', '.join(told)}"


def of_presence(what: str, id_: str, station: str, person: str, t_ns: int) -> Change:
    """Somebody signed in at a station, or is no longer signed in there."""
    return event(id_, what, station, t_ns, actor=person, text=LocalText(""))


def of_turning(what: str, camera: str, turner: Turner, t_ns: int, why: LocalText) -> Change:
    """Somebody takes a camera to turn it, lets it go or loses it; or keeps its view as a preset."""
    id_ = f"{what}/{camera}/{t_ns}"
    vi, en = (" · ".join(part for part in (turner.station, words) if part) for words in (why.vi, why.get("en")))
    text = LocalText(vi, en)
    return event(id_, what, camera, t_ns, actor=turner.operator_id, text=text)


def of_anchor(code: str, station: str, n: int, hash_: str, t_ns: int) -> Change:
    """A station's audit chain does not continue what the hub has seen of it ("behind", "differs")."""
    return event(f"anchor/{station}/{n}/{hash_[:16]}", f"anchor_{code}", station, t_ns, text=LocalText(str(n)))


def of_comment(aid: str, target: str, operator: Operator, text: str, t_ns: int) -> Change:
    """A person's words."""
    return event(aid, "comment", target, t_ns, actor=operator.id, text=LocalText(text), cause=aid)
