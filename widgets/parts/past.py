"""A past time of one tile's camera, as its recorder kept it: asked of the hub, opened, paused, jumped in, and ended.

1. A time is wanted: the hub is asked, and keeps on record who looks at what (AccessDesk.reveal, "past"). Jumps that
   follow each other closely are asked as one.
2. Its answer is an address; the tile demands it beside its live picture, and paints it instead.
3. A pause lets go of the recorder (`Demand.held`); whoever decodes goes on at the picture that was shown last.
4. At its end, on a refusal, and when whoever sits here may not look any more, it is live again, and that is said.
It says what is wanted (`demand`) and seen (`seen`), like `replay`, of which it is the other source. GUI thread only.
Must not: paint, or see a password.
"""

from __future__ import annotations

import math

import msgspec

from backends.domain.access import Revealed, Right
from backends.domain.camera import Demand, PictureState, PictureStatus
from backends.domain.ports import PictureSource
from backends.domain.replay import (
    LONGEST_LOOK_NS,
    MOST_PAST,
    NOTHING_OF_THAT_TIME,
    PAST,
    TOO_MANY_PAST,
    span_text,
)
from backends.domain.times import NS_PER_S
from widgets.hands import Ask
from widgets.i18n import tr
from widgets.parts import replay_look
from widgets.parts.replay import JUMPS_S, ReplaySeen
from widgets.session import Session

JUMP_WAIT_S = 0.3
"""Jumps of a key that is held down are asked of the hub as one."""
OPEN_AGAIN_S = 10.0
"""So long after a pause a recorder may take until its picture counts as lost."""
OPEN_S = 30.0
"""So long it may take at all until its first picture; and so long it may be lost, then it is asked for anew."""
SAID_S = 8.0
BEFORE_ALARM_S = 30
_MINUTE_NS = 60 * NS_PER_S
_LAST_NS = 5 * NS_PER_S
"""A look whose last picture is so near its end was shown whole."""
_LIVE_NS = NS_PER_S
"""What is younger is not past: it is live that is shown."""
_CODES = frozenset({"not_allowed", "nobody_signed_in", "locked", "offline", "no_answer", "no_feeder", "unknown"})


