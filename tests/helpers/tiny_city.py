"""A world of a few things with the face of backends.city.City: its events are scripted by time.

Three sensors (a river with flood levels, fine dust, rain without limits), two cameras, one report, two
operators at two stations. The river stands above BĐ1 from the start, so that there is an alarm.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from backends.domain.alarm import Priority
from backends.domain.camera import Camera, Stream, StreamKind
from backends.domain.indicator import Indicator
from backends.domain.people import Operator, Role, Station
from backends.domain.place import Agency, SlaRule
from backends.domain.report import Report, ReportState
from backends.domain.sensor import Limit, Sample, Sensor
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from backends.domain.world import Condition, Directory, Measured, ReportMoved, WorldEvent

RIVER = Sensor(
    "hieu-level",
    LocalText("Mực nước sông Hiếu", "Hiếu river water level"),
    "m",
    station=LocalText("Trạm thủy văn Đông Hà", "Đông Hà gauge"),
    parameter="water_level",
    decimals=2,
    period_s=1.0,
    limits=(
        Limit(LocalText("BĐ1"), 2.0, Priority.MEDIUM, valid_from="2020-01-01", deadband=0.05),
        Limit(LocalText("BĐ2"), 3.0, Priority.HIGH, valid_from="2020-01-01", deadband=0.05),
        Limit(LocalText("BĐ3"), 4.0, Priority.URGENT, valid_from="2020-01-01", deadband=0.05),
    ),
)
DUST = Sensor(
    "dust-1",
    LocalText("Bụi PM2.5 Phường 1", "PM2.5 Phường 1"),
    "µg/m³",
    period_s=1.0,
    decimals=1,
    limits=(Limit(LocalText("QCVN 05", "QCVN 05"), 50.0, Priority.LOW, valid_from="2023-09-12"),),
)
RAIN = Sensor("rain-1", LocalText("Lượng mưa", "Rain"), "mm", period_s=1.0)


class TinyCity:
    """One sample of each sensor a second, the river by a slow sine around `level`."""

    def __init__(
        self,
        start_ns: int,
        *,
        level: float = 2.5,
        past_s: int = 3600,
        extra_series: int = 0,
        wordy: int = 0,
        silent_s: int = 0,
        cameras: Mapping[str, str] | None = None,
        busy: bool = False,
    ) -> None:
        """`wordy`: letters more in the name of each extra series. `silent_s`: for how long, in the middle of the past,
        nothing was measured. `cameras`: further ones, id -> address. `busy`: there is an agency, more
        alarms stand, and gas has leaked and does no more."""
        self._busy = busy
        self._cameras = tuple(
            Camera(name, name.removeprefix("cam-"), LocalText(name), (Stream(StreamKind.SUB, uri),))
            for name, uri in (cameras or {}).items()
        )
        self._silent_s = silent_s
        self._t_ns = start_ns
        self._start_ns = start_ns
        self._level = level
        self._past_s = past_s
        self._extra = tuple(
            Sensor(f"x-{n}", LocalText(f"Chuỗi {n}{'x' * wordy}", f"Series {n}"), "", period_s=1.0)
            for n in range(extra_series)
        )

    def directory(self) -> Directory:
        return Directory(
            config=(
                SlaRule("flood", "flood", LocalText("Ngập nước", "Flooding"), 4.0),
                *((Agency("parks", LocalText("Công viên", "Parks")),) if self._busy else ()),
            ),
            cameras=tuple(
                Camera(f"cam-{n}", f"{n:03}", LocalText(f"Ngã tư {n}"), (Stream(StreamKind.SUB, f"scene:{n}"),))
                for n in (1, 2)
            )
            + self._cameras,
            sensors=(RIVER, DUST, RAIN, *self._extra),
            indicators=(Indicator("beds", "health", LocalText("Giường bệnh", "Beds"), 81.0, self._start_ns),),
            operators=(
                Operator("op-ha", "Nguyễn Thu Hà", "Thu Hà", Role.OPERATOR, "desk-1"),
                Operator("op-minh", "Trần Minh", "Minh", Role.OPERATOR, "desk-2"),
                Operator("op-wall", "Tường", "Tường", Role.VIEWER, "wall-1"),
            ),
            stations=(Station("desk-1", "Bàn 1"), Station("desk-2", "Bàn 2"), Station("wall-1", "Tường")),
        )

    def reporter(self, report: Report) -> dict[str, str]:
        return {"name": f"Người gửi {report.id}", "phone": "0000 123 456"}

    def camera_secret(self, camera: Camera) -> dict[str, str]:
        return {"user": "viewer", "password": f"secret of {camera.id}"} if camera.id == "cam-1" else {}

    def past(self) -> Iterator[WorldEvent]:
        first = self._start_ns - self._past_s * NS_PER_S
        report = Report("PA-1", "flood", LocalText("Ngập"), ReportState.NEW, first, first + 4 * 3600 * NS_PER_S)
        yield ReportMoved(first, report)
        yield Condition("fire", first, True, Priority.URGENT, LocalText("Cháy chợ", "Fire at the market"))
        if self._busy:
            for n in range(4):
                yield Condition(f"door-{n}", first, True, Priority.MEDIUM, LocalText(f"Cửa {n} mở", f"Door {n} open"))
            yield Condition("gas", first, True, Priority.HIGH, LocalText("Rò khí", "Gas leak"))
            yield Condition("gas", first + 30 * NS_PER_S, False)
        silent = range(self._past_s // 2, self._past_s // 2 + self._silent_s)
        for n in range(self._past_s):
            if n not in silent:
                yield self._measured(first + n * NS_PER_S)

    def until(self, t_ns: int) -> Iterator[WorldEvent]:
        while self._t_ns + NS_PER_S <= t_ns:
            self._t_ns += NS_PER_S
            yield self._measured(self._t_ns)

    def _measured(self, t_ns: int) -> Measured:
        second = t_ns // NS_PER_S
        # By the time since the start: the same past at every hour of the day.
        wave = math.sin((t_ns - self._start_ns) / NS_PER_S / 600)
        samples = [
            Sample(RIVER.id, t_ns, round(self._level + 0.2 * wave, 3)),
            Sample(DUST.id, t_ns, round(20 + 5 * wave, 1)),
            Sample(RAIN.id, t_ns, 0.0),
        ]
        if t_ns > self._start_ns or second % 60 == 0:
            samples += [Sample(sensor.id, t_ns, float(second % 97)) for sensor in self._extra]
        return Measured(t_ns, tuple(samples))
