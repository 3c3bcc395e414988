"""The choice of streams, with time, sizes and cameras given; and what no course of events may bring about."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import pytest
from helpers.choice_room import (
    MAIN,
    STEP_S,
    SUB,
    H,
    Room,
    changes,
    demanded_uris,
    faults,
    main_uri,
    on_main,
    room,
    sub_uri,
    tile,
    ways,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.domain.camera import Demand, Stream
from backends.domain.stream_choice import Decision, Seen, Switch, View, Ways, Why, Wish
from backends.video.choice import Chooser
from backends.video.choice_rules import RULES, Rules


class Hasty(Chooser):
    """Negative control: what most clients do. The size decides alone, and the old one ends first."""

    def decide(  # type: ignore[override]  # fewer arguments are used
        self, now_ns: int, tiles: Sequence[View], ways: Mapping[str, Ways], seen: object, **_: object
    ) -> Decision:
        painted = tuple(
            Demand(t.camera_id, (main_uri if t.height > H else sub_uri)(t.camera_id), t.width, t.height) for t in tiles
        )
        return Decision(frozenset(painted), painted, {}, None, 0, ())


class Greedy(Chooser):
    """Negative control: both streams stand for whoever ought to switch, for as long as it takes."""

    def decide(  # type: ignore[override]  # fewer arguments are used
        self, now_ns: int, tiles: Sequence[View], ways: Mapping[str, Ways], seen: Mapping[Demand, Seen], **_: object
    ) -> Decision:
        demands, painted = set(), []
        for t in tiles:
            new = Demand(t.camera_id, (main_uri if t.height > H else sub_uri)(t.camera_id), t.width, t.height)
            old = Demand(t.camera_id, (sub_uri if t.height > H else main_uri)(t.camera_id), t.width, t.height)
            ready = seen.get(new, Seen()).age_s is not None
            demands |= {new} if ready else {new, old}
            painted.append(new if ready else old)
        return Decision(frozenset(demands), tuple(painted), {}, None, 0, ())


CAMERAS = ("a", "b", "c", "d")
heights = st.sampled_from([120, 200, 350, 360, 361, 420, 486, 487, 600, 1080])
courses = st.lists(
    st.tuples(
        st.sampled_from(["resize", "resize", "resize", "hide", "wish", "load", "twin", "die", "live"]),
        st.sampled_from(CAMERAS),
        heights,
        st.sampled_from([0.25, 0.5, 1.0, 1.25, 3.0, 7.0, 15.0, 70.0]),
    ),
    min_size=1,
    max_size=40,
)
latencies = st.lists(st.sampled_from([0.25, 1.0, 2.5, 6.0, 12.0, None]), min_size=8, max_size=8)
Course = list[tuple[str, str, int, float]]


def follow(one: Room, course: Course, latency: Sequence[float | None]) -> Room:
    """Play it: every camera begins on a tile of 240 lines and has had its first picture."""
    one.tiles = [tile(camera, 240) for camera in CAMERAS]
    one.run(2.0)
    uris = [uri(camera) for camera in CAMERAS for uri in (main_uri, sub_uri)]
    one.latency = dict(zip(uris, latency, strict=True))
    for what, camera, height, seconds in course:
        others = [t for t in one.tiles if t.camera_id != camera]
        if what == "resize":
            one.tiles = [*others, tile(camera, height)]
        elif what == "twin":
            one.tiles = [*others, tile(camera, height), tile(camera, 120)]
        elif what == "hide":
            one.tiles = others
        elif what == "wish":
            one.wishes = {**one.wishes, camera: list(Wish)[height % 3]}
        elif what == "die":
            one.die(sorted(one.uris(camera))[height % len(one.uris(camera))])
        elif what == "live":
            for uri in one.uris(camera):
                one.live(uri)
        else:
            one.force_sub = one.no_up = not one.force_sub
        one.run(seconds)
    return one


@settings(max_examples=150, deadline=None)
@given(courses, latencies)
def test_no_course_of_events_breaks_a_rule(course: Course, latency: list[float | None]) -> None:
    one = room(*CAMERAS)
    by_room = (Stream(MAIN, "rtsp://room/d/main", 1920, 1080), Stream(SUB, "rtsp://room/d/sub", 640, H))
    one.ways["d"] = ways("d", restream=by_room)
    assert faults(follow(one, course, latency).history) == set()


@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        (Hasty, {"black", "twice within 5 s"}),
        (Greedy, {"two switches at a time", "two streams for longer than the time-out"}),
    ],
)
def test_the_faults_are_found_in_choosers_that_have_them(bad: type[Chooser], expected: set[str]) -> None:
    course = [("resize", camera, height, 0.5) for height in (600, 200, 600, 200) for camera in CAMERAS]
    one = Room(bad(), {camera: ways(camera) for camera in CAMERAS})
    found = faults(follow(one, [*course, ("resize", "a", 600, 15.0)], [None, 1.0] * 4).history)
    assert expected <= found


def an_hour_of_noise(rules: Rules, seed: int, low: float, high: float) -> Room:
    """Tiles that change their size twice a second, by factors from `low` to `high` of a height of their own."""
    chance = random.Random(seed)
    one = room(*CAMERAS, rules=rules)
    base = {camera: chance.uniform(0.7, 1.7) * H for camera in CAMERAS}
    for _ in range(7200):
        one.tiles = [tile(camera, base[camera] * chance.uniform(low, high)) for camera in CAMERAS]
        one.run(0.5)
    return one


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.soak) for seed in (1, 2))])
def test_an_hour_of_noise_below_the_hysteresis_switches_at_most_once(seed: int) -> None:
    one = an_hour_of_noise(RULES, seed, 0.87, 1.15)  # 1.15 / 0.87 < 1.35
    assert all(len(times) <= 1 for times in changes(one.history).values())
    assert faults(one.history) == set()


def test_without_the_hysteresis_the_same_hour_flaps() -> None:
    one = an_hour_of_noise(Rules(up=1.0, small_s=0.0, camera_s=0.0), 0, 0.87, 1.15)
    assert max(len(times) for times in changes(one.history).values()) > 100


def test_an_hour_of_any_noise_keeps_to_the_rules() -> None:
    one = an_hour_of_noise(RULES, 7, 0.1, 3.0)
    assert faults(one.history) == set()
    assert changes(one.history)  # it is no quiet hour


# -- the figures of the design -----------------------------------------------------------------------------


@pytest.mark.parametrize(("height", "goes"), [(H, True), (H + 1, False)])
def test_down_at_the_height_of_the_sub_stream(height: int, goes: bool) -> None:
    one = on_main()
    one.tiles = [tile("a", height)]
    one.run(10.0)
    assert (one.painted("a") == "sub") is goes


@pytest.mark.parametrize(("height", "goes"), [(540, False), (541, True)])
def test_up_above_1_35_of_it(height: int, goes: bool) -> None:
    one = room()
    one.sizes[sub_uri("a")] = (640, 400)
    one.tiles = [tile("a", 200)]
    one.run(2.0)
    one.tiles = [tile("a", height)]
    one.run(10.0)
    assert (one.painted("a") == "main") is goes


def test_down_needs_a_whole_second_without_a_break() -> None:
    one = on_main()
    for _ in range(20):
        one.tiles = [tile("a", 200)]
        one.run(0.75)
        one.tiles = [tile("a", 1080)]
        one.run(0.25)
    assert not changes(one.history)
    one.tiles = [tile("a", 200)]
    assert one.until(lambda: one.decision.switch is not None) == pytest.approx(1.0 + STEP_S)


def test_five_seconds_between_two_switches_of_a_camera() -> None:
    one = on_main()
    one.tiles = [tile("a", 200)]
    one.until(lambda: one.painted("a") == "sub")
    one.tiles = [tile("a", 1080)]
    assert one.until(lambda: one.decision.switch is not None) == pytest.approx(5.0)


def test_a_picture_of_another_shape_is_measured_as_it_is_shown() -> None:
    one = on_main()
    one.tiles = [View("a", 640, 1000)]  # bars above and below: 360 lines of picture
    one.run(8.0)
    assert one.painted("a") == "sub"


def test_zooming_in_asks_for_more_lines() -> None:
    one = room()
    one.tiles = [View("a", 640, 360)]
    one.run(2.0)
    one.tiles = [View("a", 640, 360, (0.25, 0.25, 0.5, 0.5))]
    one.run(8.0)
    assert one.painted("a") == "main"
    assert {demand.crop for demand in one.decision.demands} == {(0.25, 0.25, 0.5, 0.5)}


def test_a_new_camera_opens_what_its_size_asks_for() -> None:
    one = room("a", "b", "c")
    one.tiles = [tile("a", 1080), tile("b", 450), tile("c", 200)]
    one.step()
    assert [one.painted(camera) for camera in "abc"] == ["main", "sub", "sub"]
    assert one.decision.switch is None


def test_smallest_down_first_then_largest_up() -> None:
    one = room("a", "b", "c", "d")
    one.tiles = [tile("a", 900), tile("b", 900), tile("c", 200), tile("d", 200)]
    one.run(8.0)
    one.tiles = [tile("a", 300), tile("b", 200), tile("c", 800), tile("d", 900)]
    one.no_up = True  # until the downs are due too
    one.run(1.0)
    one.no_up = False
    one.run(20.0)
    order = sorted((times[0], camera) for camera, times in changes(one.history).items())
    assert [camera for _, camera in order] == ["b", "a", "d", "c"]
    assert len({at for at, _ in order}) == 4


def test_what_waits_is_counted() -> None:
    one = room("a", "b", "c")
    one.tiles = [tile(camera, 900) for camera in "abc"]
    one.run(8.0)
    one.tiles = [tile(camera, 200) for camera in "abc"]
    one.until(lambda: one.decision.switch is not None)
    assert one.decision.waiting == 2


# -- the seam ----------------------------------------------------------------------------------------------


def test_the_new_one_stands_beside_the_old_one_until_it_has_a_picture() -> None:
    one = on_main()
    one.latency[sub_uri("a")] = 3.0
    one.tiles = [tile("a", 200)]
    one.until(lambda: one.decision.switch is not None)
    assert (one.streams("a"), one.painted("a")) == ({"main", "sub"}, "main")
    took = one.until(lambda: one.painted("a") == "sub")
    assert took == pytest.approx(3.0)
    assert one.streams("a") == {"sub"}


def test_every_tile_of_the_camera_must_have_its_picture() -> None:
    one = room()
    one.tiles = [tile("a", 200), tile("a", 120)]
    one.run(2.0)
    one.tiles = [tile("a", 900), small := tile("a", 120)]
    one.withheld = {late := Demand("a", main_uri("a"), small.width, small.height)}
    one.run(4.0)
    assert (one.streams("a"), one.painted("a")) == ({"main", "sub"}, "sub")
    one.withheld.remove(late)
    one.step()
    assert (one.streams("a"), one.painted("a")) == ({"main"}, "main")


def test_after_the_time_out_the_old_one_stays_and_that_is_said() -> None:
    one = room()
    one.latency[main_uri("a")] = None
    one.tiles = [tile("a", 200)]
    one.run(2.0)
    one.tiles = [tile("a", 900)]
    one.until(lambda: one.decision.switch is not None)
    assert one.until(lambda: one.decision.switch is None) == pytest.approx(RULES.timeout_s)
    assert (one.streams("a"), one.said) == ({"sub"}, ["choice.no_picture"])
    (said,) = one.decision.said
    assert said.words.vi == "Luồng chính không có hình trong 10 giây, vẫn dùng luồng phụ"
    assert one.decision.uses["a"].why is Why.NO_PICTURE
    # Tried again a minute later, then after two.
    assert one.until(lambda: one.decision.switch is not None, 100) == pytest.approx(RULES.again_s, abs=1.0)
    one.until(lambda: one.decision.switch is None)
    assert one.until(lambda: one.decision.switch is not None, 200) == pytest.approx(2 * RULES.again_s, abs=1.0)


def test_a_tile_that_is_dragged_all_the_time_gets_its_stream_too() -> None:
    one = room()
    one.tiles = [tile("a", 200)]
    one.run(2.0)
    for lines in range(500, 560):
        one.tiles = [tile("a", lines)]
        one.step()
    assert (one.painted("a"), one.said) == ("main", [])
    assert faults(one.history) == set()


def test_where_neither_has_a_picture_the_new_one_stays() -> None:
    one = on_main()
    one.latency[sub_uri("a")] = None
    one.tiles = [tile("a", 200)]
    one.until(lambda: one.decision.switch is not None)
    one.die(main_uri("a"))
    one.run(RULES.timeout_s)
    assert (one.streams("a"), one.said) == ({"sub"}, ["choice.neither"])


def test_an_old_one_without_a_picture_is_not_kept() -> None:
    one = on_main()
    one.die(main_uri("a"))
    one.run(RULES.alive_s + 1)
    one.tiles = [tile("a", 200)]
    one.run(2.0)
    assert one.streams("a") == {"sub"}
    assert all(len(demanded_uris(past.decision)["a"]) == 1 for past in one.history)


def test_without_memory_for_the_new_one_the_old_one_stays() -> None:
    one = room()
    one.refused.add(main_uri("a"))
    one.tiles = [tile("a", 200)]
    one.run(2.0)
    one.tiles = [tile("a", 900)]
    one.run(2.0)
    assert (one.streams("a"), one.said) == ({"sub"}, ["choice.no_memory"])


def test_a_hidden_camera_demands_nothing_and_its_switch_ends() -> None:
    one = on_main()
    one.latency[sub_uri("a")] = 3.0
    one.tiles = [tile("a", 200)]
    one.until(lambda: one.decision.switch is not None)
    one.tiles = []
    one.step()
    assert (one.decision.demands, one.decision.switch) == (frozenset(), None)
    one.tiles = [tile("a", 200)]
    one.step()
    assert one.streams("a") == {"main"}  # back at once: as it was
    one.tiles = []
    one.run(6.0)
    one.tiles = [tile("a", 200)]
    one.step()
    assert one.streams("a") == {"sub"}


def test_what_is_hidden_is_not_small_meanwhile() -> None:
    one = on_main()
    one.tiles = [tile("a", 200)]
    one.run(0.75)
    one.tiles = []
    one.run(0.5)
    one.tiles = [tile("a", 200)]
    assert one.until(lambda: one.decision.switch is not None) == pytest.approx(1.0 + STEP_S)


def test_a_switch_names_both_streams() -> None:
    one = on_main()
    one.latency[sub_uri("a")] = 3.0
    one.tiles = [tile("a", 200)]
    one.until(lambda: one.decision.switch is not None)
    switch = one.decision.switch
    assert isinstance(switch, Switch)
    assert (switch.old.kind, switch.new.kind, switch.why) == (MAIN, SUB, Why.SIZE)
