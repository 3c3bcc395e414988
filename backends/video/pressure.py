"""What is left out when the machine is too small for its wall, step by step, and never without saying so. Pure.

A machine is too small when its decoders take the processor and pictures or clicks come late. Late pictures alone
are the network's doing, and a busy processor alone is work well done: neither makes a picture worse. Each step
down costs the wall less than the next one would: smoothing of decoded blocks (loop filter), frames on which no
other depends, main streams, and at last the rate of the smallest pictures. Inside a step the worst come first:
the largest decoded pictures, or for the rate the smallest on the screen; what shows an alarm comes last.

Going back is slow, 30 s of ease a step, and slower each time it was too early, up to 10 minutes: a wall that
changes back and forth is worse than one that is a little less smooth. Must not: measure, or change a stream.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import msgspec

from backends.domain.stream_choice import Act, LeftOut
from backends.domain.text import LocalText
from backends.video.plan import StreamKey

_S = 1_000_000_000


class Load(msgspec.Struct, frozen=True):
    """Figures of the last second or two."""

    late_share: float
    """Frames that were drawn more than one usual interval after they came, of all that came; 0 to 1."""
    cpu_share: float
    """Processor time of all decoder workers, of what all cores have; 0 to 1."""
    tick_p99_ms: float
    """The GUI's pass: 99th percentile of the time between two."""


class Burden(msgspec.Struct, frozen=True):
    """One stream that is decoded for the screen."""

    stream: StreamKey
    pixels: int
    """Of the decoded picture."""
    area: int
    """Physical pixels of its largest tile."""
    smoothed: bool = True
    """Its codec has a loop filter, and frames that refer to others (H.264, H.265)."""
    shrinks: bool = False
    """A main stream, and nothing but its size asks for it: the sub-stream would do."""
    kept: bool = False
    """An alarm is seen on it: made worse last."""


class Step(msgspec.Struct, frozen=True):
    """One step of the ladder."""

    act: Act
    share: float
    """Of the streams that it can be done to."""
    draw_every: int = 1


LADDER = (
    Step(Act.LOOP_FILTER, 0.5),
    Step(Act.LOOP_FILTER, 1.0),
    Step(Act.NON_REFERENCE, 0.5),
    Step(Act.NON_REFERENCE, 1.0),
    Step(Act.MAIN_STREAM, 1.0),
    Step(Act.RATE, 0.25, 2),
    Step(Act.RATE, 0.5, 2),
    Step(Act.RATE, 0.75, 4),
)


class Limits(msgspec.Struct, frozen=True):
    """The figures. Others are for tests."""

    hot_cpu: float = 0.90
    """Above this the GUI and the feeder get what is left over."""
    busy_cpu: float = 0.50
    """Below this whatever is late is not late for want of a processor."""
    cool_cpu: float = 0.70
    hot_late: float = 0.05
    cool_late: float = 0.01
    """One in a hundred: what people do not see on a wall (anchors, video, bars)."""
    hot_tick_ms: float = 60.0
    """Half as much again as the bar of a full wall, which is `cool_tick_ms` (design, section 11)."""
    cool_tick_ms: float = 40.0
    hot_s: float = 2.0
    """Too much for this long: a step down. An opening window takes less."""
    settle_s: float = 3.0
    """After a step, before the next: its effect has to be seen in the figures."""
    switching_s: float = 60.0
    """While streams are still being switched the next step waits for this long at most."""
    calm_s: float = 30.0
    """Ease before a step back."""
    calm_most_s: float = 600.0
    early_s: float = 120.0
    """A step down so soon after a step back: that one was too early, and the next waits twice as long."""
    lighter: float = 0.7
    """With so many of the streams there were at the last step down, a step back waits only `lighter_s`."""
    lighter_s: float = 5.0
    gap_s: float = 5.0
    """Without figures for this long, what they said before is forgotten (the machine slept)."""


LIMITS = Limits()


class Said(msgspec.Struct, frozen=True):
    """One step, for people. `code` is its key in the catalogues, with `n` and `every`; `words` are in both."""

    code: str
    words: LocalText
    level: int
    """After it; 0 = nothing is left out."""
    worse: bool
    n: int = 0
    """Streams that it was done to."""
    every: int = 1
    load: Load | None = None
    """What it was decided by."""


class Relief(msgspec.Struct, frozen=True):
    """What holds from now on."""

    level: int
    treatments: dict[StreamKey, LeftOut]
    """Those that something is left out of. Their tiles say so."""
    force_sub: bool
    no_up: bool
    """No new main streams: something is left out already, or soon will be."""
    standing: Said | None
    """The gravest of what holds, for as long as it holds; None: nothing is left out."""
    said: tuple[Said, ...]
    """New since the last time."""


