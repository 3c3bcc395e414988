"""A world that gives the real hub a given load, with alarms among it, the same after every restart.

Alarm `c<k>` is raised, acknowledged by a simulated colleague, and returns: one raise a key, for ever, so that
whoever lost or doubled one can be told. `fixed` alarms stand from the start and never return: targets for
clicks. The rest of the load is sensors, cameras and indicators that move; samples come beside it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

from helpers.tiny_city import TinyCity

from backends.domain.action import Verb
from backends.domain.alarm import Priority
from backends.domain.camera import Camera, Stream, StreamKind
from backends.domain.indicator import Indicator
from backends.domain.report import Report, ReportState
from backends.domain.sensor import Sample, Sensor
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from backends.domain.world import (
    CameraMoved,
    Condition,
    CrewAct,
    Directory,
    IndicatorMoved,
    Measured,
    ReportMoved,
    SensorMoved,
    WorldEvent,
)

log = logging.getLogger(__name__)

PAID = "all that was owed is written"
"""In the hub's log, once it is."""
ACK_AFTER, RETURN_AFTER = 2, 4
"""Steps (of alarms) after which alarm k is acknowledged and returns, times `standing` / 4."""
SLICE = 5000
STEP_NS = 900 * NS_PER_S
PRIORITIES = (Priority.URGENT, Priority.HIGH, Priority.MEDIUM, Priority.LOW)


def key_of(k: int) -> str:
    """Condition key of load alarm k."""
    return f"c{k}"