class PastControl:
    """Of one tile."""

    def __init__(self, session: Session, pictures: PictureSource) -> None:
        self._session, self._pictures = session, pictures
        self._live: Demand | None = None
        self._t0_ns = self._t1_ns = 0
        """The span of this look; 0: live is shown."""
        self._due_s = 0.0
        self._asked = 0
        """The question under way."""
        self._uri = ""
        """Empty: the hub has not answered yet."""
        self._before: Demand | None = None
        """What was seen before this look: its picture stands in until the hub has answered."""
        self._at_ns = 0
        """Of the picture that is seen; 0 = none yet."""
        self._paused = False
        self._opened_s, self._resumed_s = 0.0, -math.inf
        self._said: tuple[str, float] = ("", 0.0)

    # -- what a person does ------------------------------------------------------------------------------

    def refusal(self, recorder: str) -> str:
        """Why this person cannot look at the past of a camera with this recorder (empty: none), in words; empty: he
        can."""
        code = self._session.city.grant.refusal(Right.LOOK_BACK)
        if code:
            return _words(code)
        return "" if recorder else tr("replay.no_recorder")

    def start(self, t_ns: int) -> None:
        """Show what was recorded then (UTC, in the past). Whether that may be, `refusal` says."""
        self._paused = False
        self._go(t_ns, 0.0)

    def act(self, act: Ask) -> bool:
        """Do it; False: not this. While it is active."""
        if act in JUMPS_S:
            self._go(self._aim() + JUMPS_S[act] * NS_PER_S, JUMP_WAIT_S)
            return True
        match act:
            case Ask.MINUTE_ON:
                self._go((self._aim() // _MINUTE_NS + 1) * _MINUTE_NS, JUMP_WAIT_S)
            case Ask.MINUTE_BACK:
                # The minute that has just begun is not the one before.
                self._go((self._aim() - 2 * NS_PER_S) // _MINUTE_NS * _MINUTE_NS, JUMP_WAIT_S)
            case Ask.PAUSE:
                self._paused = not self._paused
                if not self._paused:
                    self._resumed_s = self._session.mono.monotonic_s()
            case Ask.SLOWER | Ask.FASTER:
                self._session.notices.tell_desk(tr("replay.no_rate"))
            case Ask.LIVE | Ask.OUT:
                self.to_live()
            case _:
                return False
        return True

    def to_live(self) -> None:
        self._t0_ns = self._t1_ns = self._at_ns = self._asked = 0
        self._uri, self._before, self._paused = "", None, False

    # -- what the tile asks and tells --------------------------------------------------------------------

    @property
    def active(self) -> bool:
        return self._t0_ns > 0

    def set_live(self, live: Demand | None) -> None:
        """As `ReplayControl`. Another size or part of a paused picture is asked for anew: it cannot be made of it."""
        if live is None or self._live is None or live.camera_id != self._live.camera_id:
            self.to_live()
            self._said = ("", 0.0)
        elif self.active and self._paused and self._at_ns and _drawn(live) != _drawn(self._live):
            self._go(self._at_ns, JUMP_WAIT_S)
        self._live = live

    def demand(self) -> Demand | None:
        """To be shown beside the live demand; None: nothing yet."""
        if not self.active or self._live is None:
            return None
        if not self._uri:
            return self._before
        held = self._paused and self._at_ns > 0
        return msgspec.structs.replace(self._live, uri=self._uri, held=held)

    def look(self) -> PictureStatus | None:
        """How its picture is, ten times a second; None: live is shown."""
        if self.active and self._session.city.grant.refusal(Right.LOOK_BACK):
            self.to_live()  # it was another's look; the picture of a lock is said by the lock
        demand = self.demand()
        if not self.active or self._live is None:
            return None
        if not self._uri or demand is None:
            self._ask()
            return PictureStatus(PictureState.CONNECTING)
        status = self._pictures.status(demand)
        self._at_ns = status.shown_ns or self._at_ns
        if not self._at_ns and (status.reason or status.state in (PictureState.REFUSED, PictureState.ENDED)):
            self._end(_why(status))
            return None
        if not self._at_ns and self._session.mono.monotonic_s() - self._opened_s > OPEN_S:
            self._end(tr("replay.past_silent"))
            return None
        if self._paused and self._at_ns:
            return msgspec.structs.replace(status, state=PictureState.ENDED, reason="")
        if status.state is PictureState.ENDED:
            whole = self._t1_ns - self._t0_ns >= LONGEST_LOOK_NS and self._t1_ns - self._at_ns < _LAST_NS
            self._end(tr("replay.past_hour" if whole else "replay.past_ended"))
            return None
        resumed_s = self._session.mono.monotonic_s() - self._resumed_s
        if resumed_s < OPEN_AGAIN_S and status.state in (PictureState.SLOW, PictureState.LOST):
            return msgspec.structs.replace(status, state=PictureState.CONNECTING)
        if status.state is PictureState.LOST and min(status.age_s, resumed_s) > OPEN_S:
            self._go(self._at_ns, 0.0)  # once more from the hub on: leave may have gone with a part of this station
        return status

    def answered(self, answer: object) -> None:
        """What the feeder says to anybody's question (`CityModel.accessAnswered`)."""
        if not isinstance(answer, Revealed) or not self._asked or answer.request != self._asked:
            return
        self._asked = 0
        if answer.code:
            self._end(_words(answer.code))
        elif "uri" not in answer.values:
            self._end(_of_recorder(answer.values.get("trouble", "")))
        else:
            self._uri, self._opened_s = answer.values["uri"], self._session.mono.monotonic_s()

    def seen(self) -> ReplaySeen | None:
        """For `replay_look`; None: live is shown."""
        if not self.active:
            return None
        at_ns = self._at_ns // NS_PER_S * NS_PER_S
        now_ns = self._session.clock.now_ns()
        behind_s = max(0, round((now_ns - at_ns) / NS_PER_S)) if at_ns else None
        part = 100 * (self._at_ns - self._t0_ns) // (self._t1_ns - self._t0_ns) if at_ns else 0
        return ReplaySeen(behind_s, 1.0, self._paused, min(100, max(0, part)), at_ns or self._t0_ns)

    @property
    def said(self) -> str:
        """Why it is live again, for a while."""
        words, until_s = self._said
        return words if self._session.mono.monotonic_s() < until_s else ""

    # -- inside ------------------------------------------------------------------------------------------

    def _aim(self) -> int:
        """From where a jump goes."""
        return self._at_ns or self._t0_ns

    def _go(self, t_ns: int, wait_s: float) -> None:
        now_ns = self._session.clock.now_ns()
        if t_ns > now_ns - _LIVE_NS:
            self.to_live()
            return
        before = self.demand()
        if before is not None and self._at_ns:
            self._before = msgspec.structs.replace(before, held=True)
        t_ns = max(1, t_ns // 1_000_000) * 1_000_000
        if t_ns == self._t0_ns:
            t_ns += 1_000_000  # each look has an address of its own: that of the one before goes on where it was
        self._t0_ns, self._t1_ns = t_ns, max(min(t_ns + LONGEST_LOOK_NS, now_ns), t_ns + _LIVE_NS)
        self._due_s = self._session.mono.monotonic_s() + wait_s
        self._uri, self._at_ns, self._asked = "", 0, 0
        if not wait_s:
            self._ask()

    def _ask(self) -> None:
        if self._live is None or self._asked or self._session.mono.monotonic_s() < self._due_s:
            return
        span = span_text(self._t0_ns, self._t1_ns)
        self._asked = self._session.access.reveal(PAST, self._live.camera_id, span)

    def _end(self, why: str) -> None:
        """Back to live: on the tile, and at the desks, where it stays to be read."""
        live, t_ns = self._live, self._t0_ns
        self.to_live()
        self._said = (why, self._session.mono.monotonic_s() + SAID_S)
        camera = self._session.city.camera(live.camera_id) if live is not None else None
        if camera is not None:
            at = replay_look.when(t_ns, self._session.clock.now_ns())
            self._session.notices.tell_desk(tr("replay.past_over", number=camera.number, at=at, why=why))


def _drawn(demand: Demand) -> tuple[int, int, tuple[float, float, float, float]]:
    return demand.width, demand.height, demand.crop


def _words(code: str) -> str:
    return tr(f"replay.code.{code if code in _CODES else 'other'}", code=code[:40])


def _why(status: PictureStatus) -> str:
    if status.state is PictureState.REFUSED:
        return tr("replay.past_refused")
    if status.state is PictureState.ENDED:
        return tr("replay.past_nothing")
    return _of_recorder(status.reason)


def _of_recorder(reason: str) -> str:
    if NOTHING_OF_THAT_TIME in reason or "(404)" in reason:
        return tr("replay.past_nothing")
    if "refuses user name or password" in reason:
        return tr("replay.past_refused")
    if reason == TOO_MANY_PAST:
        return tr("replay.past_too_many", most=MOST_PAST)
    return tr("replay.past_failed", reason=reason[:120])