_WORDS = {
    "loop_filter": LocalText(
        "Máy quá tải: {n} camera hiển thị không làm mịn", "Machine too small: cameras without smoothing: {n}"
    ),
    "non_reference": LocalText(
        "Máy quá tải: {n} camera bỏ bớt khung hình", "Machine too small: cameras with fewer frames: {n}"
    ),
    "main_stream": LocalText("Máy quá tải: chỉ dùng luồng phụ", "Machine too small: only sub-streams are used"),
    "rate": LocalText(
        "Máy quá tải: {n} ô nhỏ nhất chỉ vẽ 1/{every} số khung hình",
        "Machine too small: smallest pictures at 1 frame in {every}: {n}",
    ),
    "bottom": LocalText(
        "Máy quá tải, không giảm thêm được nữa: hãy xem ít camera hơn",
        "Machine too small, and nothing is left to save: show fewer cameras",
    ),
    "eased": LocalText("Máy bớt tải, hình đẹp hơn một bậc", "The load is less: pictures are one step better"),
    "normal": LocalText("Máy hết quá tải: hình đầy đủ trở lại", "The machine keeps up again: pictures are whole"),
}
CODES = tuple(f"pressure.{code}" for code in _WORDS)
"""All that may be said."""


class Pressure:
    """Of one machine. One thread; `decide` once a second or more often."""

    def __init__(self, limits: Limits = LIMITS, ladder: Sequence[Step] = LADDER) -> None:
        self._limits = limits
        self._ladder = tuple(ladder)
        self.level = 0
        self._hot_ns: int | None = None
        """Too much since; so with the ease."""
        self._cool_ns: int | None = None
        self._looked_ns: int | None = None
        self._stepped_ns: int | None = None
        self._eased_ns: int | None = None
        """The last step back."""
        self._calm_s = limits.calm_s
        self._streams_then = 0
        """How many there were at the last step down."""
        self._bottom = False
        """That nothing is left to save has been said."""
        self._standing: Said | None = None

    def decide(self, now_ns: int, load: Load | None, burdens: Sequence[Burden], *, switching: bool = False) -> Relief:
        """`now_ns`: monotonic clock. `load`: None = there are no figures; then nothing changes. `switching`: streams
        are being switched now, or wait for it (`choice.Decision`)."""
        hot, cool = self._feel(now_ns, load)
        said: tuple[Said, ...] = ()
        if load is not None and hot and self._may_step(now_ns, switching):
            said = self._down(now_ns, load, burdens)
        elif load is not None and cool and self.level and self._may_ease(now_ns, len(burdens)):
            said = self._up(now_ns, load, burdens)
        elif (
            not self.level
            and self._stepped_ns is not None
            and self._since(self._stepped_ns, now_ns) >= (self._limits.calm_most_s)
        ):
            self._calm_s = self._limits.calm_s
        return self._relief(burdens, hot=self._hot_ns is not None, said=said)

    # -- how it feels ----------------------------------------------------------------------------------

    def _feel(self, now_ns: int, load: Load | None) -> tuple[bool, bool]:
        """(it has been too much, it has been easy) for long enough; the latter's length is `_may_ease`'s."""
        if load is None:
            self._hot_ns = self._cool_ns = None
            return False, False
        if self._looked_ns is not None and self._since(self._looked_ns, now_ns) > self._limits.gap_s:
            self._hot_ns = self._cool_ns = None
        self._looked_ns = now_ns
        self._hot_ns = (self._hot_ns if self._hot_ns is not None else now_ns) if self._is_hot(load) else None
        self._cool_ns = (self._cool_ns if self._cool_ns is not None else now_ns) if self._is_cool(load) else None
        hot = self._hot_ns is not None and self._since(self._hot_ns, now_ns) >= self._limits.hot_s
        return hot, self._cool_ns is not None

    def _is_hot(self, load: Load) -> bool:
        limits = self._limits
        late = load.late_share > limits.hot_late or load.tick_p99_ms > limits.hot_tick_ms
        return load.cpu_share >= limits.hot_cpu or (load.cpu_share >= limits.busy_cpu and late)

    def _is_cool(self, load: Load) -> bool:
        limits = self._limits
        in_time = load.late_share <= limits.cool_late and load.tick_p99_ms <= limits.cool_tick_ms
        return load.cpu_share < limits.busy_cpu or (load.cpu_share <= limits.cool_cpu and in_time)

    def _may_step(self, now_ns: int, switching: bool) -> bool:
        if self._stepped_ns is None:
            return True
        wait_s = self._limits.switching_s if switching and self._forces_sub() else self._limits.settle_s
        return self._since(self._stepped_ns, now_ns) >= wait_s

    def _may_ease(self, now_ns: int, streams: int) -> bool:
        if self._cool_ns is None or self._stepped_ns is None:
            return False
        lighter = streams <= self._limits.lighter * self._streams_then
        wait_s = self._limits.lighter_s if lighter else self._calm_s
        return self._since(max(self._cool_ns, self._stepped_ns), now_ns) >= wait_s

    @staticmethod
    def _since(then_ns: int, now_ns: int) -> float:
        return (now_ns - then_ns) / _S

    # -- steps -----------------------------------------------------------------------------------------

    def _down(self, now_ns: int, load: Load, burdens: Sequence[Burden]) -> tuple[Said, ...]:
        """To the next step that leaves anything out; those that would do nothing are passed."""
        for level in range(self.level + 1, len(self._ladder) + 1):
            step = self._ladder[level - 1]
            touched = _touched(step, burdens)
            if not touched - self._touched_before(level, burdens):
                continue
            if self._eased_ns is not None and self._since(self._eased_ns, now_ns) < self._limits.early_s:
                self._calm_s = min(self._limits.calm_most_s, self._calm_s * 2)
                self._eased_ns = None
            self.level, self._stepped_ns, self._streams_then = level, now_ns, len(burdens)
            self._standing = _say(step.act.value, level, True, load, len(touched), step.draw_every)
            return (self._standing,)
        if self._bottom or not burdens:
            return ()
        self._bottom = True
        self._stepped_ns = now_ns
        return (_say("bottom", self.level, True, load),)

    def _up(self, now_ns: int, load: Load, burdens: Sequence[Burden]) -> tuple[Said, ...]:
        """Back by one step; those that leave nothing out now go with it."""
        level = self.level - 1
        while level and not self._leaves_out(level, burdens):
            level -= 1
        self.level, self._stepped_ns, self._eased_ns, self._bottom = level, now_ns, now_ns, False
        if not level:
            self._standing = None
            return (_say("normal", 0, False, load),)
        step = self._ladder[level - 1]
        n = len(_touched(step, burdens))
        self._standing = _say(step.act.value, level, False, load, n, step.draw_every)
        return (_say("eased", level, False, load), self._standing)

    def _leaves_out(self, level: int, burdens: Sequence[Burden]) -> bool:
        """That step does something. That of the main streams does, exactly when none is left to see."""
        step = self._ladder[level - 1]
        return step.act is Act.MAIN_STREAM or bool(_touched(step, burdens) - self._touched_before(level, burdens))

    def _touched_before(self, level: int, burdens: Sequence[Burden]) -> set[tuple[StreamKey, int]]:
        """What the steps below `level` with the same act already do."""
        act = self._ladder[level - 1].act
        return {one for step in self._ladder[: level - 1] if step.act is act for one in _touched(step, burdens)}

    def _forces_sub(self) -> bool:
        return any(step.act is Act.MAIN_STREAM for step in self._ladder[: self.level])

    def _relief(self, burdens: Sequence[Burden], *, hot: bool, said: tuple[Said, ...]) -> Relief:
        found: dict[StreamKey, LeftOut] = {}
        for step in self._ladder[: self.level]:
            for stream, _ in sorted(_touched(step, burdens)):
                found[stream] = _treat(found.get(stream, LeftOut()), step)
        return Relief(
            level=self.level,
            treatments={stream: one for stream, one in found.items() if one != LeftOut()},
            force_sub=self._forces_sub(),
            no_up=bool(self.level) or hot,
            standing=self._standing,
            said=said,
        )


