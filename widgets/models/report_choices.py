"""What can be done to a citizen report now, in the order in which it is most often done. Pure but for the language.

One list for the whole of triage: give it to an agency, merge it, send a unit, close it; typed letters without accents
narrow it down. What a person may not do stays in the list and says why.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from backends.domain.access import Right
from backends.domain.action import Verb
from backends.domain.place import Agency, SlaRule
from backends.domain.report import Report, ReportState, unhappy
from backends.domain.report_moves import STEPS
from backends.domain.report_twins import WITHIN_M, WITHIN_S, Reach, Twin, twins
from backends.domain.text import fold
from widgets import format as fmt
from widgets.callers import WHY, Caller
from widgets.i18n import local, tr
from widgets.models.city import CityModel
from widgets.search.words import matches, split, tokens

Kind = TypeVar("Kind")

STILL = "still"
"""Argument of a close: id of the camera whose picture of now goes with it. Never sent: the picture is."""
LOOK = "look"
"""Argument of the line that enlarges the report's pictures."""
CALLER = "caller"
"""Argument of the line that takes down who calls (empty), and of those that the hub does not have (id of the click)."""


@dataclass(frozen=True)
class Choice:
    """One line of the list."""

    verb: Verb | None
    """None: no action: its pictures are looked at (LOOK), or who sent it is asked for."""
    words: str
    args: dict[str, str] = field(default_factory=dict)
    ask: str = ""
    """The argument that is still to be typed: "reason", "result" or "text"; empty = none."""
    refused: str = ""
    """Why not, as Grant.refusal; empty = it may be done."""
    typed: str = ""
    """What the field begins with."""

    @property
    def identity(self) -> tuple[object, ...]:
        """What it is, whatever the language calls it."""
        return self.verb, tuple(sorted(self.args.items()))


def choices(city: CityModel, report: Report) -> list[Choice]:
    """All that fits the report as it stands; the first is what is mostly right."""
    found = [*_decide(city, report), *_work(city, report), *_other(city, report)]
    refused = {verb: city.grant.refusal(verb) for verb in {one.verb for one in found if one.verb is not None}}
    return [replace(one, refused=refused[one.verb] if one.verb is not None else _unseen(city, one)) for one in found]


def _unseen(city: CityModel, one: Choice) -> str:
    """Why what citizens sent, or who they are, may not be seen; empty = it may."""
    if city.briefing:
        return "briefing"
    if LOOK not in one.args:
        return city.grant.refusal(Right.REVEAL_REPORTER)
    if city.shows_personal_data:
        return ""
    return "locked" if city.grant.operator_id else "nobody_signed_in"


def narrowed(listed: Iterable[Choice], typed: str) -> list[Choice]:
    """Those whose words hold the beginnings of all typed words, in any order: "dien", "giao dien", "gop 2203"."""
    wanted = split(typed)
    return [one for one in listed if matches(wanted, tokens(one.words))]


def similar(city: CityModel, report: Report) -> list[Twin]:
    """Reports that may speak of the same thing, best first."""
    rule = next((r for r in _config(city, SlaRule) if r.category == report.category), None)
    reach = Reach(
        (rule.within_m if rule is not None else 0.0) or WITHIN_M,
        (rule.within_hours * 3600 if rule is not None else 0.0) or WITHIN_S,
    )
    return twins(report, city.reports(), reach)


def _decide(city: CityModel, report: Report) -> list[Choice]:
    """Whose it is."""
    if not report.state.open:
        return []
    found = []
    agencies = sorted(_config(city, Agency), key=lambda one: (one.id != report.agency_id, fold(local(one.name))))
    assigned = [Choice(Verb.ASSIGN, tr("reports.do.assign", agency=local(a.name)), {"agency": a.id}) for a in agencies]
    if report.state.undecided:
        found += assigned[:1]
    for twin in similar(city, report):
        other: Report = city.records("reports")[twin.report_id]
        if other.state.open:
            words = tr("reports.do.merge", id=other.id, title=local(other.title), where=_apart(twin))
            found.append(Choice(Verb.MERGE, words, {"into": other.id}))
    if report.state.undecided:
        return [*found, *assigned[1:]]
    return [*found, *(one for one in assigned if one.args["agency"] != report.agency_id)]


