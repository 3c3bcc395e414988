"""Actions of operators: dedupe, expiry, expectation, right, effect; one transaction each.

Who acts is taken from the station's key and the roster, never from the action. Nothing of an action
takes effect before its transaction is on disk; a crash in between leaves it to the console's retry.
"""

from __future__ import annotations

import hashlib
import logging
import re

import msgspec

from backends.domain.action import Action, Stage, Verb
from backends.domain.alarm import Alarm, TransitionRefused
from backends.domain.people import Operator, Role
from backends.hub import timeline
from backends.hub.intake import Intake
from backends.hub.ports import ActionRow, Change, EventLog
from backends.protocol.messages import Ack, Envelope

log = logging.getLogger(__name__)

COMMENT_LIMIT = 2000
"""Characters of a comment."""
COMMENT_FEEDS = ("alarms", "incidents", "reports", "cameras")
_AID = re.compile(r"[0-9A-Za-z_.:-]{1,64}")
TARGET_LIMIT = 200
"""Characters of a target's id."""
_MAY_NOT_ACT = (Role.VIEWER,)


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
    changes: tuple[Change, ...] = ()


def digest(action: Action) -> bytes:
    """Fingerprint of an action's content; the order of `args` does not matter."""
    return hashlib.sha256(msgspec.json.encode(action, order="deterministic")).digest()


class ActionDesk:
    """Takes the actions of all stations, in the order in which they arrive."""

    def __init__(self, events: EventLog, intake: Intake) -> None:
        self._log = events
        self._intake = intake

    def take(self, station: str, action: Action, now_ns: int) -> Answer:
        """Decide, store, apply. Raises LogTrouble when it cannot be kept: nothing has happened then."""
        if not _AID.fullmatch(action.aid):
            return Answer((Ack(action.aid[:64], Stage.REFUSED.value, code="bad_aid"),))
        fingerprint = digest(action)
        known = self._log.outcome(action.aid)
        if known is not None:
            return Answer((self._again(known, station, fingerprint),))
        verdict = self._judge(station, action, now_ns)
        row = ActionRow(action.aid, station, fingerprint, verdict.stage.value, verdict.code, verdict.text, verdict.rev)
        published = self._log.commit(verdict.changes, now_ns, action=row)
        if verdict.moved is not None:
            self._intake.engine.keep(verdict.moved, now_ns)
        return Answer(
            (
                Ack(action.aid, Stage.STORED.value),
                Ack(action.aid, verdict.stage.value, verdict.rev, verdict.code, verdict.text),
            ),
            tuple(published),
        )

    @staticmethod
    def _again(known: ActionRow, station: str, fingerprint: bytes) -> Ack:
        if known.station != station or known.digest != fingerprint:
            log.warning("action %s of %s came again with other content", known.aid, station)
            return Ack(known.aid, Stage.REFUSED.value, code="aid_reused")
        return Ack(known.aid, Stage.DUPLICATE.value, known.rev, known.code, known.text, outcome=known.stage)

    def _judge(self, station: str, action: Action, now_ns: int) -> _Verdict:
        operator = self._intake.operator_at(station, now_ns)
        if operator is None:
            return _Verdict(Stage.REFUSED, "nobody_signed_in")
        if operator.role in _MAY_NOT_ACT:
            return _Verdict(Stage.REFUSED, "not_allowed", operator.role.value)
        if action.expires_at_ns and now_ns > action.expires_at_ns:
            return _Verdict(Stage.EXPIRED, "expired")
        if action.verb is Verb.COMMENT:
            return self._comment(operator, action, now_ns)
        if action.feed != "alarms":
            return _Verdict(Stage.REFUSED, "unsupported", f"{action.verb.value} on {action.feed[:32]}")
        return self._on_alarm(operator, action, now_ns)

    def _on_alarm(self, operator: Operator, action: Action, now_ns: int) -> _Verdict:
        standing = self._intake.engine.alarm(action.target)
        if standing is None:
            return _Verdict(Stage.CONFLICT, "gone")
        try:
            moved = self._intake.engine.acted(standing, action.verb, operator, now_ns)
        except TransitionRefused as refused:
            return _Verdict(Stage.CONFLICT, refused.code, refused.holder, standing.rev)
        if action.expect_state_rev and action.expect_state_rev != standing.state_rev:
            return _Verdict(Stage.CONFLICT, "changed", standing.holder or standing.acked_by, standing.rev)
        note = timeline.of_verb(moved, action.verb, operator, now_ns, cause=action.aid)
        changes = self._intake.engine.changes_of(moved, now_ns, note, cause=action.aid)
        return _Verdict(Stage.APPLIED, rev=moved.rev, moved=moved, changes=tuple(changes))

    @staticmethod
    def _comment(operator: Operator, action: Action, now_ns: int) -> _Verdict:
        text = action.args.get("text", "").strip()
        if action.feed not in COMMENT_FEEDS or not 0 < len(action.target) <= TARGET_LIMIT:
            return _Verdict(Stage.REFUSED, "unsupported", f"comment on {action.feed[:32]}")
        if not text or len(text) > COMMENT_LIMIT:
            return _Verdict(Stage.REFUSED, "bad_text", f"1 to {COMMENT_LIMIT} characters")
        note = timeline.of_comment(action.aid, action.target, operator, text, now_ns)
        return _Verdict(Stage.APPLIED, changes=(note,))
