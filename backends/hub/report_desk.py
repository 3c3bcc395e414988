"""What people do to citizen reports, judged: right and expiry are checked before, the transaction is the caller's.

Agencies, units and SLA rules are those of the feed `config`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from backends.domain import report_moves as moves
from backends.domain.action import REPORT_VERBS, Action, Verb
from backends.domain.alarm import TransitionRefused
from backends.domain.people import Operator, Role
from backends.domain.place import Agency, Area, SlaRule
from backends.domain.report import Channel, Report, ReportState
from backends.domain.setting_agencies import placed
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from backends.hub import timeline
from backends.hub.intake import Intake
from backends.hub.own_numbers import OWN
from backends.hub.ports import Change

REASON_LIMIT = 500
"""Characters of a reason, of an order, of a result."""
TITLE_LIMIT = 200
TEXT_LIMIT = 2000
PICTURES = 8
_BLOB = re.compile(r"[0-9a-f]{64}")
_FINE = 6
"""Decimals of a coordinate that are kept: a tenth of a metre."""


class Unfit(Exception):
    """The action does not fit the protocol; nothing was asked of the report."""

    def __init__(self, code: str, text: str = "") -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text


class Judged(msgspec.Struct, frozen=True):
    """What is to be written in one transaction; the first record is the target's."""

    records: tuple[Report, ...]
    changes: tuple[Change, ...]


class ReportDesk:
    """Pure but for what `Intake` knows. One thread."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    def judge(self, person: Operator, action: Action, now_ns: int) -> Judged:
        """Raises Unfit, or TransitionRefused where it does not fit the report as it stands."""
        if action.verb not in REPORT_VERBS:
            raise Unfit("unsupported", f"{action.verb.value} on reports")
        if action.verb is Verb.INTAKE:
            made = self._taken_in(person, action, now_ns)
            return self._written(person, action, now_ns, (made,), made.text)
        records = self._moved(self.report(action.target), action, person, now_ns)
        said = action.args.get("reason") or action.args.get("text") or action.args.get("result") or ""
        if action.verb not in (Verb.CLAIM, Verb.RELEASE):
            records = tuple(msgspec.structs.replace(record, decided_by=person.short) for record in records)
        return self._written(person, action, now_ns, records, said.strip())

    def _moved(  # noqa: PLR0912  # one line a verb: a table
        self, report: Report, action: Action, person: Operator, now_ns: int
    ) -> tuple[Report, ...]:
        """The report as it would be, first; then what moves with it."""
        args = action.args
        match action.verb:
            case Verb.CLAIM:
                moved = moves.claim(report, person.short, person.id)
            case Verb.RELEASE:
                moved = moves.release(report, person.id, anybody=person.role is Role.SHIFT_LEAD)
            case Verb.CATEGORISE:
                moved = moves.categorise(report, self.rule(args.get("category", "")))
            case Verb.ASSIGN:
                agency = self._agency(args)
                moved = moves.assign(report, agency, agency.name, now_ns)
            case Verb.START:
                moved = moves.start(report)
            case Verb.SEND_BACK:
                moved = moves.send_back(report, _reason(args), now_ns)
            case Verb.PAUSE:
                moved = moves.pause(report, _reason(args), now_ns)
            case Verb.RESUME:
                moved = moves.resume(report, now_ns)
            case Verb.REJECT:
                moved = moves.reject(report, _reason(args), now_ns)
            case Verb.CLOSE:
                moved = moves.close(report, _words(args, "result", REASON_LIMIT), pictures_named(args), now_ns)
            case Verb.REOPEN:
                moved = moves.reopen(report, _reason(args), self.rule(report.category).hours, now_ns)
                moved = placed(moved, self._intake.records("config"), now_ns)
            case Verb.MERGE:
                children = (self._intake.records("reports").get(id_) for id_ in report.merged)
                known = [child for child in children if child is not None]
                return moves.merge(report, self.report(args.get("into", "")), known, now_ns)
            case Verb.UNMERGE:
                if not report.merged_into:
                    raise TransitionRefused("not_merged")
                return moves.unmerge(report, self.report(report.merged_into))
            case Verb.ORDER:
                unit = self._agency(args)
                moved = moves.order(report, unit, unit.name, _words(args, "text", REASON_LIMIT), person.short, now_ns)
            case _:
                moved = moves.order_step(report, _number(args), args.get("step", ""), now_ns)
        return (moved,)

    def report(self, id_: str) -> Report:
        """Raises TransitionRefused("gone")."""
        found: Report | None = self._intake.records("reports").get(id_)
        if found is None:
            raise TransitionRefused("gone")
        return found

    def _agency(self, args: Mapping[str, str]) -> Agency:
        found: Agency = self._config(Agency, args.get("agency", ""), "bad_agency")
        return found

    def rule(self, category: str) -> SlaRule:
        """Raises Unfit: no such category."""
        for record in self._intake.records("config").values():
            if isinstance(record, SlaRule) and record.category == category:
                return record
        raise Unfit("bad_category", category[:64])

    def _config(self, kind: type[Any], id_: str, code: str) -> Any:
        found = self._intake.records("config").get(id_)
        if not isinstance(found, kind):
            raise Unfit(code, id_[:64])
        return found

    def _taken_in(self, person: Operator, action: Action, now_ns: int) -> Report:
        """A report that the centre writes down itself: a call, or what an operator sees."""
        args = action.args
        rule = self.rule(args.get("category", ""))
        title = _words(args, "title", TITLE_LIMIT)
        channel = args.get("channel", Channel.OPERATOR.value)
        if channel not in (Channel.HOTLINE.value, Channel.OPERATOR.value, Channel.SOCIAL.value):
            raise Unfit("bad_channel", channel[:32])
        area: Area | None = self._config(Area, args["area"], "bad_area") if args.get("area") else None
        at = _place(args)
        return Report(
            self._next_number(), rule.category, LocalText(title), ReportState.NEW, now_ns,
            now_ns + int(rule.hours * 3600 * NS_PER_S), _words(args, "text", TEXT_LIMIT, least=0),
            LocalText(_words(args, "place", TITLE_LIMIT, least=0)), area.id if area is not None else "",
            at[0] if at is not None else None, at[1] if at is not None else None, rule.name,
            channel=Channel(channel), before=pictures_named(args), decided_by=person.short,
            camera_ids=(args["camera"],) if args.get("camera") in self._intake.records("cameras") else (),
        )  # fmt: skip

    def _next_number(self) -> str:
        """The next of the centre's own: numbers of reports that are gone are not given again in this life."""
        return f"{OWN}{self._intake.highest('reports', OWN) + 1:04d}"

    def _written(
        self, person: Operator, action: Action, now_ns: int, records: tuple[Report, ...], said: str
    ) -> Judged:  # fmt: skip
        changes: list[Change] = []
        for n, record in enumerate(records):
            changes.append(Change("reports", "put", record.id, now_ns, record, record.rev, action.aid))
            if n == 0:
                changes.append(timeline.of_report_act(record, action, person, said, now_ns))
        return Judged(records, tuple(changes))


