"""What people do to hand-overs, judged; what one lists is frozen here, from the hub's own records.

Right and expiry are checked before, the transaction is the caller's. At most one is not locked at a time.
"""

from __future__ import annotations

from typing import Any

import msgspec

from backends.domain import handover as moves
from backends.domain.access import may
from backends.domain.action import Action, Verb
from backends.domain.alarm import TransitionRefused
from backends.domain.handover import Handover, HandoverState
from backends.domain.handover_sheet import sheet
from backends.domain.people import Operator
from backends.domain.text import LocalText
from backends.hub import timeline
from backends.hub.intake import Intake
from backends.hub.logbook import LogBook
from backends.hub.ports import Change
from backends.hub.report_desk import Unfit

FEED = "handovers"
NEW = "new"
"""The target that opens one."""
PREFIX = "GC-"
KEPT = 100
"""Locked ones that stay in the feed: a month of three shifts a day."""
LAYOUT_LIMIT = 80


class HandoverDesk:
    """Pure but for what `Intake` and `LogBook` know. One thread."""

    def __init__(self, intake: Intake, logbook: LogBook) -> None:
        self._intake, self._logbook = intake, logbook

    def judge(self, person: Operator, action: Action, now_ns: int) -> tuple[Handover, tuple[Change, ...]]:
        """The record as it would be, and what is to be written.

        Raises Unfit, or TransitionRefused where it does not fit the hand-over as it stands.
        """
        if action.verb not in (Verb.COMMENT, Verb.HAND_OVER, Verb.TAKE_OVER):
            raise Unfit("unsupported", f"{action.verb.value} on {FEED}")
        if not may(person.role, Verb.HAND_OVER):  # a note takes a signature away: theirs who may sign
            raise Unfit("not_allowed", person.role.value)
        standing = self._standing(person, action, now_ns)
        said = ""
        match action.verb:
            case Verb.COMMENT:
                said = action.args.get("text", "").strip()
                if not 0 < len(said) <= moves.NOTE_LIMIT:
                    raise Unfit("bad_text", f"text: 1 to {moves.NOTE_LIMIT} characters")
                moved = moves.note(standing, person, said, now_ns)
            case Verb.HAND_OVER:
                moved = moves.give(standing, person, self._sheet(standing, action, now_ns), now_ns)
            case _:
                moved = moves.take(standing, person, now_ns)
        signed = standing.given is not None
        if action.target != NEW and (action.expect_state_rev or signed or action.verb is not Verb.COMMENT):
            # A signature always says what was seen, and so does what takes one away.
            self._unchanged(standing, action.expect_state_rev)
        moved = msgspec.structs.replace(moved, rev=self._intake.rev(FEED, moved.id) + 1)
        put = Change(FEED, "put", moved.id, now_ns, moved, moved.rev, action.aid)
        return moved, (put, *self._told(moved, action, person, said, now_ns))

    def _standing(self, person: Operator, action: Action, now_ns: int) -> Handover:
        """Raises TransitionRefused: "gone", or "already_open" (its number) where one is not locked yet."""
        records: dict[str, Handover] = self._intake.records(FEED)
        if action.target != NEW or action.verb is Verb.TAKE_OVER:
            if (found := records.get(action.target)) is None:
                raise TransitionRefused("gone")
            return found
        if (under_way := moves.unlocked(records.values())) is not None:
            raise TransitionRefused("already_open", under_way.id)
        number = f"{PREFIX}{self._intake.highest(FEED, PREFIX) + 1:04d}"
        return moves.open_new(number, person, moves.since_ns(records.values(), person, now_ns), now_ns)

    @staticmethod
    def _unchanged(standing: Handover, seen: int) -> None:
        if seen != standing.state_rev:
            last = standing.given.name if standing.given is not None else ""
            raise TransitionRefused("changed", standing.notes[-1].by if standing.notes and not last else last)

    def _sheet(self, standing: Handover, action: Action, now_ns: int) -> tuple[moves.Part, ...]:
        layout = LocalText(*(moves.one_line(action.args.get(name, "")) for name in ("layout", "layout_en")))
        if max(len(layout.vi), len(layout.en)) > LAYOUT_LIMIT:
            raise Unfit("bad_text", f"layout, layout_en: at most {LAYOUT_LIMIT} characters")
        return sheet(
            alarms=self._intake.engine.standing("").values(),
            reports=self._intake.records("reports").values(),
            cameras=self._intake.records("cameras").values(),
            entries=self._logbook.entries(),
            people=self._intake.records("roster"),
            since_ns=standing.t_from_ns,
            now_ns=now_ns,
            layout=layout,
        )

    @staticmethod
    def _told(moved: Handover, action: Action, person: Operator, said: str, now_ns: int) -> list[Change]:
        """Events of the timeline; that of the last signature carries the hash, so that another place has it."""
        if action.verb is Verb.COMMENT:
            events = [("comment", LocalText(said))]
        elif action.verb is Verb.HAND_OVER:
            events = [("handover_given", LocalText(moved.id))]
        else:
            events = [("handover_taken", LocalText(f"{moved.id} · SHA-256 {moved.sha256}"))]
        if action.target == NEW:
            events.insert(0, ("handover_opened", LocalText(moved.id)))
        return [
            timeline.event(
                f"{moved.id}/{moved.state_rev}/{what}", what, moved.id, now_ns, actor=person.id, text=text,
                cause=action.aid,
            )
            for what, text in events
        ]  # fmt: skip


def outdated(records: dict[str, Any]) -> list[str]:
    """Ids of locked ones beyond the newest KEPT."""
    locked = [id_ for id_, one in records.items() if one.state is HandoverState.LOCKED]
    return sorted(locked, key=lambda id_: (len(id_), id_))[: max(0, len(locked) - KEPT)]