def _touched(step: Step, burdens: Iterable[Burden]) -> set[tuple[StreamKey, int]]:
    """The streams that a step is done to, worst first, and how much of each frame's rate it leaves."""
    if step.act in (Act.LOOP_FILTER, Act.NON_REFERENCE):
        order = [one for one in burdens if one.smoothed]
    elif step.act is Act.MAIN_STREAM:
        order = [one for one in burdens if one.shrinks]
    else:
        order = list(burdens)
    if step.act is Act.RATE:
        order.sort(key=lambda one: (one.kept, one.area, one.stream))
    else:
        order.sort(key=lambda one: (one.kept, -one.pixels, one.stream))
    return {(one.stream, step.draw_every) for one in order[: math.ceil(step.share * len(order))]}


def _treat(before: LeftOut, step: Step) -> LeftOut:
    return LeftOut(
        skip_loop_filter=before.skip_loop_filter or step.act is Act.LOOP_FILTER,
        skip_non_reference=before.skip_non_reference or step.act is Act.NON_REFERENCE,
        draw_every=max(before.draw_every, step.draw_every),
    )


def _say(code: str, level: int, worse: bool, load: Load, n: int = 0, every: int = 1) -> Said:
    words = _WORDS[code]
    filled = LocalText(*(text.format(n=n, every=every) for text in (words.vi, words.en)))
    return Said(f"pressure.{code}", filled, level, worse, n, every, load)
