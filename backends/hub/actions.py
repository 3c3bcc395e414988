"""Actions of operators: dedupe, expiry, expectation, right, effect; one transaction each.

Who acts is told by the caller, who knows it from the station's key and the session, never from the action;
what he may do stands in backends.domain.access. Nothing of an action takes effect before its transaction is
on disk; a crash in between leaves it to the console's retry.
"""

from __future__ import annotations

import hashlib
import logging
import re
import tomllib
from collections import Counter
from typing import Any

import msgspec

from backends.domain.access import SHELVE_MOST_S, may
from backends.domain.action import Action, Stage, Verb
from backends.domain.alarm import Alarm, TransitionRefused
from backends.domain.incident import LayoutRecord, TimelineEvent
from backends.domain.people import Operator
from backends.domain.report import Report
from backends.domain.settings import SETTING, SettingRefused
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from backends.hub import cover_desk, step_desk, timeline
from backends.hub.alarm_acts import ALARM_VERBS, acted, changes_of
from backends.hub.config_desk import ConfigDesk
from backends.hub.handover_desk import HandoverDesk
from backends.hub.intake import Intake
from backends.hub.log import MAX_BODY, oversized
from backends.hub.logbook import LogBook, change_of
from backends.hub.ports import ActionRow, Change, EventLog
from backends.hub.report_desk import ReportDesk, Unfit
from backends.hub.security import told
from backends.protocol.messages import Ack, Envelope

log = logging.getLogger(__name__)

COMMENT_LIMIT = 2000
"""Characters of a comment."""
UNKEPT = ("nobody_signed_in", "not_allowed")
"""Refusals that cost no row and no fsync: they say who asks, not what became of the action, and a station must not
fill the disk with them. The same id is judged anew."""
COMMENT_FEEDS = ("alarms", "incidents", "reports", "cameras")
_AID = re.compile(r"[0-9A-Za-z_.:-]{1,64}")
TARGET_LIMIT = 200
"""Characters of a target's id."""
REASON_LIMIT = 200
"""Characters of why an alarm is set aside, or why a secret is looked at."""
LAYOUT_LIMIT = 64 << 10
"""Bytes of a layout's TOML; the shipped ones have 2 to 4 KiB."""
DOTS_MOST = 64
"""In one line of it: the reader's time grows with the square of a key's parts, 40 s for one that fills LAYOUT_LIMIT."""
LAYOUTS_MOST = 100
"""Of the centre: all of them are at every console, and nobody takes one back."""
NAME_LIMIT = 80
_LAYOUT_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


class Answer(msgspec.Struct, frozen=True):
    """What goes back to the station, and what everybody hears."""

    acks: tuple[Ack, ...]
    published: tuple[Envelope, ...] = ()


class _Verdict(msgspec.Struct, frozen=True):
    stage: Stage
    code: str = ""
    text: str = ""
    rev: int = 0
    moved: Alarm | None = None
    records: tuple[tuple[str, Any], ...] = ()
    """(feed, record): known from the commit on."""
    changes: tuple[Change, ...] = ()
    gone: tuple[tuple[str, str], ...] = ()
    """(feed, id) of what leaves its feed; the changes say so already."""
    entry: TimelineEvent | None = None
    """Of the logbook: known from the commit on."""


def digest(action: Action) -> bytes:
    """Fingerprint of an action's content; the order of `args` does not matter."""
    return hashlib.sha256(msgspec.json.encode(action, order="deterministic")).digest()


