"""The simulated city as one object: its directory, its last 24 hours, and what happens from now on.

Deterministic for (seed, start, scenario). It knows no hub and no clock: whoever drives it passes times in,
from one thread.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator

from backends.city import cameras, confidential, geography, indicators, people, report_pictures, reports, stations
from backends.city.scenarios import SCENARIOS, forecast, scenario_start_ns
from backends.city.series import TICK_S, Disturbance, SeriesBank, special_value
from backends.city.stories import Story, background, in_order
from backends.city.tables import local_date
from backends.domain.camera import Camera
from backends.domain.report import Report
from backends.domain.sensor import Sensor
from backends.domain.times import NS_PER_S
from backends.domain.world import Directory, ReportMoved, SensorMoved, WorldEvent

PAST_S = 86_400
_HOUR_NS = 3600 * NS_PER_S
_FORECASTS = {stations.LEVEL: (9.0, 15), stations.TIDE: (24.0, 30), stations.RAIN: (6.0, 30)}
"""Series with a forecast: hours ahead, minutes between its points."""


class City:
    """Đông Hà from `start_ns` (UTC) on. Times of `until` must rise."""

    def __init__(self, *, seed: int = 2020, start_ns: int, scenario: str = "calm", mark: str = "") -> None:
        """Raises UnknownScenario for a scenario or mark that does not exist."""
        scenario_start_ns(scenario, mark)
        self._spec = SCENARIOS[scenario]
        self._seed = seed
        self._start_ns = start_ns
        self._begin_ns = start_ns - PAST_S * NS_PER_S
        self._script = self._spec.script(start_ns)
        self._future = self._live()
        self._ahead: WorldEvent | None = None
        self._until_ns = start_ns

    @property
    def start_ns(self) -> int:
        return self._start_ns

    def weather(self, t_ns: int) -> str:
        """The weather of the drawn scenes at `t_ns` (see `scenes.WEATHERS`)."""
        return self._spec.weather(t_ns / NS_PER_S)

    def directory(self) -> Directory:
        """What the city consists of, as of the start."""
        date = local_date(self._start_ns)
        return Directory(
            config=geography.config(),
            cameras=self._cameras(date),
            sensors=tuple(self._sensor(d, self._start_ns) for d in stations.definitions()),
            indicators=indicators.indicators(self._seed, self._start_ns, self._spec.indicators),
            operators=people.operators(self._start_ns),
            stations=people.stations(),
        )

    def reporter(self, report: Report) -> dict[str, str]:
        """Who sent it; the hub keeps that apart from everything else."""
        return confidential.reporter(self._seed, report.id)

    def camera_secret(self, camera: Camera) -> dict[str, str]:
        """How the camera is opened; kept apart likewise."""
        return confidential.camera_secret(self._seed, camera.id)

    def picture(self, blob: str) -> bytes | None:
        """A picture that one of its reports has named; None: none has."""
        return report_pictures.picture(blob)

    def past(self) -> Iterator[WorldEvent]:
        """The 24 hours before the start, in time order. Each call gives them anew."""
        events = heapq.merge(
            self._measured(self._begin_ns), in_order(self._stories()), self._reports(), key=lambda e: e.t_ns
        )
        return itertools.takewhile(lambda e: e.t_ns < self._start_ns, events)

    def until(self, t_ns: int) -> list[WorldEvent]:
        """What happens after the last call (at first: from the start on) up to and with `t_ns`, in time order.

        Independent of how the time is cut into calls. Raises ValueError when the time goes back.
        """
        if t_ns < self._until_ns:
            raise ValueError("the city's time does not go back")
        self._until_ns = t_ns
        result: list[WorldEvent] = []
        while True:
            event = self._ahead if self._ahead is not None else next(self._future)
            if event.t_ns > t_ns:
                self._ahead = event
                return result
            self._ahead = None
            result.append(event)

    def _live(self) -> Iterator[WorldEvent]:
        """Everything from the start on. Its sources are endless."""
        told = itertools.dropwhile(
            lambda e: e.t_ns < self._start_ns,
            heapq.merge(in_order(self._stories()), self._reports(), key=lambda e: e.t_ns),
        )
        yield from heapq.merge(
            told,
            self._measured(self._start_ns),
            indicators.moves(self._seed, self._start_ns, self._spec.indicators),
            self._forecasts(),
            key=lambda e: e.t_ns,
        )

    def _stories(self) -> Iterator[Story]:
        ordinary = background(self._seed, self._start_ns, self._begin_ns, self._spec.ordinary_rate)
        early = [s for s in self._script if s.t_ns < self._begin_ns]
        later = [s for s in self._script if s.t_ns >= self._begin_ns]
        return itertools.chain(early, heapq.merge(ordinary, later, key=lambda s: s.t_ns))

    def _measured(self, begin_ns: int) -> Iterator[WorldEvent]:
        bank = SeriesBank(self._seed, self._spec.water, self._disturbances())
        first = -(-begin_ns // (TICK_S * NS_PER_S)) * TICK_S
        for t_s in itertools.count(first, TICK_S):
            measured = bank.measured(t_s)
            if measured is not None:
                yield measured

    def _disturbances(self) -> Iterator[Disturbance]:
        for story in self._stories():
            yield from story.disturbances

    def _reports(self) -> Iterator[ReportMoved]:
        lives = reports.ordinary(self._seed, self._start_ns, self._begin_ns, self._spec.pace)
        opening = reports.opening_reports(self._start_ns, self._seed) if self._spec.opening_reports else []
        merged = heapq.merge(lives, opening, key=lambda life: life[0].t_ns)
        before = list(itertools.takewhile(lambda life: life[0].t_ns < self._start_ns, merged))
        # takewhile eats one life too many: the merge is made anew for the part after the start.
        again = heapq.merge(
            reports.ordinary(self._seed, self._start_ns, self._begin_ns, self._spec.pace),
            opening,
            key=lambda life: life[0].t_ns,
        )
        return reports.stream(again, len(before))

    def _forecasts(self) -> Iterator[SensorMoved]:
        for t_ns in itertools.count((self._start_ns // _HOUR_NS + 1) * _HOUR_NS, _HOUR_NS):
            for name in _FORECASTS:
                yield SensorMoved(t_ns, self._sensor(stations.definition(name), t_ns))

    def _sensor(self, source: stations.Definition, t_ns: int) -> Sensor:
        ahead = _FORECASTS.get(source.id)
        future = forecast(special_value(source, self._spec.water), t_ns, *ahead) if ahead else ()
        return stations.sensor(source, local_date(t_ns), future, t_ns)

    def _cameras(self, date: str) -> tuple[Camera, ...]:
        away = {n: s.t_ns for s in self._script for n in s.dead if s.t_ns < self._start_ns < s.end_ns}
        return tuple(
            cameras.camera(eye, date, online=eye.number not in away, t_ns=away.get(eye.number, self._begin_ns))
            for eye in cameras.eyes()
        )
