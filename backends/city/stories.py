"""Stories: one thing that goes wrong, from its cause to its end, with what the simulated crew does about it.

A story gives conditions, camera states, acts of the crew and disturbances of series that belong together.
Ordinary days are an endless seeded stream of them (`background`). After the start the crew works slowly,
and never touches an urgent alarm: the operator before the screen must not be robbed of hers.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from backends.city import cameras, geography, people, stations
from backends.city.cameras import Eye
from backends.city.series import RAMP_S, Disturbance
from backends.city.stations import Gauge
from backends.city.tables import Row, by_hour, filled, local_date, table, text
from backends.domain.action import Verb
from backends.domain.alarm import Priority
from backends.domain.quality import Quality
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from backends.domain.world import CameraMoved, Condition, CrewAct, WorldEvent

MIN_NS = 60 * NS_PER_S
LIVE_ACK_MIN = (7.0, 16.0)
"""Minutes after which the crew acts on what happens after the start."""
PAST_ACK_MIN = (0.4, 4.5)
QUIET_BEFORE_START_NS = 3 * MIN_NS
"""Ordinary stories that begin closer to the start than this are left out: the opening has its own."""
LIMIT_SEEN_NS = 7 * MIN_NS
"""A limit is seen broken, or held again, within a period of its series (300 s) and some."""


@dataclass(frozen=True)
class Story:
    """What happened, until when, and who did what."""

    condition: Condition | None
    """Its beginning; None when a sensor's limit tells it."""
    t_ns: int
    end_ns: int
    acts: tuple[CrewAct, ...] = ()
    dead: tuple[str, ...] = ()
    """Numbers of cameras that are away meanwhile."""
    disturbances: tuple[Disturbance, ...] = ()

    def events(self) -> list[WorldEvent]:
        """All of it, in time order."""
        result: list[WorldEvent] = list(self.acts)
        for number in self.dead:
            for t_ns, online in ((self.t_ns, False), (self.end_ns, True)):
                moved = cameras.camera(cameras.eye(number), local_date(t_ns), online=online, t_ns=t_ns)
                result.append(CameraMoved(t_ns, moved))
        if self.condition is not None:
            result.append(self.condition)
            result.append(msgspec.structs.replace(self.condition, t_ns=self.end_ns, active=False))
        return sorted(result, key=lambda e: e.t_ns)


def in_order(stories: Iterator[Story]) -> Iterator[WorldEvent]:
    """The events of stories that come by rising beginning, as one stream in time order."""
    waiting: list[WorldEvent] = []
    for story in stories:
        ready = [e for e in waiting if e.t_ns < story.t_ns]
        waiting = [e for e in waiting if e.t_ns >= story.t_ns]
        yield from ready
        waiting = sorted([*waiting, *story.events()], key=lambda e: e.t_ns)
    yield from waiting


def background(seed: int, start_ns: int, begin_ns: int, rate: float = 1.0) -> Iterator[Story]:
    """Ordinary stories from `begin_ns` on, without end; those before `start_ns` are over before it."""
    rng = random.Random(f"{seed} {start_ns} stories")
    data = table("stories")
    kinds = data["kind"]
    t_ns, number = begin_ns, 0
    while True:
        t_s = t_ns / NS_PER_S
        per_s = data["per_day"] * rate * by_hour(data["day"], t_s) / _mean(data["day"]) / 86_400.0
        t_ns += int(rng.uniform(0.35, 1.65) / per_s * NS_PER_S)
        weights = [k["weight"] * by_hour(k.get("hours", _ALWAYS), t_ns / NS_PER_S) for k in kinds]
        kind = rng.choices(kinds, weights)[0]
        number += 1
        story = _Maker(rng, start_ns, f"{kind['id']}:{number}").story(kind, t_ns)
        if story is not None:
            yield story


_ALWAYS = [1.0] * 24


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


@dataclass(frozen=True)
class _Spot:
    """Where a story plays."""

    place: LocalText
    ward: str
    lon: float
    lat: float
    numbers: tuple[str, ...] = ()
    gauge: Gauge | None = None