class ActionDesk:
    """Takes the actions of all stations, in the order in which they arrive."""

    def __init__(self, events: EventLog, intake: Intake) -> None:
        self._log = events
        self._intake = intake
        self._reports = ReportDesk(intake)
        self.logbook = LogBook(self._entry)
        self._handovers = HandoverDesk(intake, self.logbook)
        self._config = ConfigDesk(intake)
        self._counters: Counter[str] = Counter()

    def _entry(self, aid: str) -> Envelope | None:
        """Of the logbook, by the action that wrote it; any other id is not worth a look through the log."""
        return self._log.find("timeline", aid) if self._log.outcome(aid) is not None else None

    def take(self, station: str, person: Operator | None, action: Action, now_ns: int) -> Answer:
        """Decide, store, apply; `person` None = nobody is signed in.

        Raises LogTrouble when it cannot be kept: nothing has happened then.
        """
        if not _AID.fullmatch(action.aid):
            return Answer((Ack(action.aid[:64], Stage.REFUSED.value, code="bad_aid"),))
        fingerprint = digest(action)
        known = self._log.outcome(action.aid)
        if known is not None:
            return Answer((self._again(known, station, fingerprint),))
        verdict = self._judge(person, action, now_ns)
        if verdict.code in UNKEPT:
            return Answer((Ack(action.aid, verdict.stage.value, 0, verdict.code, verdict.text),))
        if any(oversized(change) for change in verdict.changes):
            # The log would leave it out: applied and not written is a lie.
            verdict = _Verdict(Stage.REFUSED, "too_long", f"more than {MAX_BODY} bytes")
        row = ActionRow(action.aid, station, fingerprint, verdict.stage.value, verdict.code, verdict.text, verdict.rev)
        published = self._log.commit(verdict.changes, now_ns, action=row)
        if verdict.moved is not None:
            self._intake.engine.keep(verdict.moved, now_ns)
        for feed, record in verdict.records:
            rev = record.rev if hasattr(record, "rev") else self._intake.rev(feed, record.id) + 1
            self._intake.restore(feed, record, rev)
        for feed, id_ in verdict.gone:
            self._intake.let_go(feed, (id_,), now_ns)
        if verdict.entry is not None:
            self.logbook.keep(verdict.entry)
        return Answer(
            (
                Ack(action.aid, Stage.STORED.value),
                Ack(action.aid, verdict.stage.value, verdict.rev, verdict.code, verdict.text),
            ),
            tuple(published),
        )

    def _again(self, known: ActionRow, station: str, fingerprint: bytes) -> Ack:
        if known.station != station or known.digest != fingerprint:
            text = "action %s of %s came again with other content"
            told(self._counters, "aid_reused", log, text, known.aid, station)
            return Ack(known.aid, Stage.REFUSED.value, code="aid_reused")
        return Ack(known.aid, Stage.DUPLICATE.value, known.rev, known.code, known.text, outcome=known.stage)

    def _judge(self, person: Operator | None, action: Action, now_ns: int) -> _Verdict:
        if person is None:
            return _Verdict(Stage.REFUSED, "nobody_signed_in")
        if not may(person.role, action.verb):
            return _Verdict(Stage.REFUSED, "not_allowed", person.role.value)
        if action.expires_at_ns and now_ns > action.expires_at_ns:
            return _Verdict(Stage.EXPIRED, "expired")
        if action.feed == "handovers":
            return self._on_handover(person, action, now_ns)
        if action.verb is Verb.LOG:
            return self._log_entry(person, action, now_ns)
        if action.verb is Verb.COMMENT:
            return self._comment(person, action, now_ns)
        if action.verb is Verb.PUSH_LAYOUT:
            return self._layout(person, action, now_ns)
        if action.verb is Verb.STEP and action.feed == "alarms":
            return self._on_step(person, action, now_ns)
        if action.verb is Verb.CONFIGURE:
            return self._configure(person, action, now_ns)
        if action.feed == "reports":
            return self._on_report(person, action, now_ns)
        if action.feed == "roster":
            return self._on_roster(person, action, now_ns)
        if action.feed != "alarms" or action.verb not in ALARM_VERBS:
            return _Verdict(Stage.REFUSED, "unsupported", f"{action.verb.value} on {action.feed[:32]}")
        return self._on_alarm(person, action, now_ns)

    def _on_alarm(self, person: Operator, action: Action, now_ns: int) -> _Verdict:
        if (wrong := _unfit_setting_aside(person, action, now_ns)) is not None:
            return wrong
        standing = self._intake.engine.alarm(action.target)
        if standing is None:
            return _Verdict(Stage.CONFLICT, "gone")
        try:
            moved = acted(standing, action.verb, person, now_ns, action.args)
        except TransitionRefused as refused:
            return _Verdict(Stage.CONFLICT, refused.code, refused.holder, standing.rev)
        if action.expect_state_rev and action.expect_state_rev != standing.state_rev:
            return _Verdict(Stage.CONFLICT, "changed", standing.holder or standing.acked_by, standing.rev)
        note = timeline.of_verb(moved, action.verb, person, now_ns, cause=action.aid)
        changes = changes_of(moved, now_ns, note, cause=action.aid)
        return _Verdict(Stage.APPLIED, rev=moved.rev, moved=moved, changes=tuple(changes))

    def _on_step(self, person: Operator, action: Action, now_ns: int) -> _Verdict:
        """Of the alarm's procedure; the state of the alarm itself is not asked for, nor does it move."""
        standing = self._intake.engine.alarm(action.target)
        if standing is None:
            return _Verdict(Stage.CONFLICT, "gone")
        try:
            moved, note = step_desk.judge(standing, self._intake.records("config"), person, action, now_ns)
        except Unfit as unfit:
            return _Verdict(Stage.REFUSED, unfit.code, unfit.text)
        except TransitionRefused as refused:
            return _Verdict(Stage.CONFLICT, refused.code, refused.holder, standing.rev)
        changes = changes_of(moved, now_ns, note, cause=action.aid)
        return _Verdict(Stage.APPLIED, rev=moved.rev, moved=moved, changes=tuple(changes))

    def _on_report(self, person: Operator, action: Action, now_ns: int) -> _Verdict:
        try:
            judged = self._reports.judge(person, action, now_ns)
        except Unfit as unfit:
            return _Verdict(Stage.REFUSED, unfit.code, unfit.text)
        except TransitionRefused as refused:
            return _Verdict(Stage.CONFLICT, refused.code, refused.holder)
        standing: Report | None = self._intake.records("reports").get(action.target)
        if standing is not None and action.expect_state_rev not in (0, standing.state_rev):
            return _Verdict(Stage.CONFLICT, "changed", standing.holder or standing.decided_by, standing.rev)
        records = tuple(("reports", record) for record in judged.records)
        # A report that was taken in has its number from here.
        return _Verdict(Stage.APPLIED, "", judged.records[0].id, judged.records[0].rev, None, records, judged.changes)

    def _on_roster(self, person: Operator, action: Action, now_ns: int) -> _Verdict:
        try:
            moved, changes = cover_desk.judge(self._intake, person, action, now_ns)
        except Unfit as unfit:
            return _Verdict(Stage.REFUSED, unfit.code, unfit.text)
        except TransitionRefused as refused:
            return _Verdict(Stage.CONFLICT, refused.code, refused.holder)
        return _Verdict(Stage.APPLIED, rev=moved.rev, records=(("roster", moved),), changes=changes)

    def _on_handover(self, person: Operator, action: Action, now_ns: int) -> _Verdict:
        try:
            moved, changes = self._handovers.judge(person, action, now_ns)
        except Unfit as unfit:
            return _Verdict(Stage.REFUSED, unfit.code, unfit.text)
        except TransitionRefused as refused:
            return _Verdict(Stage.CONFLICT, refused.code, refused.holder, self._intake.rev("handovers", action.target))
        # One that was opened has its number from here.
        return _Verdict(Stage.APPLIED, "", moved.id, moved.rev, None, (("handovers", moved),), changes)

    def _log_entry(self, person: Operator, action: Action, now_ns: int) -> _Verdict:
        if action.feed != "timeline":
            return _Verdict(Stage.REFUSED, "unsupported", f"log on {action.feed[:32]}")
        try:
            entry = self.logbook.judge(person, action, now_ns)
        except Unfit as unfit:
            return _Verdict(Stage.REFUSED, unfit.code, unfit.text)
        return _Verdict(Stage.APPLIED, changes=(change_of(entry),), entry=entry)

    def _configure(self, person: Operator, action: Action, now_ns: int) -> _Verdict:
        if action.feed != "config" or not 0 < len(action.target) <= TARGET_LIMIT:
            return _Verdict(Stage.REFUSED, "unsupported", f"configure on {action.feed[:32]}")
        try:
            decided = self._config.judge(person, action, now_ns)
        except SettingRefused as unfit:
            return _Verdict(Stage.REFUSED, unfit.code, unfit.text)
        except TransitionRefused as refused:
            return _Verdict(
                Stage.CONFLICT, refused.code, refused.holder, self._intake.rev("config", SETTING + action.target)
            )
        rev = decided.setting.rev
        return _Verdict(Stage.APPLIED, rev=rev, records=decided.records, changes=decided.changes, gone=decided.gone)

    @staticmethod
    def _comment(person: Operator, action: Action, now_ns: int) -> _Verdict:
        text = action.args.get("text", "").strip()
        if action.feed not in COMMENT_FEEDS or not 0 < len(action.target) <= TARGET_LIMIT:
            return _Verdict(Stage.REFUSED, "unsupported", f"comment on {action.feed[:32]}")
        if not text or len(text) > COMMENT_LIMIT:
            return _Verdict(Stage.REFUSED, "bad_text", f"1 to {COMMENT_LIMIT} characters")
        note = timeline.of_comment(action.aid, action.target, person, text, now_ns)
        return _Verdict(Stage.APPLIED, changes=(note,))

    def _layout(self, person: Operator, action: Action, now_ns: int) -> _Verdict:
        """A layout for the whole room. What a layout may hold is the consoles' business; here it is a TOML text."""
        if action.feed != "layouts" or not _LAYOUT_ID.fullmatch(action.target):
            return _Verdict(Stage.REFUSED, "unsupported", "push_layout on feed layouts: id of a-z, 0-9, '-' and '_'")
        name = LocalText(action.args.get("name_vi", "").strip(), action.args.get("name_en", "").strip())
        if not 0 < len(name.vi) <= NAME_LIMIT or len(name.en) > NAME_LIMIT:
            return _Verdict(Stage.REFUSED, "bad_text", f"name_vi: 1 to {NAME_LIMIT} characters")
        toml = action.args.get("toml", "")
        if wrong := _unfit_toml(toml):
            return _Verdict(Stage.REFUSED, "bad_layout", wrong)
        old: LayoutRecord | None = self._intake.records("layouts").get(action.target)
        rev = self._intake.rev("layouts", action.target)
        if action.expect_state_rev and action.expect_state_rev != rev:
            return _Verdict(Stage.CONFLICT, "changed", old.name.vi if old is not None else "", rev)
        if old is None and len(self._intake.records("layouts")) >= LAYOUTS_MOST:
            return _Verdict(Stage.REFUSED, "bad_layout", f"at most {LAYOUTS_MOST} layouts")
        record = LayoutRecord(action.target, name, toml, rev + 1)
        put = Change("layouts", "put", record.id, now_ns, record, record.rev, action.aid)
        note = timeline.of_layout(action.aid, record, person, now_ns)
        return _Verdict(Stage.APPLIED, rev=record.rev, records=(("layouts", record),), changes=(put, note))


