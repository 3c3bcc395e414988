"""What is left out when the machine is too small, with time and load given; and what no course of load may bring."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Sequence

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.video.plan import StreamKey
from backends.video.pressure import (
    CODES,
    LADDER,
    LIMITS,
    Act,
    Burden,
    LeftOut,
    Limits,
    Load,
    Pressure,
    Relief,
    Step,
)

S = 1_000_000_000
HOT = Load(late_share=0.2, cpu_share=0.95, tick_p99_ms=90.0)
WARM = Load(late_share=0.02, cpu_share=0.8, tick_p99_ms=45.0)
COOL = Load(late_share=0.0, cpu_share=0.55, tick_p99_ms=20.0)
NETWORK = Load(late_share=0.6, cpu_share=0.2, tick_p99_ms=20.0)
BUSY = Load(late_share=0.0, cpu_share=0.85, tick_p99_ms=22.0)

STREAMS = [
    Burden(StreamKey("a", "a/main"), 1920 * 1080, 960 * 540, shrinks=True),
    Burden(StreamKey("b", "b/main"), 2560 * 1440, 1280 * 720, shrinks=True),
    Burden(StreamKey("c", "c/sub"), 640 * 360, 480 * 270),
    Burden(StreamKey("d", "d/sub"), 640 * 360, 320 * 180),
    Burden(StreamKey("e", "e/jpeg"), 704 * 576, 240 * 135, smoothed=False),
    Burden(StreamKey("f", "f/sub"), 640 * 360, 160 * 90, kept=True),
]


def without_mains(burdens: Sequence[Burden]) -> list[Burden]:
    """What is left when the choice has sent all down."""
    return [
        one if not one.shrinks else Burden(StreamKey(one.stream.camera_id, "sub"), 640 * 360, one.area)
        for one in burdens
    ]


class Machine:
    """A pressure that is asked once a second, and all that it answered."""

    def __init__(self, limits: Limits = LIMITS, ladder: Sequence[Step] = LADDER) -> None:
        self.pressure = Pressure(limits, ladder)
        self.now_s = 1000.0
        self.history: list[tuple[float, Relief]] = []

    def run(
        self, load: Load | None, seconds: float, burdens: Sequence[Burden] = STREAMS, *, switching: bool = False
    ) -> Relief:
        for _ in range(round(seconds)):
            self.now_s += 1.0
            relief = self.pressure.decide(round(self.now_s * S), load, burdens, switching=switching)
            self.history.append((self.now_s, relief))
        return self.history[-1][1]

    def until_level(self, level: int, load: Load, burdens: Sequence[Burden] = STREAMS) -> Relief:
        for _ in range(4000):
            relief = self.run(load, 1, burdens)
            if relief.level == level:
                return relief
        raise AssertionError(f"level {level} is never reached, it stands at {self.pressure.level}")

    @property
    def said(self) -> list[str]:
        return [said.code.removeprefix("pressure.") for _, relief in self.history for said in relief.said]

    def steps(self) -> list[tuple[float, int]]:
        """When the level changed, and by how much."""
        return [
            (after, there.level - here.level)
            for (_, here), (after, there) in itertools.pairwise(self.history)
            if there.level != here.level
        ]


def faults(history: Sequence[tuple[float, Relief]], limits: Limits = LIMITS) -> set[str]:
    """What went against the rules."""
    found: set[str] = set()
    changed_s: float | None = None
    for (_, before), (now_s, after) in itertools.pairwise(history):
        if after.level != before.level:
            if not after.said:
                found.add("silent")
            if after.level < before.level and changed_s is not None and now_s - changed_s < limits.lighter_s:
                found.add("hasty recovery")
            if after.level > before.level and changed_s is not None and now_s - changed_s < limits.settle_s:
                found.add("a step before the last one is felt")
            changed_s = now_s
        if bool(after.level) is not (after.standing is not None):
            found.add("what stands is not said")
        if after.level and not after.no_up:
            found.add("up while something is left out")
        if not after.level and (after.treatments or after.force_sub):
            found.add("something is left out at level 0")
    return found


loads = st.builds(
    Load,
    late_share=st.sampled_from([0.0, 0.005, 0.03, 0.2]),
    cpu_share=st.sampled_from([0.1, 0.45, 0.6, 0.75, 0.95]),
    tick_p99_ms=st.sampled_from([20.0, 45.0, 90.0]),
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.one_of(st.none(), loads),
            st.sampled_from([1, 2, 3, 10, 45, 300]),
            st.sampled_from([(), STREAMS, STREAMS[2:], STREAMS[:1]]),
            st.booleans(),
        ),
        max_size=30,
    )
)
def test_no_course_of_load_breaks_a_rule(course: list[tuple[Load | None, int, Sequence[Burden], bool]]) -> None:
    machine = Machine()
    for load, seconds, burdens, switching in course:
        machine.run(load, seconds, burdens, switching=switching)
    assert faults(machine.history) == set()


def test_the_faults_are_found_in_a_history_that_has_them() -> None:
    good = Machine().run(COOL, 1)
    bad = Relief(2, {}, force_sub=False, no_up=False, standing=None, said=())
    left = Relief(0, {StreamKey("a", "u"): LeftOut(draw_every=2)}, True, False, None, ())
    history = [(0.0, good), (1.0, bad), (2.0, left), (3.0, bad)]
    assert faults(history) == {
        "silent",
        "hasty recovery",
        "a step before the last one is felt",
        "what stands is not said",
        "up while something is left out",
        "something is left out at level 0",
    }


def an_hour(machine: Machine, feel: Callable[[int], Load]) -> Machine:
    """A machine whose load follows from what is left out of its pictures."""
    for _ in range(3600):
        machine.run(feel(machine.pressure.level), 1)
    return machine


def small_machine(seed: int, whole: float, saves: float) -> Callable[[int], Load]:
    """It needs `whole` of its processor for all, and each step saves a share of `saves`; with noise."""
    chance = random.Random(seed)

    def feel(level: int) -> Load:
        cpu = whole * (1 - saves) ** level * chance.uniform(0.9, 1.1)
        over = max(0.0, cpu - 0.9)
        return Load(min(1.0, over * 2), min(1.0, cpu), 20.0 + over * 300)

    return feel


@pytest.mark.parametrize("seed", range(4))
def test_a_machine_between_two_steps_tries_ever_more_rarely(seed: int) -> None:
    machine = an_hour(Machine(), small_machine(seed, 1.5, 0.35))
    ups = [at for at, by in machine.steps() if by < 0]
    # 30, 60, 120, 240 and 480 s of ease, then every ten minutes: so many tries at most in an hour.
    assert 1 <= len(ups) <= 12
    assert machine.pressure.level > 0
    assert faults(machine.history) == set()


@pytest.mark.parametrize("seed", range(4))
def test_a_machine_that_a_step_suits_stays_there(seed: int) -> None:
    machine = an_hour(Machine(), small_machine(seed, 1.5, 0.12))
    assert [by for _, by in machine.steps()] == [1] * machine.pressure.level
    assert 3 <= machine.pressure.level <= 5


def test_with_haste_the_same_machine_flaps() -> None:
    hasty = Limits(calm_s=1.0, calm_most_s=1.0, hot_s=0.0, settle_s=0.0)
    machine = an_hour(Machine(hasty), small_machine(0, 1.5, 0.35))
    assert len(machine.steps()) > 100
    assert "hasty recovery" in faults(machine.history)


# -- step by step ------------------------------------------------------------------------------------------


def test_a_machine_that_keeps_up_leaves_nothing_out() -> None:
    machine = Machine()
    for load in (COOL, BUSY, WARM, COOL):
        relief = machine.run(load, 300)
    assert (relief.level, relief.treatments, relief.no_up, machine.said) == (0, {}, False, [])


def test_late_pictures_alone_are_the_networks_doing() -> None:
    machine = Machine()
    assert machine.run(NETWORK, 600).level == 0


def test_a_slow_gui_beside_idle_decoders_is_not_their_doing() -> None:
    assert Machine().run(Load(0.0, 0.2, 500.0), 600).level == 0


@pytest.mark.parametrize("hot", [HOT, Load(0.0, 0.92, 20.0), Load(0.1, 0.6, 20.0), Load(0.0, 0.6, 70.0)])
def test_each_figure_alone_makes_a_busy_machine_too_small(hot: Load) -> None:
    assert Machine().run(hot, 4).level == 1


def test_a_burst_is_no_reason() -> None:
    machine = Machine()
    for _ in range(100):
        machine.run(HOT, 2)
        machine.run(COOL, 3)
    assert machine.pressure.level == 0


def test_without_figures_nothing_changes_and_what_was_before_is_forgotten() -> None:
    machine = Machine()
    machine.run(HOT, 2)
    machine.run(None, 1)
    assert machine.run(HOT, 2).level == 0
    assert machine.run(HOT, 1).level == 1
    assert machine.run(None, 600).level == 1


def test_after_a_sleep_the_figures_of_before_count_no_more() -> None:
    machine = Machine()
    machine.run(HOT, 2)
    machine.now_s += 3600
    assert machine.run(HOT, 2).level == 0


def test_the_ladder_is_gone_down_in_order_and_each_step_is_said() -> None:
    machine = Machine()
    machine.run(HOT, 120)
    assert machine.said == [
        "loop_filter", "loop_filter", "non_reference", "non_reference", "main_stream", "rate", "rate", "rate", "bottom",
    ]  # fmt: skip
    assert all(by == 1 for _, by in machine.steps())
    assert all(later - at >= LIMITS.settle_s for (at, _), (later, _) in itertools.pairwise(machine.steps()))


def test_every_code_has_words_in_both_languages() -> None:
    machine = Machine()
    machine.run(HOT, 120)
    machine.run(COOL, 600)
    said = [one for _, relief in machine.history for one in relief.said]
    assert {one.code for one in said} == set(CODES)
    for one in said:
        assert one.words.vi
        assert one.words.en
        assert "{" not in one.words.vi + one.words.en
        assert one.load in (HOT, COOL)


def test_what_stands_is_named_as_long_as_it_stands() -> None:
    machine = Machine()
    relief = machine.until_level(1, HOT)
    assert relief.standing is not None
    assert relief.standing.words.vi == "Máy quá tải: 3 camera hiển thị không làm mịn"
    machine.run(WARM, 20)
    relief = machine.run(WARM, 1)
    assert relief.standing is not None
    assert relief.said == ()


def test_the_largest_pictures_come_first_and_an_alarms_last() -> None:
    first = Machine().until_level(1, HOT).treatments
    assert set(first) == {StreamKey("b", "b/main"), StreamKey("a", "a/main"), StreamKey("c", "c/sub")}
    second = Machine().until_level(2, HOT).treatments
    assert StreamKey("f", "f/sub") in second
    assert StreamKey("e", "e/jpeg") not in second  # JPEG has no loop filter
    assert {one.skip_loop_filter for one in second.values()} == {True}
    alarmed = [msgspec.structs.replace(one, kept=one.stream.camera_id == "b") for one in STREAMS]
    machine = Machine()
    machine.run(HOT, 3, alarmed)
    assert {stream.camera_id for stream in machine.history[-1][1].treatments} == {"a", "c", "d"}


def test_the_rate_falls_on_the_smallest_tiles_first() -> None:
    relief = Machine().until_level(6, HOT)
    slower = {stream.camera_id for stream, one in relief.treatments.items() if one.draw_every > 1}
    assert slower == {"e", "d"}
    relief = Machine().until_level(8, HOT)
    assert relief.treatments[StreamKey("e", "e/jpeg")] == LeftOut(False, False, 4)
    assert relief.treatments[StreamKey("f", "f/sub")].draw_every == 1


def test_a_step_that_would_do_nothing_is_passed() -> None:
    jpegs = [Burden(StreamKey(name, "u"), 640 * 480, 480 * 270, smoothed=False) for name in "abc"]
    machine = Machine()
    machine.run(HOT, 60, jpegs)
    assert machine.said == ["rate", "rate", "rate", "bottom"]


def test_with_nothing_shown_there_is_nothing_to_leave_out() -> None:
    machine = Machine()
    assert machine.run(HOT, 60, ()).level == 0
    assert machine.said == []


def test_the_next_step_waits_while_streams_are_still_switched() -> None:
    machine = Machine()
    assert machine.until_level(5, HOT).force_sub
    assert machine.run(HOT, 50, switching=True).level == 5
    assert machine.run(HOT, 12, switching=True).level == 6  # but not for ever


def test_main_streams_come_back_only_by_a_step_of_their_own() -> None:
    machine = Machine()
    machine.until_level(6, HOT)
    down = without_mains(STREAMS)
    assert machine.until_level(5, COOL, down).force_sub
    relief = machine.run(COOL, 60, down)
    assert (relief.level < 5, relief.force_sub) == (True, False)


def test_recovery_is_slow_and_slower_after_a_step_back_that_was_too_early() -> None:
    machine = Machine()
    machine.until_level(2, HOT)
    began = machine.now_s
    machine.until_level(1, COOL)
    assert machine.now_s - began == pytest.approx(LIMITS.calm_s, abs=2)
    machine.until_level(2, HOT)
    began = machine.now_s
    machine.until_level(1, COOL)
    assert machine.now_s - began == pytest.approx(2 * LIMITS.calm_s, abs=2)


def test_a_slow_network_does_not_keep_an_idle_machine_down() -> None:
    machine = Machine()
    machine.until_level(1, HOT)
    assert machine.run(NETWORK, 60).level == 0


def test_ease_that_is_broken_counts_from_anew() -> None:
    machine = Machine()
    machine.until_level(1, HOT)
    for _ in range(20):
        machine.run(COOL, 25)
        machine.run(WARM, 1)
    assert machine.pressure.level == 1


def test_a_much_lighter_wall_recovers_sooner() -> None:
    machine = Machine()
    machine.until_level(4, HOT)
    began = machine.now_s
    machine.until_level(0, COOL, STREAMS[2:4])
    assert machine.now_s - began < LIMITS.calm_s
    assert machine.said[-1] == "normal"


def test_each_kind_of_step_stands_on_the_ladder() -> None:
    assert {step.act for step in LADDER} == set(Act)
    order = [act for act, _ in itertools.groupby(step.act for step in LADDER)]
    assert order == list(Act)