class _Maker:
    """Makes one story of a kind. Draws everything from the given generator, always in the same order."""

    def __init__(self, rng: random.Random, start_ns: int, key: str) -> None:
        self._rng = rng
        self._start_ns = start_ns
        self._key = key

    def story(self, kind: Row, t_ns: int) -> Story | None:
        """None when it would spoil the opening minutes (see QUIET_BEFORE_START_NS)."""
        rng = self._rng
        spot = self._spot(kind)
        n, m = rng.randint(*kind.get("n", [1, 1])), rng.randint(*kind.get("m", [1, 1]))
        end_ns = t_ns + int(rng.uniform(*kind["lasts_min"]) * MIN_NS)
        past = t_ns < self._start_ns
        delay_ns = int(rng.uniform(*(PAST_ACK_MIN if past else LIVE_ACK_MIN)) * MIN_NS)
        claimed = rng.random() < 0.3
        operator = rng.choice([people.ON_DUTY, people.COLLEAGUE]) if past else people.COLLEAGUE
        limit_id = self._limit(kind, spot)
        if limit_id:
            delay_ns += LIMIT_SEEN_NS
        if past:
            if t_ns > self._start_ns - (4 * LIMIT_SEEN_NS if limit_id else QUIET_BEFORE_START_NS):
                return None
            last_ns = self._start_ns - (LIMIT_SEEN_NS if limit_id else MIN_NS)
            end_ns = min(end_ns, last_ns)
            delay_ns = min(delay_ns, last_ns - t_ns)
        priority = Priority(kind["priority"])
        acts: tuple[CrewAct, ...] = ()
        if past or priority is not Priority.URGENT:
            verb = Verb.CLAIM if claimed and t_ns + delay_ns < end_ns else Verb.ACKNOWLEDGE
            acts = (CrewAct(t_ns + delay_ns, f"limit:{limit_id}" if limit_id else self._key, verb, operator),)
        figures = {"n": n, "m": m, "number": spot.numbers[0] if spot.numbers else ""}
        condition = Condition(
            key=self._key,
            t_ns=t_ns,
            active=True,
            priority=priority,
            name=text(kind),
            detail=filled(text(kind, "detail"), **figures),
            place=spot.place,
            area_id=geography.ward_on(spot.ward, local_date(t_ns)),
            lon=spot.lon,
            lat=spot.lat,
            camera_ids=tuple(cameras.camera_id(x) for x in spot.numbers),
            procedure_id=kind.get("procedure", ""),
            source=kind.get("source", "analytics"),
        )
        return Story(
            condition=None if limit_id else condition,
            t_ns=t_ns,
            end_ns=end_ns,
            acts=acts,
            dead=spot.numbers[:1] if kind["id"] == "camera-lost" else (),
            disturbances=self._disturbances(kind, spot, t_ns, end_ns, n, m),
        )

    @staticmethod
    def _limit(kind: Row, spot: _Spot) -> str:
        return f"{spot.gauge.id}.pm25" if kind["id"] == "pm25" and spot.gauge else ""

    def _spot(self, kind: Row) -> _Spot:
        where, rng = kind["where"], self._rng
        if where in ("camera", "ward-camera"):
            owner = "ward" if where == "ward-camera" else ""
            scenes = kind.get("scenes")
            eyes = [
                e
                for e in cameras.eyes()
                if (not owner or e.owner == owner) and (not scenes or e.scene in scenes) and not e.substitutes
            ]
            return eye_spot(rng.choice(eyes), itself=kind.get("source") == "camera")
        if where == "wifi":
            point = rng.choice(cameras.wifi_points())
            return _Spot(point.name, point.ward, *point.at)
        if where == "ward":
            area = rng.choice([a for a in geography.areas() if a.valid_to])
            return _Spot(area.name, area.id, *geography.point_in(area.id, rng))
        kinds = ("air", "water", "rain", "farm") if where == "station" else (where,)
        # The first junction and the first air station play in the opening; the others are free.
        first = 1 if where in ("traffic", "air") else 0
        return gauge_spot(rng.choice([g for g in stations.gauges() if g.kind in kinds and g.index >= first]))

    @staticmethod
    def _disturbances(kind: Row, spot: _Spot, t_ns: int, end_ns: int, n: int, m: int) -> tuple[Disturbance, ...]:
        if spot.gauge is None:
            return ()
        home = spot.gauge.id
        begin_ns = t_ns - int(RAMP_S * NS_PER_S)
        if kind["id"] == "congestion":
            return (
                Disturbance((f"{home}.speed",), begin_ns, end_ns, float(n)),
                Disturbance((f"{home}.occupancy",), begin_ns, end_ns, float(m)),
            )
        if kind["id"] == "ups":
            return (Disturbance((f"{home}.ups_battery",), begin_ns, end_ns, float(n)),)
        if kind["id"] == "pm25":
            return (Disturbance((f"{home}.pm25",), begin_ns, end_ns, float(n)),)
        if kind["id"] == "station-fault":
            all_of_it = tuple(d.id for d in stations.definitions() if d.gauge is spot.gauge)
            return (Disturbance(all_of_it, t_ns, end_ns, None, Quality.FAULT),)
        return ()


def eye_spot(eye: Eye, *, itself: bool) -> _Spot:
    """What a camera looks at, or the camera itself; its substitutes see it after it."""
    at = eye.at if itself else cameras.ahead(eye)
    return _Spot(eye.name, eye.ward, at[0], at[1], (eye.number, *eye.substitutes))


def gauge_spot(gauge: Gauge) -> _Spot:
    """At a station, with the cameras that see it."""
    return _Spot(gauge.name, gauge.ward, gauge.at[0], gauge.at[1], gauge.cameras, gauge)