def _unfit_setting_aside(person: Operator, action: Action, now_ns: int) -> _Verdict | None:
    """Why this alarm may not be shelved or taken out of service so; None = it may."""
    if action.verb not in (Verb.SHELVE, Verb.OUT_OF_SERVICE):
        return None
    if not 0 < len(action.args.get("reason", "").strip()) <= REASON_LIMIT:
        return _Verdict(Stage.REFUSED, "bad_reason", f"1 to {REASON_LIMIT} characters")
    if action.verb is Verb.OUT_OF_SERVICE:
        return None
    until = action.args.get("until_ns", "")
    if not (until.isascii() and until.isdigit() and len(until) < 20) or int(until) <= now_ns:
        return _Verdict(Stage.REFUSED, "bad_until", "until_ns: a time to come, decimal, in the hub's time")
    most_s = SHELVE_MOST_S.get(person.role, 0.0)
    if int(until) - now_ns > most_s * NS_PER_S:
        return _Verdict(Stage.REFUSED, "too_long", f"{most_s:.0f}")
    return None


def _unfit_toml(text: str) -> str:
    """What is wrong with a layout's text; empty = nothing."""
    if len(text.encode("utf-8", "replace")) > LAYOUT_LIMIT:
        return f"more than {LAYOUT_LIMIT} bytes"
    if any(line.count(".") > DOTS_MOST for line in text.split("\n")):
        return f"more than {DOTS_MOST} dots in a line"
    try:
        return "" if tomllib.loads(text) else "empty"
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        return str(error)[:200]