def _work(city: CityModel, report: Report) -> list[Choice]:
    """How far it is."""
    if not report.state.open:
        return []
    found = [Choice(Verb.START, tr("reports.do.start"))] if report.state is ReportState.ASSIGNED else []
    for number, order in enumerate(report.orders):
        for step in () if order.t_done_ns else STEPS:
            if not getattr(order, f"t_{step}_ns"):
                words = tr(f"reports.do.order_{step}", unit=local(order.unit))
                found.append(Choice(Verb.ORDER_STEP, words, {"order": str(number), "step": step}))
    if not report.state.undecided:
        for camera in filter(None, map(city.camera, report.camera_ids)):
            if camera.enabled and camera.streams:
                words = tr("reports.do.close_still", number=camera.number)
                found.append(Choice(Verb.CLOSE, words, {STILL: camera.id}, ask="result"))
        found.append(Choice(Verb.CLOSE, tr("reports.do.close"), ask="result"))
        found.append(Choice(Verb.SEND_BACK, tr("reports.do.send_back"), ask="reason"))
    return found


def _other(city: CityModel, report: Report) -> list[Choice]:
    count = len(report.before) + len(report.after)
    look = [Choice(None, tr("reports.do.look", n=count), {LOOK: "1"})] if count else []
    reveal = [*look, Choice(None, tr("reports.do.reveal"))]
    if report.state is ReportState.MERGED:
        return [Choice(Verb.UNMERGE, tr("reports.do.unmerge", id=report.merged_into)), *reveal]
    if not report.state.open:
        typed = tr("reports.reopen_reason", n=report.rating) if unhappy(report) else ""
        return [Choice(Verb.REOPEN, tr("reports.do.reopen"), ask="reason", typed=typed), *reveal]
    held, paused = report.holder_id, report.t_paused_ns
    units = sorted(_config(city, Agency), key=lambda one: (one.id != report.agency_id, fold(local(one.name))))
    return [
        Choice(Verb.RELEASE, tr("reports.do.release", who=report.holder))
        if held
        else Choice(Verb.CLAIM, tr("reports.do.claim")),
        Choice(Verb.RESUME, tr("reports.do.resume"))
        if paused
        else Choice(Verb.PAUSE, tr("reports.do.pause"), ask="reason"),
        Choice(Verb.REJECT, tr("reports.do.reject"), ask="reason"),
        *reveal,
        *(Choice(Verb.ORDER, tr("reports.do.order", unit=local(u.name)), {"agency": u.id}, "text") for u in units),
        *(
            Choice(
                Verb.CATEGORISE,
                tr("reports.do.categorise", name=local(rule.name), time=fmt.duration(rule.hours * 3600)),
                {"category": rule.category},
            )
            for rule in sorted(_config(city, SlaRule), key=lambda one: fold(local(one.name)))
            if rule.category != report.category
        ),
    ]


def categories(city: CityModel) -> list[Choice]:
    """What a report that the centre takes in may be."""
    rules = sorted(_config(city, SlaRule), key=lambda one: fold(local(one.name)))
    refused = city.grant.refusal(Verb.INTAKE)
    return [Choice(Verb.INTAKE, local(rule.name), {"category": rule.category}, "", refused) for rule in rules]


def taking_in(city: CityModel, caller: str) -> list[Choice]:
    """What it may be, and who calls (`caller`, as it was typed)."""
    words = tr("reports.do.caller_is", who=caller if city.shows_personal_data else "…")
    words = words if caller else tr("reports.do.caller")
    refused = city.grant.refusal(Verb.INTAKE)
    return [*categories(city), Choice(None, words, {CALLER: ""}, "caller", refused, caller)]


def untold(city: CityModel, callers: Iterable[Caller]) -> list[Choice]:
    """Callers that the hub does not have, in plain sight: Enter tries again, or gives one up that it will not have."""
    found = []
    for one in callers:
        who = one.words if city.shows_personal_data else "…"
        why = tr(f"reports.caller.why.{one.code}") if one.code in WHY else tr("reports.caller.why.waiting")
        words = tr("reports.caller.untold", title=one.report_id or one.title, who=who, why=why)
        found.append(Choice(None, words, {CALLER: one.aid}))
    return found


def _config(city: CityModel, kind: type[Kind]) -> list[Kind]:
    return [one for one in city.records("config").values() if isinstance(one, kind)]


def _apart(twin: Twin) -> str:
    """ "cách 40 m, trước 12 phút"."""
    key = "reports.twin_earlier" if twin.apart_s >= 0 else "reports.twin_later"
    return tr(key, m=fmt.number(round(twin.distance_m / 10) * 10), time=fmt.duration(abs(twin.apart_s)))
