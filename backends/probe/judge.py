"""What is wrong with a camera that is looked at every one or two minutes. Pure but for the references it is given.

The same signs as for a shown picture (`video.health`), but for what moves between pictures; no look is long enough
to say anything alone. So what is seen must be seen again, after the hold of its flag (a lorry has gone by then), and
a look that shows nothing of what was said must be followed by others: `again_s` asks for them. A camera that cannot
be opened is dead when a second try, DEAD_HOLD_NS after the first, fails too; a refused password is said at once, and
never tried again soon: cameras lock accounts.

Frozen: the key frame is the same to the bit as that of the look before. A recorder that begins its clip at each
opening would look so too: therefore such a look is followed by one at two key frames. That one takes seconds, and waits
for its turn: where hundreds of recorders begin so, it must not hold up those who have seen a cover or a turn.

Covered is told by the look before, too (`video.health`): what covers a lens changes its kind of light.
"""

from __future__ import annotations

from dataclasses import dataclass

from backends.domain.picture import PictureFlag
from backends.probe.look import Sight
from backends.probe.memory import References
from backends.video.health import (
    BLURRED_FOCUS,
    BLURRED_LAYOUT,
    TURNED_LINES,
    TURNED_LOST,
)
from backends.video.looks import View
from backends.video.stillness import Stillness
from backends.video.viewing import (
    HOLD_NS,
    Held,
    LightMeter,
    S,
    Shape,
    focus_of,
    is_black,
    is_covered,
    layout_likeness,
    lies_bare,
    likeness,
    lost_cells,
)

DEAD_HOLD_NS = 5 * S
"""A mute camera takes as long again to fail: 10 s and more lie between the begins of the two tries."""
CLEAR_S = 5.0
"""To the next look at a camera that seems well again."""
SLACK_S = 0.5
GONE_NS = 300 * S
"""What was seen longer ago than this says nothing of a cover: dusk and fog have had time to come."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of one look."""

    online: bool | None
    flags: tuple[PictureFlag, ...] | None
    again_s: float = 0.0
    patient: bool = False
    """As in `Looked`."""


class Judge:
    """Of one camera; one thread at a time."""

    def __init__(self, references: References) -> None:
        self.references = references
        self._held = {flag: Held(hold_ns) for flag, hold_ns in HOLD_NS.items()}
        self._dead = Held(DEAD_HOLD_NS)
        self._still = Stillness()
        self._good: tuple[int, Shape] | None = None
        """The last view that was not covered, and when that was last known."""
        self._two = self._frozen = False

    @property
    def keys(self) -> int:
        """How many key frames the next look needs."""
        return 2 if self._two else 1

    def failed(self, now_ns: int, *, at_once: bool = False) -> Verdict:
        """It could not be opened, or sent nothing. `at_once`: the reason leaves no doubt."""
        self._dead.step(True, now_ns)
        if at_once or self._dead.since_ns is not None:
            return Verdict(False, ())
        return Verdict(None, None, DEAD_HOLD_NS / S + SLACK_S)

    def saw(self, sight: Sight, now_ns: int) -> Verdict:
        """It sent something. `now_ns`: monotonic."""
        self._dead.reset()
        if not sight.samples:
            return Verdict(True, None)
        again_s = self._look_for_frozen(sight)
        seen = self._signs(sight.view, now_ns) if sight.view is not None else None
        patient = again_s > 0
        if seen is None:
            return Verdict(True, self._flags(), again_s, patient)
        for flag, held in self._held.items():
            held.step(flag in seen, now_ns)
            if (flag in seen) is not (held.since_ns is not None):
                again_s = max(again_s, HOLD_NS[flag] / S + SLACK_S if flag in seen else CLEAR_S)
                patient = False
        return Verdict(True, self._flags(), again_s, patient)

    def _look_for_frozen(self, sight: Sight) -> float:
        """Seconds after which another look is needed; 0 = none."""
        for sample, t_ns in sight.samples:
            self._still.step(sample, True, t_ns)
        self._two = self._still.since_ns is not None
        self._frozen = self._two and len(sight.samples) > 1
        return CLEAR_S if self._two and not self._frozen else 0.0

    def _flags(self) -> tuple[PictureFlag, ...]:
        up = {flag for flag, held in self._held.items() if held.since_ns is not None}
        if self._frozen:
            up.add(PictureFlag.FROZEN)
        return tuple(flag for flag in PictureFlag if flag in up)

    def _signs(self, view: View, now_ns: int) -> set[PictureFlag]:
        """What this one view shows."""
        shape = Shape(view.grey)
        if is_black(shape):
            return {PictureFlag.BLACK}
        if self._gone(shape, now_ns):
            return {PictureFlag.COVERED}
        light = LightMeter().step(view)
        assert light is not None  # a new meter believes what it sees first
        reference = self.references.of(light)
        if reference is None:
            if lies_bare(shape):
                self.references.learn(light, view.grey, focus_of(shape, shape.structured))
            return set()
        known = Shape(reference.grey)
        lost, layout = lost_cells(shape, known), layout_likeness(shape, known)
        if is_covered(lost, layout):
            return {PictureFlag.COVERED}
        focus = focus_of(shape, known.structured) / max(1e-3, reference.focus)
        if focus < BLURRED_FOCUS and layout >= BLURRED_LAYOUT:
            return {PictureFlag.BLURRED}
        if lost < TURNED_LOST and likeness(shape, known, TURNED_LINES) < TURNED_LINES:
            return {PictureFlag.TURNED}
        self.references.learn(light, view.grey, focus_of(shape, shape.structured))
        return set()

    def _gone(self, shape: Shape, now_ns: int) -> bool:
        good = self._good
        if good is None or now_ns - good[0] > GONE_NS or not lies_bare(good[1]):
            self._good = (now_ns, shape)
            return False
        if is_covered(lost_cells(shape, good[1]), layout_likeness(shape, good[1])):
            self._good = (now_ns, good[1])  # still what was seen before
            return True
        self._good = (now_ns, shape)
        return False