def _words(args: Mapping[str, str], key: str, most: int, *, least: int = 1) -> str:
    """Raises Unfit."""
    text = args.get(key, "").strip()
    if not least <= len(text) <= most:
        raise Unfit("bad_text", f"{key}: {least} to {most} characters")
    return text


def pictures_named(args: Mapping[str, str], most: int = PICTURES) -> tuple[str, ...]:
    """Blob ids, separated by blanks. Raises Unfit."""
    named = tuple(args.get("pictures", "").split())
    if len(named) > most or not all(_BLOB.fullmatch(one) for one in named):
        raise Unfit("bad_pictures", f"at most {most} SHA-256")
    return named


def _place(args: Mapping[str, str]) -> tuple[float, float] | None:
    """(lon, lat). Raises Unfit."""
    if not args.get("lon") and not args.get("lat"):
        return None
    try:
        lon, lat = float(args.get("lon", "")), float(args.get("lat", ""))
    except ValueError:
        raise Unfit("bad_place", "lon and lat: decimal degrees") from None
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):
        raise Unfit("bad_place", "lon and lat: decimal degrees")
    return round(lon, _FINE), round(lat, _FINE)


def _number(args: Mapping[str, str]) -> int:
    """Which of its orders. Raises Unfit."""
    number = args.get("order", "")
    if not (number.isascii() and number.isdigit() and len(number) < 4):
        raise Unfit("bad_order", "order: its number, from 0")
    return int(number)


def _reason(args: Mapping[str, str]) -> str:
    return _words(args, "reason", REASON_LIMIT)
