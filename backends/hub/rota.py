"""Which camera the sweep looks at next. Pure; the time is an argument (monotonic seconds).

Figures. What goes wrong just after a look is seen at the next one, seen again after the longest hold (20 s,
"turned"), and must be said within 120 s: the looks at 364 cameras have to fit into 90 s. A good camera takes 1.5 s:
opening over a LAN 0.3 s, then the wait for a key frame, on the average half of the usual 2 s. A mute one takes the
opening's time-out, 5 s. With every tenth camera dead that is 328 x 1.5 + 36 x 5 = 672 s of waiting, 56 s on AT_ONCE =
12 places. A whole first round with a second look at each dead one takes (672 + 36 x 5) / 12 = 71 s, and 11 s more for
the second look if the last of the list is dead. On 8 places, as many as may open at once (design, section 6; the probe
keeps to that by its gate), the looks at 24 dead cameras made the rest late: 138 s in the bench instead of 120. Each
comes again after PERIOD_S (70 s): not sooner, because each look is a session and a login of the camera. HUNG_S is
above the longest look that keeps to its limits (`probe.look`: open 10, pictures 12) and the longest pause for pacing
(5).

A look may end the probe: nobody knows then which of the open cameras it was. All of them are suspects: they come
after all others, one at a time, so that the next death has a name. GUILTY deaths alone, and it is left in peace for
BARRED_S.

Must not: open, wait, or know what a look found.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from backends.domain.sweep import AT_ONCE, PERIOD_S

HUNG_S = 45.0
GUILTY = 2
"""Deaths of the probe while this camera alone was open."""
BARRED_S = 600.0


@dataclass(slots=True)
class _Place:
    due_s: float
    order: int
    """In the directory."""
    suspected: int = 0
    """Deaths of the probe at which it was open, since its last look that ended well."""
    alone: int = 0
    """Of these, with no other open."""
    opened_s: float = 0.0
    again: bool = False
    """Something has been seen that one look does not say: it goes before the others that are due."""


class Rota:
    """One thread."""

    def __init__(self) -> None:
        self._places: dict[str, _Place] = {}
        self._open: dict[str, _Place] = {}
        """In the order in which they were opened. A camera that leaves the list stays here until its look has ended."""

    def sweep(self, cameras: Iterable[str], now_s: float) -> None:
        """These and no others, in this order where several are due. A new one is due at once."""
        before = self._places
        self._places = {}
        for order, camera in enumerate(cameras):
            place = before.get(camera) or self._open.get(camera) or _Place(now_s, order)
            place.order = order
            self._places[camera] = place

    def next(self, now_s: float) -> str | None:
        """The camera to open now, which counts as open from here on; None: none is due, or there is no room."""
        if len(self._open) >= AT_ONCE or any(place.suspected for place in self._open.values()):
            return None
        due = [(c, p) for c, p in self._places.items() if p.due_s <= now_s and c not in self._open]
        innocent = [one for one in due if not one[1].suspected]
        suspects = [one for one in due if one[1].suspected]
        late = [one for one in suspects if now_s - one[1].due_s > PERIOD_S]
        if innocent and not late:
            return self._begin(min(innocent, key=_rank)[0], now_s)
        if suspects and not self._open:
            return self._begin(min(late or suspects, key=_rank)[0], now_s)
        return None

    def _begin(self, camera: str, now_s: float) -> str:
        place = self._places[camera]
        place.opened_s = now_s
        self._open[camera] = place
        return camera

    def done(self, camera: str, now_s: float, again_s: float = 0.0, *, patient: bool = False) -> None:
        """Its look has ended. `again_s`: the next one so soon; 0 = when it is due. `patient`: after others that are due
        by then."""
        place = self._open.pop(camera, None)
        if place is not None:
            place.suspected = place.alone = 0
            place.again = again_s > 0 and not patient
            place.due_s = now_s + again_s if again_s else place.opened_s + PERIOD_S

    def hurry(self, camera: str, now_s: float) -> None:
        """It is due now, before others that are; one that is open, or left in peace, stays so."""
        place = self._places.get(camera)
        if place is not None and camera not in self._open and not place.suspected:
            place.due_s, place.again = min(place.due_s, now_s), True

    def died(self, now_s: float, culprit: str = "") -> list[str]:
        """The probe has died, or was killed because the look at `culprit` did not end.

        Returns the cameras that have ended it GUILTY times and are left in peace for a while.
        """
        barred = []
        for camera, place in self._open.items():
            place.due_s = now_s
            if culprit and camera != culprit:
                continue
            place.suspected += 1
            place.alone += len(self._open) == 1 or camera == culprit
            if place.alone >= GUILTY:
                place.due_s = now_s + BARRED_S
                barred.append(camera)
        self._open.clear()
        return barred

    def hung(self, now_s: float) -> str:
        """A camera whose look should have ended long ago; empty = none."""
        return next((c for c, place in self._open.items() if now_s - place.opened_s > HUNG_S), "")

    @property
    def open(self) -> tuple[str, ...]:
        return tuple(self._open)


def _rank(one: tuple[str, _Place]) -> tuple[bool, float, int]:
    """Who comes first has the least."""
    _, place = one
    return not place.again, place.due_s, place.order
