"""Citizen reports at the small backend, kept or broken as `small_backend` says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from backends.domain import report_moves as moves
from backends.domain.action import Action, Verb
from backends.domain.alarm import TransitionRefused
from backends.domain.people import Operator, Role
from backends.domain.place import Agency, Area, SlaRule
from backends.domain.report import Channel, Report, ReportState
from backends.domain.text import LocalText
from backends.protocol.messages import Ack

if TYPE_CHECKING:
    from helpers.small_desk import SmallDesk


class Unfit(Exception):
    """Refused, with that code."""


class SmallReports:
    """In the backend's thread."""

    def __init__(self, desk: SmallDesk) -> None:
        self._desk = desk

    def decide(self, person: Operator, action: Action) -> Ack:
        """Raises TransitionRefused, or Unfit."""
        if action.verb is Verb.INTAKE:
            moved: tuple[Report, ...] = (self._taken_in(person, action),)
        else:
            report = self._report(action.target)
            moved = self._moved(report, person, action)
            if action.expect_state_rev not in (0, report.state_rev):
                raise TransitionRefused("changed")
        for record in moved:
            self._desk.put("reports", record, action.aid)
        self._desk.note(action, f"report_{action.verb.value}", moved[0].id, person)
        return Ack(action.aid, "applied", moved[0].rev, text=moved[0].id)

    def _report(self, id_: str) -> Report:
        found: Report | None = self._desk.records("reports").get(id_)
        if found is None:
            raise TransitionRefused("gone")
        return found

    def _words(self, action: Action, key: str, most: int) -> str:
        text = action.args.get(key, "").strip()
        if not 0 < len(text) <= most:
            raise Unfit("bad_text")
        return text

    def _taken_in(self, person: Operator, action: Action) -> Report:
        args, config, broken = action.args, self._desk.records("config"), self._desk.broken
        rules = {one.category: one for one in config.values() if isinstance(one, SlaRule)}
        if (rule := rules.get(args.get("category", ""))) is None:
            raise Unfit("bad_category")
        title = self._words(action, "title", 200)
        channel = args.get("channel", "operator")
        if channel not in ("hotline", "operator", "social"):
            if not broken("intake"):
                raise Unfit("bad_channel")
            channel = "operator"
        if args.get("area") and not isinstance(config.get(args["area"]), Area):
            raise Unfit("bad_area")
        pictures = tuple(args.get("pictures", "").split())
        if any(len(one) != 64 for one in pictures):
            raise Unfit("bad_pictures")
        try:
            lon, lat = (float(args[key]) if key in args else None for key in ("lon", "lat"))
        except ValueError:
            raise Unfit("bad_place") from None
        number = sum(id_.startswith("TT-") for id_ in self._desk.records("reports")) + 1
        now_ns = self._desk.now_ns()
        return Report(
            f"TT-{number:04}", rule.category, LocalText(title), ReportState.NEW, now_ns, now_ns + 10**12,
            args.get("text", ""), lon=lon, lat=lat, channel=Channel(channel), before=pictures, decided_by=person.short,
        )  # fmt: skip

    def _moved(self, report: Report, person: Operator, action: Action) -> tuple[Report, ...]:
        now_ns, args, broken = self._desk.now_ns(), action.args, self._desk.broken
        match action.verb:
            case Verb.CLAIM:
                if broken("report-claim"):
                    report = msgspec.structs.replace(report, holder="", holder_id="")
                return (moves.claim(report, person.short, person.id),)
            case Verb.RELEASE:
                return (moves.release(report, person.id, anybody=person.role is Role.SHIFT_LEAD),)
            case Verb.ASSIGN:
                agency = self._agency(action)
                return (moves.assign(report, agency, agency.name, now_ns),)
            case Verb.START:
                return (moves.start(report),)
            case Verb.SEND_BACK:
                return (moves.send_back(report, self._words(action, "reason", 500), now_ns),)
            case Verb.PAUSE:
                return (moves.pause(report, self._words(action, "reason", 500), now_ns),)
            case Verb.RESUME:
                return (moves.resume(report, now_ns),)
            case Verb.REJECT:
                return (moves.reject(report, self._words(action, "reason", 500), now_ns),)
            case Verb.CLOSE:
                return (moves.close(report, self._words(action, "result", 500), (), now_ns),)
            case Verb.REOPEN:
                return (moves.reopen(report, self._words(action, "reason", 500), 24.0, now_ns),)
            case Verb.MERGE:
                return moves.merge(report, self._report(args.get("into", "")), (), now_ns)
            case Verb.UNMERGE:
                if not report.merged_into:
                    raise TransitionRefused("not_merged")
                back, head = moves.unmerge(report, self._report(report.merged_into))
                return (back,) if broken("report-twins") else (back, head)
            case Verb.ORDER:
                unit = self._agency(action)
                words = self._words(action, "text", 500)
                return (moves.order(report, unit, unit.name, words, person.short, now_ns),)
            case Verb.ORDER_STEP:
                step = "done" if broken("report-course") and args["step"] == "received" else args.get("step", "")
                number = args.get("order", "")
                return (moves.order_step(report, int(number) if number.isdigit() else -1, step, now_ns),)
        raise Unfit("bad_category")

    def _agency(self, action: Action) -> Agency:
        found = self._desk.records("config").get(action.args.get("agency", ""))
        if not isinstance(found, Agency):
            raise Unfit("bad_agency")
        return found
