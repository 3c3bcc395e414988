"""What people change of the centre's own data (rules of the clock, agencies, limits), judged, and in force on its day.

Changes of a record are kept in one record beside it (`domain.settings.Setting`), in the feed `config` of the log
itself, and each is an event of the timeline besides: with the log it survives every restart, reaches every hub, and is
decided in one transaction with the click.
What a source gives lies below it: it takes the place of nothing that was decided here, and is what a reset leads to.
In force is put what holds now: at the click, at midnight, and at the start. Right and expiry are checked before.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from backends.domain.action import Action
from backends.domain.alarm import TransitionRefused
from backends.domain.limits import day_of
from backends.domain.people import Operator
from backends.domain.place import Agency, SlaRule
from backends.domain.report import Report
from backends.domain.report_moves import lose_agency
from backends.domain.sensor import Limit, Sensor
from backends.domain.setting_agencies import agencies_on, check_agency, check_end, heir_of, works_of
from backends.domain.setting_limits import (
    below,
    check_kind,
    check_limits,
    kind_limits,
    kind_of,
    set_limits,
    together,
    within,
)
from backends.domain.settings import (
    EVER,
    KINDS,
    LIMITS,
    SETTING,
    AgencyEnd,
    Amendment,
    Configured,
    KindLimits,
    LimitsRecord,
    SensorLimits,
    Setting,
    SettingRecord,
    SettingRefused,
    amended,
    check_day,
    check_rule,
    is_id,
    with_change,
)
from backends.hub import timeline
from backends.hub.intake import Intake
from backends.hub.log import SqliteLog
from backends.hub.ports import Change, EventLog
from backends.protocol.codec import BadMessage, decode_body, prescan

FEED = "config"
REASON_LIMIT = 200
"""Characters of why something is changed."""
_RECORD: msgspec.json.Decoder[Any] = msgspec.json.Decoder(SettingRecord)


class Decided(msgspec.Struct, frozen=True):
    """What is to be written in one transaction; `records` are known from the commit on, as (feed, record)."""

    setting: Setting
    records: tuple[tuple[str, Any], ...]
    changes: tuple[Change, ...]
    gone: tuple[tuple[str, str], ...] = ()
    """(feed, id) of what leaves its feed with it."""


class ConfigDesk:
    """Pure but for what `Intake` knows. One thread."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._day = ""
        """On which everything that begins had been put in force."""

    def judge(self, person: Operator, action: Action, now_ns: int) -> Decided:
        """Raises SettingRefused, or TransitionRefused where it has changed since it was seen."""
        setting = self._intake.setting(action.target)
        if action.expect_state_rev != self._intake.rev(FEED, SETTING + action.target):
            raise TransitionRefused("changed", setting.amendments[-1].by if setting is not None else "")
        reason, valid_from = action.args.get("reason", "").strip(), action.args.get("valid_from", "")
        if not 0 < len(reason) <= REASON_LIMIT:
            raise SettingRefused("bad_reason", str(REASON_LIMIT))
        check_day(valid_from, now_ns, setting)
        given = self._given(action.target, valid_from, setting)
        setting = setting if setting is not None else Setting(SETTING + action.target, action.target)
        setting = msgspec.structs.replace(setting, given=given)
        wanted = self._wanted(action, setting)
        if (setting.given if wanted is None else wanted) == setting.last():
            raise TransitionRefused("unchanged")
        self._check(wanted, setting, valid_from)
        before = setting.last()
        if isinstance(before, LimitsRecord) and isinstance(given, LimitsRecord):
            before = together(before, given)
        made = Amendment(now_ns, person.id, person.short, reason, valid_from, wanted, before)
        rev = self._intake.rev(FEED, setting.id) + 1
        setting = msgspec.structs.replace(with_change(setting, made), rev=rev)
        changes = [Change(FEED, "put", setting.id, now_ns, setting, setting.rev, action.aid)]
        if isinstance(wanted, AgencyEnd) and wanted == setting.at(now_ns):
            return self._taken_away(person, action, setting, wanted, changes, now_ns)
        moved = self._moved(setting, now_ns)
        for feed, record in moved:
            changes.append(Change(feed, "put", record.id, now_ns, record, self._next_rev(feed, record.id), action.aid))
        changes.append(self._noted(setting, action, person, now_ns))
        return Decided(setting, ((FEED, setting), *moved), tuple(changes))

    def _taken_away(
        self, person: Operator, action: Action, setting: Setting, end: AgencyEnd, changes: list[Change], now_ns: int
    ) -> Decided:  # fmt: skip
        """The agency is gone with the click, and so are its reports."""
        gone: tuple[tuple[str, str], ...] = ()
        if end.id in self._intake.records(FEED):
            changes.append(Change(FEED, "del", end.id, now_ns, None, self._next_rev(FEED, end.id), action.aid))
            gone = ((FEED, end.id),)
        reports = self._handed_on(end, setting.amendments[-1], now_ns)
        for one in reports:
            put = Change("reports", "put", one.id, now_ns, one, one.rev, action.aid)
            changes += [put, timeline.of_report(one, now_ns, action.aid)]
        changes.append(self._noted(setting, action, person, now_ns))
        return Decided(setting, ((FEED, setting), *(("reports", one) for one in reports)), tuple(changes), gone)

    def _handed_on(self, end: AgencyEnd, made: Amendment, now_ns: int) -> list[Report]:
        """What was its work, as it is from then on."""
        heir = heir_of(end, self._intake.records(FEED), now_ns)
        reason = f"{end.name.vi} · {made.reason}"
        works = works_of(end.id, self._intake.records("reports").values())
        return [msgspec.structs.replace(lose_agency(one, heir, reason, now_ns), decided_by=made.by) for one in works]

    def _noted(self, setting: Setting, action: Action, person: Operator, now_ns: int) -> Change:
        last = setting.amendments[-1].record
        heir = self._intake.records(FEED).get(last.heir) if isinstance(last, AgencyEnd) else None
        return timeline.of_setting(setting, action.aid, person, now_ns, heir.name if heir is not None else None)

    def _moved(self, setting: Setting, now_ns: int) -> tuple[tuple[str, Any], ...]:
        """What is another one by this setting, from now on."""
        if sensors := self._sensors(setting.target):
            set_so = set_limits(setting, of_kind=setting.target.startswith(KINDS))
            moved = (self._relimited(one, set_so, kind=setting.target.startswith(KINDS)) for one in sensors)
            return tuple(("sensors", one) for one in moved if one is not None)
        holds = setting.at(now_ns)
        if holds is None or holds == self._intake.records(FEED).get(setting.target):
            return ()
        return ((FEED, holds),)

    def _relimited(self, sensor: Sensor, set_so: tuple[Limit, ...], *, kind: bool) -> Sensor | None:
        """With its limits under that change, of it or of its `kind`; None: nothing is another one."""
        own = set_limits(self._intake.setting(LIMITS + sensor.id), of_kind=False) if kind else set_so
        of_kind = set_so if kind else self._intake.of_kind(sensor)
        limits = (*self._intake.given(sensor).limits, *of_kind, *own)
        if limits == sensor.limits:
            return None
        return msgspec.structs.replace(sensor, limits=limits, rev=self._next_rev("sensors", sensor.id))

    def turn(self, now_ns: int) -> list[Change]:
        """What begins to hold with a new day; at the first call all that does. Cheap on any other. (Limits of sensors
        carry their days themselves.)"""
        if (day := day_of(now_ns)) == self._day:
            return []
        self._day = day
        changes: list[Change] = []
        for setting in [one for one in self._intake.records(FEED).values() if isinstance(one, Setting)]:
            holds = setting.at(now_ns)
            if isinstance(holds, Configured):
                changes += self._intake.put(FEED, holds, now_ns)
            elif isinstance(holds, AgencyEnd) and holds.id in self._intake.records(FEED):
                changes += self._end(holds, setting.standing(now_ns), now_ns)
        return changes

    def _end(self, end: AgencyEnd, made: Amendment | None, now_ns: int) -> list[Change]:
        """An agency's last day is over."""
        assert made is not None  # it holds
        changes = self._intake.let_go(FEED, (end.id,), now_ns)
        for one in self._handed_on(end, made, now_ns):
            self._intake.restore("reports", one, one.rev)
            changes += [Change("reports", "put", one.id, now_ns, one, one.rev), timeline.of_report(one, now_ns)]
        return changes

    # -- what there is -------------------------------------------------------------------------------

    def _next_rev(self, feed: str, id_: str) -> int:
        return self._intake.rev(feed, id_) + 1

    def _sensors(self, target: str) -> list[Sensor]:
        """Whose limits these are; none: they are no sensor's."""
        sensors = self._intake.records("sensors")
        if target.startswith(LIMITS):
            found: Sensor | None = sensors.get(target.removeprefix(LIMITS))
            return [found] if found is not None else []
        return [one for one in sensors.values() if kind_of(one) == target] if target.startswith(KINDS) else []

    def _given(self, target: str, day: str, setting: Setting | None) -> SettingRecord | None:
        """What the source gives, of that day; None: nothing, it is new. Raises SettingRefused: there is no such sensor,
        or it is there and is not changed here (an area, a line of the map)."""
        if target.startswith((LIMITS, KINDS)):
            sensors = self._sensors(target)
            if not sensors:
                raise SettingRefused("unknown_sensor", target[:64])
            return kind_limits(sensors, day, given=True) if target.startswith(KINDS) else below(sensors[0], day)
        if setting is not None:
            return setting.given
        found: object = self._intake.records(FEED).get(target)
        if found is None or isinstance(found, Configured):
            return found
        raise SettingRefused("not_changed_here", target[:64])

    def _wanted(self, action: Action, setting: Setting) -> SettingRecord | None:
        """None: what the source gives."""
        if "json" not in action.args:
            if setting.given is None:
                raise SettingRefused("nothing_given")
            return None
        try:
            raw = action.args["json"].encode()
            prescan(raw)
            record: SettingRecord = _RECORD.decode(raw)
        except (BadMessage, msgspec.DecodeError, UnicodeEncodeError) as error:
            raise SettingRefused("bad_record", str(error)[:200]) from None
        if record.id != action.target:
            raise SettingRefused("bad_record", "another one than the target")
        last = setting.last()
        if (last is None and isinstance(record, AgencyEnd)) or (last is not None and not _alike(record, last)):
            raise SettingRefused("bad_record", "another kind of record than it is")
        kinds = (isinstance(record, SensorLimits), isinstance(record, KindLimits))
        if kinds != (action.target.startswith(LIMITS), action.target.startswith(KINDS)):
            raise SettingRefused("bad_record", "limits are those of a sensor, or of a kind")
        if isinstance(record, KindLimits) and isinstance(setting.given, KindLimits):
            record = msgspec.structs.replace(record, name=setting.given.name)
        if last is None and not is_id(record.id):
            raise SettingRefused("bad_record", "id: a-z, 0-9, '-' and '_', 64 at most")
        return record

    def _check(self, wanted: SettingRecord | None, setting: Setting, day: str) -> None:
        record = wanted if wanted is not None else setting.given
        before, known = setting.last(), self._intake.records(FEED)
        if isinstance(record, SlaRule):
            settings = (one.last() for one in known.values() if isinstance(one, Setting))
            rules = [one for one in (*known.values(), *settings) if isinstance(one, SlaRule) and one.id != record.id]
            check_rule(record, before if isinstance(before, SlaRule) else None, rules)
        elif isinstance(record, Agency):
            check_agency(record, agencies_on(known, day), agencies_on(known, EVER))
        elif isinstance(record, AgencyEnd):
            works = works_of(record.id, self._intake.records("reports").values())
            check_end(record, agencies_on(known, day), agencies_on(known, EVER), len(works))
        elif isinstance(wanted, LimitsRecord):
            self._check_limits(wanted, setting, day)

    def _check_limits(self, wanted: LimitsRecord, setting: Setting, day: str) -> None:
        sensors, given = self._sensors(wanted.id), setting.given
        last = setting.amendments[-1].record if setting.amendments else None
        before = last if isinstance(last, LimitsRecord) else None
        if isinstance(wanted, KindLimits) and isinstance(given, KindLimits):
            check_kind(wanted, given, before, sensors, day)
        elif isinstance(wanted, SensorLimits) and isinstance(given, SensorLimits):
            check_limits(wanted, given, before, within(sensors[0]))