class LoadCity:
    """`rate` messages a second on the console's side, of which `alarms` raises a second."""

    def __init__(
        self,
        start_ns: int,
        *,
        rate: float = 1000.0,
        alarms: float = 20.0,
        standing: int = 200,
        fixed: int = 0,
        series: int = 10,
        measured_hz: float = 2.0,
        things: int = 400,
        silent_after_s: float = 0.0,
        picture: str = "scene:{n}",
    ) -> None:
        """`silent_after_s`: from then on no samples (one feed of many stalls); 0 = never."""
        self._start_ns, self._last_ns = start_ns, 0
        self._owed = self._paid = 0
        self._owing = False
        self._alarms, self._standing, self._fixed = alarms, standing, fixed
        # One alarm is three changes of it and three of the timeline.
        self._moves = max(0.0, rate - 6 * alarms)
        self._measured_hz = measured_hz
        self._silent_after_s = silent_after_s
        self._picture = picture
        self._people = TinyCity(start_ns)
        self._sensors = tuple(
            Sensor(f"x-{n}", LocalText(f"Chuỗi {n}", f"Series {n}"), "m", period_s=60.0) for n in range(things)
        )
        self._series = tuple(
            Sensor(f"s-{n}", LocalText(f"Số đo {n}", f"Value {n}"), "m", period_s=1.0 / measured_hz)
            for n in range(series)
        )
        self._next = {"move": 0, "raise": 0, "ack": 0, "return": 0, "measure": 1}

    def directory(self) -> Directory:
        people = self._people.directory()
        return Directory(
            config=people.config,
            cameras=tuple(self._camera(n, 0) for n in range(50)),
            sensors=(*self._series, *self._sensors),
            indicators=tuple(self._indicator(n, 0) for n in range(20)),
            operators=people.operators,
            stations=people.stations,
        )

    def past(self) -> Iterator[WorldEvent]:
        for n in range(self._fixed):
            yield Condition(
                f"fixed{n}", self._start_ns - NS_PER_S, True, Priority.HIGH, LocalText(f"Sự cố {n}", f"Incident {n}")
            )

    def until(self, t_ns: int) -> Iterator[WorldEvent]:
        """Events in order of time; each kind has its own even pace. A step of the clock moves the world with it:
        things go on happening when somebody sets a clock."""
        if self._last_ns and abs(t_ns - self._last_ns) > STEP_NS:
            self._start_ns += t_ns - self._last_ns
        self._last_ns = t_ns
        events: list[WorldEvent] = []
        elapsed_s = (t_ns - self._start_ns) / NS_PER_S
        third = self._standing / 2 / self._alarms if self._alarms else 0.0
        for kind, per_s, after_s in (
            ("move", self._moves, 0.0),
            ("raise", self._alarms, 0.0),
            ("ack", self._alarms, third),
            ("return", self._alarms, 2 * third),
            ("measure", self._measured_hz if self._series else 0.0, 0.0),
        ):
            if not per_s:
                continue
            due = int((elapsed_s - after_s) * per_s)
            for n in range(self._next[kind], due + 1):
                event = self._event(kind, n, self._start_ns + int((n / per_s + after_s) * NS_PER_S))
                if event is not None:
                    events.append(event)
            self._next[kind] = max(self._next[kind], due + 1)
        events.sort(key=lambda e: e.t_ns)
        return iter([*events, *self._pay(t_ns)])

    def owe(self, records: int) -> None:
        """So many records more, beside the even load: over six feeds, in slices of a few thousand a round."""
        self._owed += records
        self._owing = True

    def _pay(self, t_ns: int) -> list[WorldEvent]:
        """Of 10 records: one of alarms with one of the timeline, one report with another of the timeline, two of
        cameras, three of sensors, one indicator."""
        events: list[WorldEvent] = []
        if self._owing and not self._owed:
            self._owing = False
            log.info(PAID)  # the hub asks for more when it has written what it was given
        for _ in range(min(SLICE, self._owed) // 10):
            self._paid += 1
            n = self._paid
            key = f"b{n // 3}"
            act = CrewAct(t_ns, key, Verb.ACKNOWLEDGE, "op-minh")
            raised = Condition(key, t_ns, True, PRIORITIES[1 + n % 3], LocalText(f"Sự cố cũ {n}"))
            events.append((raised, act, Condition(key, t_ns, False))[n % 3])
            state = (ReportState.NEW, ReportState.ASSIGNED)[n // 200 % 2]
            report = Report(f"PA-{n % 200}", "flood", LocalText(f"Ngập {n}"), state, t_ns, t_ns + NS_PER_S)
            events.append(ReportMoved(t_ns, report))
            events += [CameraMoved(t_ns, self._camera((2 * n + i) % 50, -2 * n - i)) for i in range(2)]
            events += [
                SensorMoved(t_ns, _with_high(self._sensors[(3 * n + i) % len(self._sensors)], -3.0 * n - i))
                for i in range(3)
            ]
            events.append(IndicatorMoved(t_ns, self._indicator(n % 20, -n)))
        self._owed -= min(SLICE, self._owed)
        return events

    def _event(self, kind: str, n: int, t_ns: int) -> WorldEvent | None:
        match kind:
            case "raise":
                return Condition(
                    key_of(n), t_ns, True, PRIORITIES[n % 4], LocalText(f"Báo động {n}", f"Alarm {n}"),
                    detail=LocalText(f"Mức {n % 90},5"), place=LocalText(f"Phường {n % 9 + 1}"),
                )  # fmt: skip
            case "ack":
                return CrewAct(t_ns, key_of(n), Verb.ACKNOWLEDGE, "op-minh")
            case "return":
                return Condition(key_of(n), t_ns, False)
            case "measure":
                if self._silent_after_s and t_ns > self._start_ns + int(self._silent_after_s * NS_PER_S):
                    return None
                return Measured(t_ns, tuple(Sample(s.id, t_ns, float(n % 97)) for s in self._series))
            case _:
                return self._move(n, t_ns)

    def _move(self, n: int, t_ns: int) -> WorldEvent:
        if n % 20 == 7:
            return CameraMoved(t_ns, self._camera(n % 50, n))
        if n % 20 == 11:
            return IndicatorMoved(t_ns, self._indicator(n % 20, n))
        sensor = self._sensors[n % len(self._sensors)]
        return SensorMoved(t_ns, _with_high(sensor, float(n)))

    def _camera(self, n: int, version: int) -> Camera:
        streams = (Stream(StreamKind.SUB, self._picture.format(n=n % 16)),)
        return Camera(f"cam-{n}", f"{n:03}", LocalText(f"Ngã tư {n} ({version})"), streams)

    def _indicator(self, n: int, version: int) -> Indicator:
        return Indicator(f"i-{n}", "health", LocalText("Giường bệnh", "Beds"), float(version), self._start_ns)


def _with_high(sensor: Sensor, high: float) -> Sensor:
    return Sensor(sensor.id, sensor.name, sensor.unit, period_s=sensor.period_s, high=high)
