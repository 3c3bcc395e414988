"""Actions on their way to the hub: order for each target, resending, expiry.

Pure. An action stays until a final stage; the same `aid` is sent again and again, which is harmless
because the hub dedupes it. Only the first action of each target is on its way. Nothing that was never
sent is sent after its expiry: the operator is asked to confirm again (design, section 4). What an earlier
run left QUEUED may have been sent by it just before it died: the hub alone knows, so it counts as SENT.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

import msgspec

from backends.domain.action import ActionStatus, Stage
from backends.protocol.messages import Ack

RESEND_FIRST_S = 1.0
RESEND_MAX_S = 8.0


class _Waiting(msgspec.Struct):
    status: ActionStatus
    send_at_s: float = 0.0
    pause_s: float = RESEND_FIRST_S
    untold: bool = False
    """Counts as SENT, but nobody has been told so."""


class Outbox:
    """Used by the link thread only."""

    def __init__(self, unfinished: Iterable[ActionStatus] = ()) -> None:
        self._by_target: dict[tuple[str, str], deque[_Waiting]] = {}
        self._by_aid: dict[str, _Waiting] = {}
        for status in unfinished:
            self.add(status)
        for waiting in self._by_aid.values():
            if waiting.status.stage is Stage.QUEUED:
                waiting.status = msgspec.structs.replace(waiting.status, stage=Stage.SENT)
                waiting.untold = True

    def __len__(self) -> int:
        return len(self._by_aid)

    def add(self, status: ActionStatus) -> None:
        """Take an action that is on disk. One that is known or finished already is left alone."""
        action = status.action
        if status.stage.final or action.aid in self._by_aid:
            return
        waiting = _Waiting(status)
        self._by_aid[action.aid] = waiting
        self._by_target.setdefault((action.feed, action.target), deque()).append(waiting)

    def connection_made(self) -> None:
        """After WELCOME: everything may be sent at once."""
        for waiting in self._by_aid.values():
            waiting.send_at_s, waiting.pause_s = 0.0, RESEND_FIRST_S

    def expired(self, now_ns: int) -> list[ActionStatus]:
        """Those that came too late to be sent at all; they are final and forgotten here."""
        late = [
            w.status
            for w in self._by_aid.values()
            if w.status.stage is Stage.QUEUED and 0 < w.status.action.expires_at_ns <= now_ns
        ]
        return [self._move(status, Stage.EXPIRED, now_ns, code="expired_here") for status in late]

    def ended(self, over: Callable[[ActionStatus], bool], now_ns: int) -> list[ActionStatus]:
        """Those whose person's session is over (`over`): refused here, so that nobody else's name stands for them."""
        gone = [w.status for w in self._by_aid.values() if over(w.status)]
        return [self._move(status, Stage.REFUSED, now_ns, code="session_over") for status in gone]

    def due(self, now_s: float) -> list[ActionStatus]:
        """The first of each target whose time has come, oldest click first."""
        heads = (line[0] for line in self._by_target.values())
        return sorted((w.status for w in heads if w.send_at_s <= now_s), key=lambda s: s.action.aid)

    @property
    def persons(self) -> frozenset[str]:
        """Whose clicks are not through."""
        return frozenset(w.status.person for w in self._by_aid.values())

    def sent(self, aid: str, now_s: float, now_ns: int) -> ActionStatus | None:
        """It went out. Returns the new status at the first time."""
        waiting = self._by_aid[aid]
        waiting.send_at_s = now_s + waiting.pause_s
        waiting.pause_s = min(RESEND_MAX_S, waiting.pause_s * 2)
        if waiting.status.stage is not Stage.QUEUED and not waiting.untold:
            return None
        waiting.untold = False
        return self._move(waiting.status, Stage.SENT, now_ns)

    def on_ack(self, ack: Ack, now_ns: int) -> ActionStatus | None:
        """The hub's answer; None when it says nothing new. Raises ValueError for a stage that is not one."""
        waiting = self._by_aid.get(ack.aid)
        stage = Stage(ack.stage)
        if stage is Stage.DUPLICATE and ack.outcome:
            # The first one's fate counts: a duplicate of a conflict has had no effect.
            first = Stage(ack.outcome)
            stage = Stage.DUPLICATE if first is Stage.APPLIED else first
        if waiting is None or stage is waiting.status.stage or stage in (Stage.QUEUED, Stage.SENT):
            return None
        return self._move(waiting.status, stage, now_ns, code=ack.code, text=ack.text)

    def _move(self, status: ActionStatus, stage: Stage, now_ns: int, code: str = "", text: str = "") -> ActionStatus:
        moved = ActionStatus(status.action, stage, code, text, now_ns, status.person)
        action = status.action
        waiting = self._by_aid[action.aid]
        waiting.status = moved
        if stage.final:
            del self._by_aid[action.aid]
            line = self._by_target[(action.feed, action.target)]
            line.remove(waiting)
            if not line:
                del self._by_target[(action.feed, action.target)]
        return moved
