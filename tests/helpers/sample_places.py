"""Places of the drawn scene: 9 wards, river and roads, 364 cameras, 139 stations. Positions are schematic."""

from __future__ import annotations

import math
import random
from datetime import datetime
from zoneinfo import ZoneInfo

from backends.domain.alarm import Priority
from backends.domain.camera import Camera, Stream, StreamKind
from backends.domain.place import Agency, Area, ConfigRecord, Point, Shape, SlaRule
from backends.domain.quality import Value
from backends.domain.sensor import Limit, Sensor
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S

_ZONE = ZoneInfo("Asia/Ho_Chi_Minh")


def t(hours: int, minutes: int = 0, seconds: int = 0, day: int = 20) -> int:
    """A moment of November 2026 in the site's zone, as UTC nanoseconds."""
    return int(datetime(2026, 11, day, hours, minutes, seconds, tzinfo=_ZONE).timestamp()) * NS_PER_S


NOW_NS = t(9, 41, 32)
T = LocalText


# -- map ------------------------------------------------------------------------------------------

_LON, _LAT, _DLON, _DLAT = 107.055, 16.772, 0.030, 0.030


def _knot(column: int, row: int) -> Point:
    """Corners of a bent 3 x 3 mesh, so that neighbours share their borders."""
    bend = random.Random(column * 31 + row * 7 + 5)
    return (
        round(_LON + _DLON * (column + 0.5 * (bend.random() - 0.5)), 5),
        round(_LAT + _DLAT * (row + 0.5 * (bend.random() - 0.5)), 5),
    )


_WARDS = (
    "Đông Lương",
    "Phường 5",
    "Đông Lễ",
    "Phường 3",
    "Phường 1",
    "Phường 2",
    "Phường 4",
    "Đông Thanh",
    "Đông Giang",
)


def _wards() -> list[Area]:
    out = []
    for n, name in enumerate(_WARDS):
        c, r = n % 3, n // 3
        border = (_knot(c, r), _knot(c + 1, r), _knot(c + 1, r + 1), _knot(c, r + 1))
        english = f"Ward {name.split()[1]}" if name.startswith("Phường") else name
        out.append(Area(f"ward-{n + 1}", T(name, english), border, "2009-08-11"))
    return out


CONFIG: list[ConfigRecord] = [
    *_wards(),
    Area(
        "town-old",
        T("Thị xã Đông Hà", "Đông Hà town"),
        ((106.9, 16.6), (107.3, 16.6), (107.3, 16.95)),
        "1991-01-01",
        "2009-08-11",
    ),
    Shape(
        "hieu",
        "river",
        ((107.03, 16.822), (107.06, 16.820), (107.085, 16.826), (107.105, 16.829), (107.125, 16.823), (107.17, 16.832)),
        3.0,
        T("Sông Hiếu", "Hiếu river"),
    ),
    Shape("ql1", "road", ((107.088, 16.752), (107.096, 16.79), (107.102, 16.829), (107.112, 16.88)), 2.0, T("QL1")),
    Shape(
        "ql9", "road", ((107.03, 16.805), (107.07, 16.812), (107.10, 16.817), (107.14, 16.822), (107.17, 16.83)), 2.0
    ),
    Shape("hungvuong", "road", ((107.07, 16.79), (107.094, 16.805), (107.125, 16.80)), 1.0),
    Shape("rail", "rail", ((107.075, 16.75), (107.085, 16.80), (107.09, 16.88)), 1.0),
    Agency("ag-power", T("Điện lực Đông Hà", "Đông Hà power")),
    Agency("ag-env", T("Môi trường đô thị", "Urban environment")),
    SlaRule("sla-light", "lighting", T("Chiếu sáng", "Street lights"), 24.0),
]


# -- cameras, stations ----------------------------------------------------------------------------

_KNOWN = {
    14: (T("Hùng Vương – Lê Duẩn"), 107.097, 16.806),
    21: (T("Cầu Đông Hà, hướng Bắc", "Đông Hà bridge, northbound"), 107.103, 16.832),
    33: (T("Chợ Đông Hà, cổng A", "Đông Hà market, gate A"), 107.090, 16.819),
    47: (T("QL9 – Lê Thánh Tôn"), 107.080, 16.814),
    52: (T("Bến xe Đông Hà", "Đông Hà bus station"), 107.094, 16.800),
    68: (T("Kè sông Hiếu, bờ Nam", "Hiếu embankment, south bank"), 107.108, 16.826),
    71: (T("Cầu đi bộ sông Hiếu", "Hiếu footbridge"), 107.112, 16.828),
    85: (T("Trần Hưng Đạo – Quốc lộ 1"), 107.100, 16.812),
    102: (T("Cổng trụ sở HĐND – UBND", "People's Committee gate"), 107.098, 16.809),
}


