"""Cameras for the choice of streams, that open when they are demanded; and what may never happen to them."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from backends.domain.camera import Demand, Stream, StreamKind
from backends.domain.stream_choice import Decision, Seen, View, Ways, Wish
from backends.video.choice import Chooser
from backends.video.choice_rules import RULES, Rules

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


def tile(camera: str, height: float) -> View:
    """As wide as a picture of 16:9 needs."""
    return View(camera, round(height * 16 / 9) + 1, round(height))


@dataclass
class Room:
    """Cameras that open when they are demanded, and a chooser that is asked in steps of a quarter of a second."""

    chooser: Chooser
    ways: dict[str, Ways]
    latency: dict[str, float | None] = field(default_factory=dict)
    """Address -> seconds to the first picture (0.5 where nothing is said); None: it never comes."""
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Address -> what it really sends."""
    withheld: set[Demand] = field(default_factory=set)
    """Their outputs get no picture."""
    refused: set[str] = field(default_factory=set)
    now_s: float = 1000.0
    tiles: list[View] = field(default_factory=list)
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
        age_s = None if demand in self.withheld else self.age_s(demand.uri)
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


def on_main(height: float = 1080) -> Room:
    one = room()
    one.tiles = [tile("a", height)]
    one.run(8.0)
    assert one.painted("a") == "main"
    return one
