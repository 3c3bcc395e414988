"""The choice of streams, with time, sizes and cameras given; and what no course of events may bring about."""

from __future__ import annotations

import itertools
import math
import random
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.domain.camera import Demand, Stream, StreamKind
from backends.video.choice import Chooser
from backends.video.choice_records import (
    CODES,
    RULES,
    Decision,
    Pick,
    Rules,
    Seen,
    Switch,
    Tile,
    Use,
    Via,
    Ways,
    Why,
    Wish,
)

MAIN, SUB = StreamKind.MAIN, StreamKind.SUB
S = 1_000_000_000
STEP_S = 0.25
H = 360


def main_uri(camera: str) -> str:
    return f"rtsp://{camera}/main"


def sub_uri(camera: str) -> str:
    return f"rtsp://{camera}/sub"


def ways(camera: str, *, declared: bool = True, **more: tuple[Stream, ...]) -> Ways:
    main = Stream(MAIN, main_uri(camera), 1920, 1080) if declared else Stream(MAIN, main_uri(camera))
    sub = Stream(SUB, sub_uri(camera), 640, H) if declared else Stream(SUB, sub_uri(camera))
    return Ways((main, sub), **more)


def tile(camera: str, height: float) -> Tile:
    """As wide as a picture of 16:9 needs."""
    return Tile(camera, round(height * 16 / 9) + 1, round(height))


@dataclass
class Room:
    """Cameras that open when they are demanded, and a chooser that is asked in steps of a quarter of a second."""

    chooser: Chooser
    ways: dict[str, Ways]
    latency: dict[str, float | None] = field(default_factory=dict)
    """Address -> seconds to the first picture (0.5 where nothing is said); None: it never comes."""
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Address -> what it really sends."""
    refused: set[str] = field(default_factory=set)
    now_s: float = 1000.0
    tiles: list[Tile] = field(default_factory=list)
    wishes: dict[str, Wish] = field(default_factory=dict)
    force_sub: bool = False
    no_up: bool = False
    decision: Decision = field(default_factory=lambda: Decision(frozenset(), (), {}, None, 0, ()))
    said: list[str] = field(default_factory=list)
    history: list[Past] = field(default_factory=list)
    _first: dict[str, float] = field(default_factory=dict)
    """Address that is open -> when its first picture comes."""
    _dead: dict[str, float] = field(default_factory=dict)

    def age_s(self, uri: str) -> float | None:
        if self.now_s < self._first.get(uri, math.inf):
            return None
        return self.now_s - self._dead[uri] if uri in self._dead else 0.04

    def shows(self, uri: str) -> bool:
        """There is a picture that is not lost."""
        age_s = self.age_s(uri)
        return age_s is not None and age_s < RULES.alive_s

    def _opens(self, uri: str) -> float:
        latency = self.latency.get(uri, 0.5)
        return math.inf if latency is None else self.now_s + latency

    def die(self, uri: str) -> None:
        self._dead[uri] = self.now_s

    def live(self, uri: str) -> None:
        self._dead.pop(uri, None)

    def uris(self, camera: str) -> set[str]:
        return {stream.uri for stream in (*self.ways[camera].streams, *self.ways[camera].restream)}

    def look(self, demand: Demand) -> Seen:
        age_s = self.age_s(demand.uri)
        width, height = self.sizes.get(demand.uri, (0, 0)) if age_s is not None else (0, 0)
        return Seen(age_s, width, height, demand.uri in self.refused)

    def step(self) -> Decision:
        self.now_s += STEP_S
        seen = {demand: self.look(demand) for demand in self.decision.demands}
        self.decision = self.chooser.decide(
            round(self.now_s * S),
            self.tiles,
            self.ways,
            seen,
            wishes=self.wishes,
            force_sub=self.force_sub,
            no_up=self.no_up,
        )
        wanted = {demand.uri for demand in self.decision.demands}
        self._first = {uri: self._first[uri] if uri in self._first else self._opens(uri) for uri in wanted}
        self.said += [one.code for one in self.decision.said]
        with_picture = frozenset(uri for uri in wanted if self.shows(uri))
        self.history.append(Past(self.now_s, self.decision, with_picture))
        return self.decision

    def run(self, seconds: float) -> Decision:
        for _ in range(round(seconds / STEP_S)):
            self.step()
        return self.decision

    def until(self, reached: Callable[[], bool], seconds: float = 60.0) -> float:
        """Seconds that it took."""
        began = self.now_s
        while not reached():
            assert self.now_s - began < seconds, self.decision
            self.step()
        return self.now_s - began

    def painted(self, camera: str) -> str:
        """Last part of the address that its tiles paint."""
        (uri,) = {demand.uri for demand in self.decision.painted if demand is not None and demand.camera_id == camera}
        return uri.rpartition("/")[2]

    def streams(self, camera: str) -> set[str]:
        return {demand.uri.rpartition("/")[2] for demand in self.decision.demands if demand.camera_id == camera}


@dataclass
class Past:
    """One step, for who looks at the whole course afterwards."""

    now_s: float
    decision: Decision
    with_picture: frozenset[str]


def room(*cameras: str, rules: Rules = RULES, declared: bool = True) -> Room:
    return Room(Chooser(rules), {camera: ways(camera, declared=declared) for camera in cameras or ("a",)})


# -- what may never happen ---------------------------------------------------------------------------------


def painted_uris(decision: Decision) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for demand in decision.painted:
        if demand is not None:
            found[demand.camera_id].add(demand.uri)
    return found


def demanded_uris(decision: Decision) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for demand in decision.demands:
        found[demand.camera_id].add(demand.uri)
    return found


def changes(history: Sequence[Past]) -> dict[str, list[float]]:
    """When each camera's tiles went over to another stream without having been hidden."""
    found: dict[str, list[float]] = defaultdict(list)
    for before, after in itertools.pairwise(history):
        now = painted_uris(after.decision)
        for camera, uris in painted_uris(before.decision).items():
            if camera in now and now[camera] != uris:
                found[camera].append(after.now_s)
    return found


