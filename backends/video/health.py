"""Truth on the picture: what is wrong with a stream that looks alive. Pure; looks and times are arguments.

    sample = sample_of(frame)              every frame
    changed = health.frame(sample, key, now_ns)
    if health.wants_view(now_ns):          once a second
        changed |= health.view(view_of(frame), now_ns)
    if changed:
        health.raised                      what is wrong, and since when

One thread owns it. Slow and lost are the reader's, who knows the picture's age; here is what a picture in time
may hide (design, section 6). Measured: 0.01 to 0.015 ms a frame, 0.4 ms for the view of a second.

Must not: decode, keep a frame, or decide what people are told.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from backends.domain.picture import Light, PictureFlag, Raised
from backends.video.looks import View
from backends.video.scaling import Image
from backends.video.stillness import Loop, Stillness
from backends.video.viewing import (
    GAP_NS,
    HOLD_NS,
    Held,
    Learner,
    LightMeter,
    Reference,
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

VIEW_NS = S
"""Between two views."""
SETTLE_NS = 5 * S
"""After a movable camera has stopped: focus and brightness find themselves again."""
BEHIND_NS = 1_500_000_000
"""A picture that is so much older than its arrival says is BEHIND; less is what cameras and networks need."""
BEHIND_CLEAR_NS = 1_000_000_000
_LAG_WINDOW_NS = 3 * S

BLURRED_FOCUS, BLURRED_LAYOUT = 0.4, 0.7
"""Share of the usual fine structure, and likeness of the large shapes above which it is the same view."""
TURNED_LINES, TURNED_LOST = 0.28, 0.7
"""Lines less alike than the first: another view. Where more than the second is lost there is too little to tell. Seen
over the demo's seven kinds of places: the same place in another weather 0.31 and more, another place 0.22 and less,
another street with the same horizon and road (44 drawn ones) 0.24 and less."""


class Lag:
    """How far a stream is behind the camera's own clock."""

    def __init__(self) -> None:
        self.lag_ns: int | None = None
        """Middle of the last seconds; None: the camera's clock is not known."""
        self.since_ns: int | None = None
        self._seen: deque[tuple[int, int]] = deque()
        self._over_ns: int | None = None

    def step(self, captured_ns: int, received_ns: int, now_ns: int) -> None:
        """A frame. `captured_ns`: UTC by the camera, its known error taken off; `received_ns`: UTC here.

        `now_ns`: monotonic. Call it before `Health.view`, which tells what has changed.
        """
        self._seen.append((now_ns, received_ns - captured_ns))
        while self._seen[0][0] < now_ns - _LAG_WINDOW_NS:
            self._seen.popleft()
        lags = sorted(lag for _, lag in self._seen)
        self.lag_ns = max(0, lags[len(lags) // 2])
        if self.lag_ns < (BEHIND_NS if self.since_ns is None else BEHIND_CLEAR_NS):
            self._over_ns = self.since_ns = None
            return
        if self._over_ns is None:
            self._over_ns = now_ns
        if now_ns - self._over_ns >= S:
            self.since_ns = self._over_ns

    def forget(self) -> None:
        """The camera's clock is not known any more."""
        self.lag_ns = self.since_ns = self._over_ns = None
        self._seen.clear()


class Health:
    """Of one stream."""

    def __init__(self, references: Iterable[Reference] = ()) -> None:
        self.lag = Lag()
        self.learnt: Reference | None = None
        """The newest reference that this session has made, to be kept by who wants to."""
        self._still, self._loop = Stillness(), Loop()
        self._held = {flag: Held(hold_ns) for flag, hold_ns in HOLD_NS.items()}
        self._references: dict[tuple[Light, str], tuple[Reference, Shape]] = {}
        self._meter = LightMeter()
        self._learner: tuple[tuple[Light, str], Learner] | None = None
        self._next_view_ns = 0
        self._last_view_ns: int | None = None
        self._settled_ns = 0
        self._told: tuple[int | None, ...] = (None,) * (1 + len(self._held))
        self._good: tuple[int, Shape] | None = None
        """The last view that was not covered, and when that was last known."""
        self.set_references(references)

    def set_references(self, references: Iterable[Reference]) -> None:
        """Views to compare with, one for each kind of light and preset; they take the place of learnt ones."""
        for reference in references:
            self._references[reference.light, reference.preset] = (reference, Shape(reference.grey))

    def frame(self, sample: Image | None, key: bool, now_ns: int) -> bool:
        """Each decoded frame. `key`: a key frame, or one of a stream that has no others; None: no look can be had.

        True: what is raised may have changed.
        """
        if sample is None:
            return False
        before = self._still.since_ns, self._loop.since_ns
        self._still.step(sample, key, now_ns)
        self._loop.step(sample, now_ns)
        return before != (self._still.since_ns, self._loop.since_ns)

    def wants_view(self, now_ns: int) -> bool:
        """A second has gone by since the last one."""
        return now_ns >= self._next_view_ns

    def view(self, view: View | None, now_ns: int, *, preset: str = "", moving: bool = False) -> bool:
        """The view of the second. `preset`: where a movable camera stands; `moving`: somebody may be moving it.

        True: what is raised may have changed.
        """
        self._next_view_ns = now_ns + VIEW_NS
        before = self._told
        if view is not None:
            self._judge(view, now_ns, preset, moving)
        self._told = (self.lag.since_ns, *(held.since_ns for held in self._held.values()))
        return before != self._told

    def _judge(self, view: View, now_ns: int, preset: str, moving: bool) -> None:
        last_ns, self._last_view_ns = self._last_view_ns, now_ns
        if last_ns is not None and now_ns - last_ns > GAP_NS:
            self._forget_views(HOLD_NS)
            self._good = None
        shape = Shape(view.grey)
        black = is_black(shape)
        self._held[PictureFlag.BLACK].step(black, now_ns)
        if moving:
            self._settled_ns = now_ns + SETTLE_NS
        if moving or now_ns < self._settled_ns:
            # What it looked at before it was moved says nothing of what it sees now.
            self._forget_views((PictureFlag.COVERED, PictureFlag.BLURRED, PictureFlag.TURNED))
            self._learner = self._good = None
            return
        if black or self._covered_at_once(shape, now_ns):
            return
        light = self._meter.step(view)
        if light is not None:
            self._compare(shape, (light, preset), now_ns)
        elif lies_bare(shape):
            self._held[PictureFlag.COVERED].step(False, now_ns)

    def _covered_at_once(self, shape: Shape, now_ns: int) -> bool:
        """What was there a moment ago has gone: by this a cover is told from night and fog, which come slowly.

        A cover makes a picture dark, so that the reference for its light is not the one it had.
        """
        good = self._good
        if good is None or now_ns - good[0] > GAP_NS or not lies_bare(good[1]):
            gone = False
        else:
            gone = is_covered(lost_cells(shape, good[1]), layout_likeness(shape, good[1]))
        if gone and good is not None:
            self._good = (now_ns, good[1])  # still what was seen before
            self._held[PictureFlag.COVERED].step(True, now_ns)
        else:
            self._good = (now_ns, shape)
        return gone

    def _compare(self, shape: Shape, where: tuple[Light, str], now_ns: int) -> None:
        found = self._references.get(where)
        if found is None:
            self._forget_views((PictureFlag.COVERED, PictureFlag.BLURRED, PictureFlag.TURNED))
            self._learn(shape, where)
            return
        reference, known = found
        lost, layout = lost_cells(shape, known), layout_likeness(shape, known)
        covered = is_covered(lost, layout)
        focus = focus_of(shape, known.structured) / max(1e-3, reference.focus)
        blurred = not covered and focus < BLURRED_FOCUS and layout >= BLURRED_LAYOUT
        turned = (
            not covered and not blurred and lost < TURNED_LOST and likeness(shape, known, TURNED_LINES) < TURNED_LINES
        )
        for flag, seen in (
            (PictureFlag.COVERED, covered),
            (PictureFlag.BLURRED, blurred),
            (PictureFlag.TURNED, turned),
        ):
            self._held[flag].step(seen, now_ns)

    def _learn(self, shape: Shape, where: tuple[Light, str]) -> None:
        if self._learner is None or self._learner[0] != where:
            self._learner = (where, Learner(*where))
        reference = self._learner[1].step(shape)
        if reference is not None:
            self.learnt, self._learner = reference, None
            self._references[where] = (reference, Shape(reference.grey))

    def _forget_views(self, flags: Iterable[PictureFlag]) -> None:
        for flag in flags:
            self._held[flag].reset()

    @property
    def raised(self) -> tuple[Raised, ...]:
        """What is wrong now, most urgent first."""
        since = {flag: held.since_ns for flag, held in self._held.items()}
        since[PictureFlag.REPEATING] = self._loop.since_ns
        # The key frames of a short loop are all the same as well.
        since[PictureFlag.FROZEN] = None if self._loop.since_ns is not None else self._still.since_ns
        since[PictureFlag.BEHIND] = self.lag.since_ns
        return tuple(Raised(flag, at) for flag in PictureFlag if (at := since.get(flag)) is not None)
