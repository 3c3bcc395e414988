"""LEASE: who may turn a camera now. One person at a time, for LEASE_S unless it is renewed.

A higher rank (`domain.turning.rank`) takes a camera over, an equal one is told who has it. Who turns it stands in the
camera's record, so that every screen sees it and a restart of the hub finds it; that record and one event at the
beginning and at the end are all that is written, a renewal writes nothing. Used by the hub's loop. Must not: speak to
a camera; the station that has the lease does.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from dataclasses import dataclass

import msgspec

from backends.domain.access import Right, may
from backends.domain.camera import Camera
from backends.domain.text import LocalText
from backends.domain.times import SessionClock
from backends.domain.turning import LEASE_S, Turner, rank
from backends.hub import timeline
from backends.hub.access import Who
from backends.hub.core import Core
from backends.hub.security import told
from backends.hub.site_cameras import Device
from backends.protocol.messages import Lease, Leased

log = logging.getLogger(__name__)

PRESET_NAME_LIMIT = 60
ANSWERS_KEPT = 64
TEXT_MOST = 200
"""Characters of what a station calls its lease, of a camera's id, of a preset's name: answers are kept with them."""
_GIVEN_BACK = LocalText("trả lại", "given back")
_OVER = LocalText("hết hạn", "not renewed")
_LEFT = LocalText("không còn đăng nhập", "no longer signed in")
_GONE = LocalText("camera không còn quay được", "the camera turns no more")
_PATROL = LocalText("tự động", "patrol")


@dataclass
class _Held:
    turner: Turner
    ends_s: float
    """Monotonic."""
    lease: str | None = None
    """What its station calls it; None: taken up from the record, which does not say."""

    def is_called(self, lease: str) -> bool:
        return self.lease is None or self.lease == lease


class Turning:
    """All leases of one hub."""

    def __init__(self, core: Core, clock: SessionClock, counters: Counter[str]) -> None:
        self._core, self._clock, self._counters = core, clock, counters
        self._held: dict[str, _Held] = {}
        self._answered: dict[tuple[str, Lease], Leased] = {}
        """The last ones that must not be done twice."""
        self._take_up(time.monotonic())

    # -- questions -----------------------------------------------------------------------------------

    def asked(self, station: str, who: Who | None, message: Lease) -> Leased:
        """The answer, after its effect. What is asked again, because its answer was lost, has that effect once."""
        if len(message.camera) > TEXT_MOST:
            return Leased(message.request, "unknown")
        if max(len(message.lease), len(message.text)) > TEXT_MOST:
            return Leased(message.request, "bad_text")
        again = self._answered.get((station, message))
        if again is not None:
            return again
        answer = self._judged(station, who, message)
        if message.act in ("give_back", "preset"):  # the others have none beyond the lease that they name
            self._answered[station, message] = answer
            if len(self._answered) > ANSWERS_KEPT:
                del self._answered[next(iter(self._answered))]
        return answer

    def _judged(self, station: str, who: Who | None, message: Lease) -> Leased:
        match message.act:
            case "give_back":
                held = self._held.get(message.camera)
                # To let go takes no right: the station says so also when its person has just signed out.
                if held is None or held.turner.station != station or not held.is_called(message.lease):
                    return Leased(message.request, "not_held")
                self._end(message.camera, _GIVEN_BACK)
                return Leased(message.request)
            case "take" | "renew":
                code = self._refusal(station, who, Right.TURN_CAMERA, message)
                if code or who is None:
                    return Leased(message.request, code)
                return (self._take if message.act == "take" else self._renew)(station, who, message)
            case "preset":
                code = self._refusal(station, who, Right.KEEP_PRESET, message)
                return Leased(message.request, code) if code or who is None else self._preset(station, who, message)
            case _:
                return Leased(message.request, "bad_act")

    def _refusal(self, station: str, who: Who | None, right: Right, message: Lease) -> str:
        if who is None:
            return "nobody_signed_in"
        if not may(who.operator.role, right):
            told(self._counters, "turn_refused", log, "station %s may not turn a camera: %s", station, right.value)
            return "not_allowed"
        return "" if self._core.turned_by(message.camera) is not None else "unknown"

    def _take(self, station: str, who: Who, message: Lease) -> Leased:
        person, now_ns = who.operator, self._clock.now_ns()
        turner = Turner(person.id, person.short or person.name, person.role, station, now_ns, message.patrol)
        held = self._held.get(message.camera)
        mine = held is not None and held.turner.is_at(person.id, station)
        if message.lease and any(
            (by, said.act, said.lease) == (station, "give_back", message.lease) for by, said in self._answered
        ):
            return Leased(message.request, "not_held")  # it was given back before this came
        if held is not None and mine and held.turner.patrol is message.patrol:
            held.ends_s, held.lease = time.monotonic() + LEASE_S, message.lease
            return self._granted(message)
        if held is not None and not mine and not _gives_way(held.turner, turner):
            return Leased(message.request, "held", held.turner.name)
        if self._core.trouble:
            return Leased(message.request, "not_kept")
        if held is not None:
            to = f"{turner.name} ({station})"
            self._end(message.camera, LocalText(f"nhường cho {to}", f"gave way to {to}"), show=False)
        self._held[message.camera] = _Held(turner, time.monotonic() + LEASE_S, message.lease)
        why = _PATROL if turner.patrol else LocalText("")
        self._core.note(timeline.of_turning("turning_begun", message.camera, turner, now_ns, why))
        self._show(message.camera, turner)
        return self._granted(message)

    def _renew(self, station: str, who: Who, message: Lease) -> Leased:
        """Goes on with what this person has here; gives nothing that is over, and takes nothing."""
        held = self._held.get(message.camera)
        if held is not None and not held.turner.is_at(who.operator.id, station):
            return Leased(message.request, "held", held.turner.name)
        if held is None or not held.is_called(message.lease):
            return Leased(message.request, "not_held")
        held.ends_s, held.lease = time.monotonic() + LEASE_S, message.lease
        return self._granted(message)

    def _granted(self, message: Lease) -> Leased:
        device = self._core.turned_by(message.camera) or Device("")
        return Leased(message.request, lease_s=LEASE_S, address=device.url, channel=device.channel)

    def _preset(self, station: str, who: Who, message: Lease) -> Leased:
        held, name = self._held.get(message.camera), message.text.strip()
        if held is None or not (held.turner.is_at(who.operator.id, station) and held.is_called(message.lease)):
            return Leased(message.request, "not_held", held.turner.name if held is not None else "")
        if not 0 < len(name) <= PRESET_NAME_LIMIT:
            return Leased(message.request, "bad_text")
        if self._core.trouble:
            return Leased(message.request, "not_kept")
        now_ns = self._clock.now_ns()
        self._core.note(timeline.of_turning("preset_kept", message.camera, held.turner, now_ns, LocalText(name)))
        return Leased(message.request)

    # -- ends ----------------------------------------------------------------------------------------

    def look(self, now_s: float) -> None:
        """Once a second: what is over, whose person has gone, whose camera has gone."""
        self._take_up(now_s)
        now_ns = self._clock.now_ns()
        for camera, held in list(self._held.items()):
            there = self._core.operator_at(held.turner.station, now_ns)
            if self._core.turned_by(camera) is None:
                self._end(camera, _GONE)
            elif there is None or there.id != held.turner.operator_id:
                self._end(camera, _LEFT)
            elif now_s >= held.ends_s:
                self._end(camera, _OVER)

    def _take_up(self, now_s: float) -> None:
        """What the records say and nobody here knows: of before a restart, or of the hub that led before."""
        for camera in self._core.records("cameras").values():
            if camera.turner is not None and camera.id not in self._held:
                self._held[camera.id] = _Held(camera.turner, now_s + LEASE_S)

    def _end(self, camera: str, why: LocalText, *, show: bool = True) -> None:
        turner = self._held.pop(camera).turner
        self._core.note(timeline.of_turning("turning_ended", camera, turner, self._clock.now_ns(), why))
        if show:
            self._show(camera, None)

    def _show(self, camera: str, turner: Turner | None) -> None:
        record: Camera | None = self._core.records("cameras").get(camera)
        if record is not None:
            self._core.put("cameras", msgspec.structs.replace(record, turner=turner), self._clock.now_ns())


def _gives_way(before: Turner, turner: Turner) -> bool:
    """A higher rank takes a camera over; a person takes it along to another station, by hand: a patrol that runs there
    takes it neither from that person's hand nor from the patrol that came first."""
    higher = rank(turner.role, patrol=turner.patrol) > rank(before.role, patrol=before.patrol)
    return higher or (before.operator_id == turner.operator_id and not turner.patrol)