def _cameras() -> list[Camera]:
    chance = random.Random(20)
    out = []
    for n in range(1, 365):
        name, lon, lat = _KNOWN.get(
            n, (T(f"Camera phường {n}", f"Ward camera {n}"), chance.gauss(107.10, 0.018), chance.gauss(16.815, 0.018))
        )
        number = f"{n:03d}"
        out.append(
            Camera(
                f"cam-{number}",
                number,
                name,
                (
                    Stream(StreamKind.MAIN, f"scene:{n}?main", 1920, 1080, 25.0),
                    Stream(StreamKind.SUB, f"scene:{n}", 640, 360, 25.0),
                ),
                owner="city" if n <= 113 else "ward",
                lon=lon,
                lat=lat,
                online=n != 68 and n % 61 != 0,
                substitutes=("cam-071",) if n == 68 else (),
                t_state_ns=t(9, 41, 25) if n == 68 else t(6),
            )
        )
    return out


CAMERAS = _cameras()

_MID_NS = t(8, 25)


def level(hours: float) -> float:
    """The river at a moment (hours since the epoch): from 1.8 m before dawn to 4.12 m at 09:41."""
    x = hours - _MID_NS / NS_PER_S / 3600.0
    return 1.78 + 2.591 / (1.0 + math.exp(-1.75 * x))


def _forecast() -> tuple[tuple[int, float], ...]:
    start = t(9, 41)
    return tuple((start + n * 600 * NS_PER_S, 4.12 + 0.42 * math.sin(n / 6 * 1.6)) for n in range(10))


_BD = tuple(
    Limit(T(f"BĐ{n}", f"AL{n}"), float(n + 1), p, standard="QĐ 05/2020/QĐ-TTg", valid_from="2020-03-15")
    for n, p in ((1, Priority.MEDIUM), (2, Priority.HIGH), (3, Priority.URGENT))
)


def _sensor(key: str, name: LocalText, unit: str, parameter: str, last: float, lon: float, lat: float) -> Sensor:
    return Sensor(
        key,
        name,
        unit,
        station_id=f"st-{key}",
        station=T(f"Trạm {name.vi}"),
        parameter=parameter,
        lon=lon,
        lat=lat,
        last=Value(t(9, 40), last),
    )


def _sensors() -> list[Sensor]:
    chance = random.Random(7)
    main = [
        Sensor(
            "river-01.water_level",
            T("Mực nước sông Hiếu", "Hiếu river level"),
            "m",
            "st-hieu",
            T("Đông Hà"),
            "water_level",
            2,
            60.0,
            lon=107.105,
            lat=16.829,
            low=1.0,
            high=5.0,
            limits=_BD,
            forecast=_forecast(),
            last=Value(t(9, 41), 4.12),
            camera_ids=("cam-068", "cam-071"),
        ),
        Sensor("hieu-dongha-rain", T("Mưa 1 giờ", "Rain 1 h"), "mm", "st-hieu", T("Đông Hà"), "rain_1h", 1, 600.0),
        Sensor(
            "cuaviet-tide", T("Thủy triều Cửa Việt", "Cửa Việt tide"), "m", "st-tide", T("Cửa Việt"), "tide", 2, 600.0
        ),
        Sensor(
            "song-pm25",
            T("PM2.5 trung bình giờ", "PM2.5 hourly mean"),
            "µg/m³",
            "st-song",
            T("Ngã tư Sòng", "Sòng crossroads"),
            "pm25",
            0,
            3600.0,
            limits=(Limit(T("ngưỡng", "limit"), 50.0, Priority.HIGH),),
            last=Value(t(9, 0), 68.0),
            lon=107.094,
            lat=16.777,
        ),
        Sensor(
            "ql9-speed",
            T("Tốc độ QL9 – Lê Thánh Tôn", "Speed QL9 – Lê Thánh Tôn"),
            "km/h",
            "st-ql9",
            T("QL9 – Lê Thánh Tôn"),
            "speed",
            0,
            60.0,
            limits=(Limit(T("ngưỡng", "limit"), 15.0, Priority.MEDIUM, above=False),),
            last=Value(t(9, 41), 24.0),
            lon=107.072,
            lat=16.812,
        ),
    ]
    stations = [
        _sensor(
            f"aws-{n}",
            T(f"Trạm {n}", f"Station {n}"),
            "°C",
            "temperature",
            24.0,
            chance.gauss(107.10, 0.02),
            chance.gauss(16.815, 0.02),
        )
        for n in range(1, 139 - 3)
    ]
    return [*main, *stations]


SENSORS = _sensors()