def faults(history: Sequence[Past], rules: Rules = RULES) -> set[str]:
    """What went against the rules: in words that the tests name."""
    found: set[str] = set()
    double_since: dict[str, float] = {}
    before: Past | None = None
    for past in history:
        painted, demanded = painted_uris(past.decision), demanded_uris(past.decision)
        if not set().union(*painted.values()) <= set().union(*demanded.values()):
            found.add("paints what it does not demand")
        if any(len(uris) > 1 for uris in painted.values()):
            found.add("two tiles of one camera paint two streams")
        double = [camera for camera, uris in demanded.items() if len(uris) > 1]
        if len(double) > 1:
            found.add("two switches at a time")
        if any(len(uris) > 2 for uris in demanded.values()):
            found.add("three streams")
        double_since = {camera: double_since.get(camera, past.now_s) for camera in double}
        if any(past.now_s - since > rules.timeout_s for since in double_since.values()):
            found.add("two streams for longer than the time-out")
        if before is not None:
            for camera, uris in painted_uris(before.decision).items():
                now = painted.get(camera, uris)
                # Where the same stream is still painted, the world has taken its picture, not the choice.
                if now != uris and uris <= before.with_picture and not now <= past.with_picture:
                    found.add("black")
        before = past
    for times in changes(history).values():
        if any(later - earlier < rules.camera_s for earlier, later in itertools.pairwise(times)):
            found.add("twice within 5 s")
    return found


class Hasty(Chooser):
    """Negative control: what most clients do. The size decides alone, and the old one ends first."""

    def decide(  # type: ignore[override]  # fewer arguments are used
        self, now_ns: int, tiles: Sequence[Tile], ways: Mapping[str, Ways], seen: object, **_: object
    ) -> Decision:
        painted = tuple(
            Demand(t.camera_id, (main_uri if t.height > H else sub_uri)(t.camera_id), t.width, t.height) for t in tiles
        )
        return Decision(frozenset(painted), painted, {}, None, 0, ())