def _alike(record: SettingRecord, last: SettingRecord) -> bool:
    """Of one kind; an agency and its end are, where both say the same of it."""
    if isinstance(record, AgencyEnd) and isinstance(last, Agency | AgencyEnd):
        return (record.name, record.parent) == (last.name, last.parent)
    return type(record) is type(last) or (isinstance(record, Agency) and isinstance(last, AgencyEnd))


def settings_in(log: EventLog) -> list[Setting]:
    """What was ever changed, as a log has it."""
    found = []
    for envelope in log.items(FEED):
        if envelope.id.startswith(SETTING):
            try:
                record = decode_body(FEED, envelope.body)
            except BadMessage:
                continue  # said where the log's items are taken in
            if isinstance(record, Setting):
                found.append(record)
    return found


def carry(settings: Iterable[Setting], log: SqliteLog, now_ns: int) -> None:
    """Into a log that is new: a new day of the demo goes on with what was changed on the one before."""
    changes = [Change(FEED, "put", one.id, now_ns, one, one.rev) for one in settings]
    if changes:
        log.commit(changes, now_ns)


def over(records: Iterable[object], settings: Iterable[Setting], now_ns: int) -> tuple[Any, ...]:
    """A source's records for the feed, under what was changed here."""
    return tuple(amended(records, settings, now_ns))
