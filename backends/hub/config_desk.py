"""What people change of the centre's own data (rules of the clock, agencies), judged and put in force on its day.

Every change of a record is kept in one record beside it (`domain.settings.Setting`), in the feed `config` of the log
itself: with the log it survives every restart, reaches every hub, and is decided in one transaction with the click.
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
from backends.domain.settings import (
    SETTING,
    Amendment,
    Setting,
    SettingRecord,
    SettingRefused,
    amended,
    check_agency,
    check_day,
    check_rule,
    is_id,
)
from backends.hub import timeline
from backends.hub.intake import Intake
from backends.hub.log import SqliteLog
from backends.hub.ports import Change, EventLog
from backends.protocol.codec import BadMessage, decode_body

FEED = "config"
REASON_LIMIT = 200
"""Characters of why something is changed."""


class Decided(msgspec.Struct, frozen=True):
    """What is to be written in one transaction; `setting` is how it stands then."""

    setting: Setting
    holds: SettingRecord | None
    """What is in force from now on; None: it moves on a later day."""
    changes: tuple[Change, ...]


class ConfigDesk:
    """Pure but for what `Intake` knows. One thread."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._day = ""
        """On which everything that begins had been put in force."""

    def judge(self, person: Operator, action: Action, now_ns: int) -> Decided:
        """Raises SettingRefused, or TransitionRefused where it has changed since it was seen."""
        setting = self._setting(action.target)
        if action.expect_state_rev != self._intake.rev(FEED, SETTING + action.target):
            raise TransitionRefused("changed", setting.amendments[-1].by if setting is not None else "")
        standing = self._standing(action.target)
        if setting is None:
            setting = Setting(SETTING + action.target, action.target, given=standing)
        wanted = self._wanted(action, setting)
        reason = action.args.get("reason", "").strip()
        if not 0 < len(reason) <= REASON_LIMIT:
            raise SettingRefused("bad_reason", str(REASON_LIMIT))
        valid_from = action.args.get("valid_from", "")
        check_day(valid_from, now_ns, setting)
        after = setting.given if wanted is None else wanted
        if after == setting.last():
            raise TransitionRefused("unchanged")
        self._check(wanted, setting)
        made = Amendment(now_ns, person.id, person.short, reason, valid_from, wanted, setting.last())
        rev = self._intake.rev(FEED, setting.id) + 1
        setting = msgspec.structs.replace(setting, amendments=(*setting.amendments, made), rev=rev)
        return self._decided(setting, standing, action, person, now_ns)

    def _decided(
        self, setting: Setting, standing: SettingRecord | None, action: Action, person: Operator, now_ns: int
    ) -> Decided:  # fmt: skip
        holds = setting.at(now_ns)
        if holds == standing:
            holds = None
        changes = [Change(FEED, "put", setting.id, now_ns, setting, setting.rev, action.aid)]
        if holds is not None:
            rev = self._intake.rev(FEED, holds.id) + 1
            changes.append(Change(FEED, "put", holds.id, now_ns, holds, rev, action.aid))
        changes.append(timeline.of_setting(setting, action.aid, person, now_ns))
        return Decided(setting, holds, tuple(changes))

    def turn(self, now_ns: int) -> list[Change]:
        """What begins to hold with a new day; at the first call all that does. Cheap on any other."""
        if (day := day_of(now_ns)) == self._day:
            return []
        self._day = day
        settings = [one for one in self._intake.records(FEED).values() if isinstance(one, Setting)]
        holding = [record for one in settings if (record := one.at(now_ns)) is not None]
        return [change for record in holding for change in self._intake.put(FEED, record, now_ns)]

    # -- what there is -------------------------------------------------------------------------------

    def _setting(self, target: str) -> Setting | None:
        found: object = self._intake.records(FEED).get(SETTING + target)
        return found if isinstance(found, Setting) else None

    def _standing(self, target: str) -> SettingRecord | None:
        """What holds now. Raises SettingRefused: it is there, and is not changed here (an area, a line of the map)."""
        found: object = self._intake.records(FEED).get(target)
        if found is None or isinstance(found, SettingRecord):
            return found
        raise SettingRefused("not_changed_here", target[:64])

    def _wanted(self, action: Action, setting: Setting) -> SettingRecord | None:
        """None: what the source gives."""
        if "json" not in action.args:
            if setting.given is None:
                raise SettingRefused("nothing_given")
            return None
        try:
            record = decode_body(FEED, action.args["json"].encode())
        except (BadMessage, UnicodeEncodeError) as error:
            raise SettingRefused("bad_record", str(error)[:200]) from None
        if not isinstance(record, SettingRecord) or record.id != action.target:
            raise SettingRefused("bad_record", "another kind of record, or another one than the target")
        last = setting.last()
        if last is not None and type(record) is not type(last):
            raise SettingRefused("bad_record", "another kind of record than it is")
        if last is None and not is_id(record.id):
            raise SettingRefused("bad_record", "id: a-z, 0-9, '-' and '_', 64 at most")
        return record

    def _check(self, wanted: SettingRecord | None, setting: Setting) -> None:
        record = wanted if wanted is not None else setting.given
        if isinstance(record, SlaRule):
            before = setting.last()
            rules = (*self._now(SlaRule).values(), *self._later(SlaRule).values())
            others = [one for one in rules if one.id != record.id]
            check_rule(record, before if isinstance(before, SlaRule) else None, others)
        elif isinstance(record, Agency):
            check_agency(record, self._now(Agency), self._later(Agency))

    def _now(self, kind: type[Any]) -> dict[str, Any]:
        return {id_: one for id_, one in self._intake.records(FEED).items() if isinstance(one, kind)}

    def _later(self, kind: type[Any]) -> dict[str, Any]:
        """As they will be when all that was decided has begun."""
        settings = (one for one in self._intake.records(FEED).values() if isinstance(one, Setting))
        last = {one.target: record for one in settings if isinstance(record := one.last(), kind)}
        return {**self._now(kind), **last}


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