class Greedy(Chooser):
    """Negative control: both streams stand for whoever ought to switch, for as long as it takes."""

    def decide(  # type: ignore[override]  # fewer arguments are used
        self, now_ns: int, tiles: Sequence[Tile], ways: Mapping[str, Ways], seen: Mapping[Demand, Seen], **_: object
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


@pytest.mark.parametrize("seed", range(3))
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


def on_main(height: float = 1080) -> Room:
    one = room()
    one.tiles = [tile("a", height)]
    one.run(8.0)
    assert one.painted("a") == "main"
    return one


@pytest.mark.parametrize(("height", "goes"), [(H, True), (H + 1, False)])
def test_down_at_the_height_of_the_sub_stream(height: int, goes: bool) -> None:
    one = on_main()
    one.tiles = [tile("a", height)]
    one.run(10.0)
    assert (one.painted("a") == "sub") is goes


@pytest.mark.parametrize(("height", "goes"), [(486, False), (487, True)])
def test_up_above_1_35_of_it(height: int, goes: bool) -> None:
    one = room()
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
    one.tiles = [Tile("a", 640, 1000)]  # bars above and below: 360 lines of picture
    one.run(8.0)
    assert one.painted("a") == "sub"


def test_zooming_in_asks_for_more_lines() -> None:
    one = room()
    one.tiles = [Tile("a", 640, 360)]
    one.run(2.0)
    one.tiles = [Tile("a", 640, 360, (0.25, 0.25, 0.5, 0.5))]
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


# -- what a person, the machine and the directory say ------------------------------------------------------


def test_a_wish_stands_above_the_size_and_above_the_load() -> None:
    one = room()
    one.tiles = [tile("a", 200)]
    one.run(2.0)
    one.wishes, one.force_sub = {"a": Wish.MAIN}, True
    one.run(2.0)
    assert (one.painted("a"), one.decision.uses["a"].why) == ("main", Why.WISH)
    one.wishes = {"a": Wish.AUTO}
    one.run(8.0)
    assert one.painted("a") == "sub"


def test_a_wish_that_changes_ends_the_switch_that_runs() -> None:
    one = on_main()
    one.latency[sub_uri("a")] = 3.0
    one.tiles = [tile("a", 200)]
    one.until(lambda: one.decision.switch is not None)
    one.wishes = {"a": Wish.MAIN}
    one.step()
    assert (one.streams("a"), one.decision.switch) == ({"main"}, None)


def test_a_new_wish_tries_again_what_gave_no_picture() -> None:
    one = room()
    one.latency[main_uri("a")] = None
    one.tiles = [tile("a", 900)]
    one.wishes = {"a": Wish.SUB}
    one.run(2.0)
    one.wishes = {"a": Wish.MAIN}
    one.until(lambda: one.said == ["choice.no_picture"])
    one.wishes = {"a": Wish.SUB}
    one.run(6.0)
    one.latency[main_uri("a")] = 1.0
    one.wishes = {"a": Wish.MAIN}
    one.run(3.0)
    assert one.painted("a") == "main"


def test_too_small_a_machine_sends_all_down_one_by_one_and_says_why() -> None:
    one = room("a", "b")
    one.tiles = [tile("a", 900), tile("b", 1080)]
    one.run(8.0)
    one.force_sub = one.no_up = True
    one.run(5.0)
    assert [one.painted(camera) for camera in "ab"] == ["sub", "sub"]
    assert {use.why for use in one.decision.uses.values()} == {Why.LOAD}
    assert sorted(changes(one.history), key=lambda camera: changes(one.history)[camera]) == ["a", "b"]
    one.force_sub = False
    one.run(20.0)
    assert [one.painted(camera) for camera in "ab"] == ["sub", "sub"]  # not up yet
    one.no_up = False
    one.run(8.0)
    assert [one.painted(camera) for camera in "ab"] == ["main", "main"]


def test_an_unknown_size_begins_with_the_sub_stream_and_learns() -> None:
    one = room(declared=False)
    one.sizes[sub_uri("a")] = (352, 288)
    one.tiles = [tile("a", 450)]
    one.step()
    assert one.painted("a") == "sub"
    one.run(5.0)
    assert one.painted("a") == "main"


def test_what_is_sent_counts_more_than_what_the_directory_says() -> None:
    one = room()
    one.sizes[sub_uri("a")] = (1280, 720)
    one.tiles = [tile("a", 900)]
    one.wishes = {"a": Wish.SUB}
    one.run(2.0)
    one.wishes = {}
    one.run(8.0)
    assert one.painted("a") == "sub"  # 900 is less than 1.35 x 720


def test_a_main_stream_that_is_no_larger_is_never_opened() -> None:
    one = room()
    one.ways["a"] = Ways((Stream(MAIN, main_uri("a"), 640, H), Stream(SUB, sub_uri("a"), 640, H)))
    one.tiles = [tile("a", 1080)]
    one.run(8.0)
    assert not [past for past in one.history if demanded_uris(past.decision)["a"] != {sub_uri("a")}]


@pytest.mark.parametrize("kind", [MAIN, SUB])
def test_a_camera_with_one_stream_uses_it_whatever_is_wished(kind: StreamKind) -> None:
    one = room()
    one.ways["a"] = Ways((Stream(kind, "rtsp://a/one", 640, H),))
    for wish in Wish:
        one.wishes = {"a": wish}
        one.tiles = [tile("a", 1080)]
        one.run(6.0)
        one.tiles = [tile("a", 120)]
        one.run(6.0)
    assert not changes(one.history)
    assert one.decision.uses["a"] == Use(Pick(kind, "rtsp://a/one", Via.DIRECT, 640, H), Why.ONLY)


def test_several_tiles_of_a_camera_use_one_stream_that_serves_the_largest() -> None:
    one = room()
    one.tiles = [tile("a", 1080), tile("a", 120)]
    one.run(8.0)
    assert one.streams("a") == {"main"}
    assert len(one.decision.demands) == 2


def test_tiles_without_a_camera_or_a_size_have_no_demand() -> None:
    one = room()
    one.ways["empty"] = Ways(())
    one.tiles = [tile("unknown", 200), Tile("a", 0, 200), tile("empty", 200), tile("a", 200)]
    one.step()
    assert [demand is None for demand in one.decision.painted] == [True, True, True, False]


def test_an_address_that_the_directory_takes_away_ends_at_once() -> None:
    one = on_main()
    one.ways["a"] = Ways((Stream(MAIN, "rtsp://other/main", 1920, 1080), Stream(SUB, "rtsp://other/sub", 640, H)))
    one.step()
    assert {demand.uri for demand in one.decision.demands} == {"rtsp://other/main"}


def test_a_main_stream_that_dies_leaves_for_the_sub_stream() -> None:
    one = on_main()
    one.die(main_uri("a"))
    one.run(RULES.dead_s + 1)
    assert (one.streams("a"), one.said) == ({"sub"}, ["choice.silent"])
    assert one.decision.uses["a"].why is Why.NO_PICTURE
    # A tour that shows it again does not wait for the dead one again.
    one.tiles = []
    one.run(6.0)
    one.tiles = [tile("a", 1080)]
    one.step()
    assert one.streams("a") == {"sub"}


def restreamed() -> Room:
    one = room()
    one.ways["a"] = ways("a", restream=(Stream(SUB, "rtsp://room/a", 640, H),))
    one.tiles = [tile("a", 1080)]
    return one


def test_the_restream_address_comes_first_and_the_camera_is_not_pulled_beside_it() -> None:
    one = restreamed()
    one.run(10.0)
    assert {demand.uri for past in one.history for demand in past.decision.demands} == {"rtsp://room/a"}
    assert one.decision.uses["a"].pick.via is Via.RESTREAM


def test_a_dead_restream_address_is_left_and_tried_again() -> None:
    one = restreamed()
    one.run(2.0)
    one.die("rtsp://room/a")
    one.run(RULES.dead_s + 1)
    assert one.said == ["choice.direct"]
    assert one.decision.uses["a"].pick.via is Via.DIRECT
    assert all(len(demanded_uris(past.decision)["a"]) == 1 for past in one.history)
    one.until(lambda: "choice.not_restreamed" in one.said, 120)
    one.live("rtsp://room/a")
    one.until(lambda: "choice.restreamed" in one.said, 300)
    assert {demand.uri for demand in one.decision.demands} == {"rtsp://room/a"}
    assert faults(one.history) == set()


def test_all_that_is_said_has_words_in_both_languages() -> None:
    one = restreamed()
    one.run(2.0)
    one.die("rtsp://room/a")
    one.run(120.0)
    said = [said for past in one.history for said in past.decision.said]
    assert said
    assert all(one.code in CODES and one.words.vi and one.words.en and "{" not in one.words.vi for one in said)


def test_a_switch_names_both_streams() -> None:
    one = on_main()
    one.latency[sub_uri("a")] = 3.0
    one.tiles = [tile("a", 200)]
    one.until(lambda: one.decision.switch is not None)
    switch = one.decision.switch
    assert isinstance(switch, Switch)
    assert (switch.old.kind, switch.new.kind, switch.why) == (MAIN, SUB, Why.SIZE)
