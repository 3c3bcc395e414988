"""Alarms, reports, indicators and people of the drawn scene. Only plain data; `sample_city` makes a Session of it."""

from __future__ import annotations

import random

from helpers.sample_places import T, t

from backends.domain.alarm import Alarm, AlarmState, Priority
from backends.domain.indicator import Indicator
from backends.domain.people import Operator, Role, Station
from backends.domain.report import Report, ReportState
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S

# -- alarms ---------------------------------------------------------------------------------------

_P, _S = Priority, AlarmState
ALARMS = [
    Alarm(
        "al-river",
        _P.URGENT,
        _S.UNACKNOWLEDGED,
        T("Sông Hiếu trên BĐ3 0,12 m", "Hiếu river 0.12 m above AL3"),
        t(9, 41, 2),
        T("4,12 m, đang lên 0,21 m/giờ", "4.12 m, rising 0.21 m/h"),
        T("Trạm Đông Hà", "Đông Hà station"),
        lon=107.105,
        lat=16.829,
        sensor_id="river-01.water_level",
        camera_ids=("cam-068", "cam-071"),
        procedure_id="sop-flood",
        source="limit",
    ),
    Alarm(
        "al-crowd",
        _P.HIGH,
        _S.UNACKNOWLEDGED,
        T("Tụ tập đông người", "Crowd gathering"),
        t(9, 40, 11),
        T("42 người · ngưỡng 30", "42 people · limit 30"),
        T("Chợ Đông Hà", "Đông Hà market"),
        lon=107.085,
        lat=16.819,
        camera_ids=("cam-033",),
        source="analytics",
    ),
    Alarm(
        "al-air",
        _P.HIGH,
        _S.UNACKNOWLEDGED,
        T("Mất dữ liệu không khí (11 cảm biến)", "Air data lost (11 sensors)"),
        t(9, 38, 47),
        T("đã gom 11 cảnh báo", "11 alarms collected"),
        T("Nam Đông Hà"),
        lon=107.131,
        lat=16.809,
        count=11,
        source="feed",
    ),
    Alarm(
        "al-ups",
        _P.MEDIUM,
        _S.RETURNED,
        T("Ắc quy UPS 38%", "UPS battery 38%"),
        t(9, 22, 40),
        place=T("Trung tâm dữ liệu tỉnh", "Provincial data centre"),
        t_returned_ns=t(9, 36),
        source="feed",
    ),
    Alarm(
        "al-pm",
        _P.HIGH,
        _S.ACKNOWLEDGED,
        T("PM2.5 trung bình giờ cao", "PM2.5 hourly mean high"),
        t(9, 31, 20),
        T("68 µg/m³ · VN_AQI 130 Kém", "68 µg/m³ · VN_AQI 130 Poor"),
        T("Ngã tư Sòng", "Sòng crossroads"),
        lon=107.094,
        lat=16.777,
        t_acked_ns=t(9, 32),
        acked_by="Thu Hà",
        holder="Thu Hà",
        holder_id="op-thuha",
        sensor_id="song-pm25",
        source="limit",
    ),
    Alarm(
        "al-jam",
        _P.MEDIUM,
        _S.ACKNOWLEDGED,
        T("Ùn tắc", "Congestion"),
        t(9, 27, 5),
        T("11 km/h · mật độ xe 92%", "11 km/h · road occupancy 92%"),
        T("QL9 – Lê Thánh Tôn"),
        lon=107.068,
        lat=16.812,
        t_acked_ns=t(9, 28),
        acked_by="Thu Hà",
        camera_ids=("cam-047",),
        source="analytics",
    ),
    Alarm(
        "al-wifi",
        _P.LOW,
        _S.SHELVED,
        T("Wifi công cộng mất kết nối", "Public wifi offline"),
        t(9, 10, 13),
        T("2 điểm", "2 points"),
        T("Nam Đông Hà"),
        lon=107.121,
        lat=16.843,
        shelved_until_ns=t(10, 31),
        source="feed",
    ),
]


def flood_alarms(count: int = 40) -> list[Alarm]:
    """Much at once, most of it along the river."""
    chance = random.Random(3)
    priorities = [_P.URGENT] * 6 + [_P.HIGH] * 12 + [_P.MEDIUM] * 14 + [_P.LOW] * 8
    return [
        Alarm(
            f"al-flood-{n}",
            priorities[n % len(priorities)],
            _S.UNACKNOWLEDGED if n % 3 else _S.ACKNOWLEDGED,
            T(f"Ngập sâu {20 + n} cm, kiệt {n} Trần Hưng Đạo", f"Flooded {20 + n} cm, alley {n} Trần Hưng Đạo"),
            t(9, 41) - n * 47 * NS_PER_S,
            T(f"{20 + n} cm · ngưỡng 20", f"{20 + n} cm · limit 20"),
            T("Đông Giang"),
            lon=chance.gauss(107.108, 0.014),
            lat=chance.gauss(16.826, 0.006),
            acked_by="" if n % 3 else "Quốc Bảo",
            source="limit",
        )
        for n in range(count)
    ]


# -- reports --------------------------------------------------------------------------------------


def _report(n: int, title: LocalText, category: LocalText, agency: str, due_ns: int, hours: float) -> Report:
    chance = random.Random(n)
    return Report(
        f"PA-{n}",
        category.vi,
        title,
        ReportState.ASSIGNED,
        due_ns - int(hours * 3600) * NS_PER_S,
        due_ns,
        lon=chance.gauss(107.10, 0.015),
        lat=chance.gauss(16.815, 0.015),
        category_name=category,
        agency=T(agency),
        place=T("Đông Hà"),
    )


REPORTS = [
    _report(
        2203,
        T("Đèn đường hỏng 3 trụ, đường Nguyễn Trãi", "3 street lights out, Nguyễn Trãi"),
        T("Chiếu sáng", "Street lights"),
        "Điện lực Đông Hà",
        t(9, 6, 30),
        24.0,
    ),
    _report(
        2211,
        T("Cây đổ chắn đường trước số 12 Lê Lợi", "Fallen tree blocks the road at 12 Lê Lợi"),
        T("Hạ tầng", "Infrastructure"),
        "Môi trường đô thị",
        t(10, 0),
        4.0,
    ),
    _report(
        2210,
        T("Ngập sâu 40 cm, kiệt 12 Trần Hưng Đạo", "Flooded 40 cm, alley 12 Trần Hưng Đạo"),
        T("Thoát nước", "Drainage"),
        "Đông Hà",
        t(11, 24),
        4.0,
    ),
    *(
        _report(
            2212 + n,
            T(f"Rác chưa thu gom, điểm {n}", f"Waste not collected, point {n}"),
            T("Rác thải", "Waste"),
            "Môi trường đô thị",
            t(12) + n * 2700 * NS_PER_S,
            24.0,
        )
        for n in range(11)
    ),
]


# -- indicators, people ---------------------------------------------------------------------------

_PCT = T("%")
INDICATORS = [
    Indicator(
        "public_administration.on_time",
        "public_administration",
        T("Hồ sơ giải quyết đúng hạn", "Dossiers settled on time"),
        96.4,
        t(17, day=19),
        _PCT,
        1,
        95.0,
        "plan",
        "day",
    ),
    Indicator(
        "health.bed_occupancy",
        "health",
        T("Công suất sử dụng giường bệnh", "Hospital bed occupancy"),
        81.0,
        t(8),
        _PCT,
        0,
        90.0,
        "threshold",
        "hour",
    ),
    Indicator(
        "education.attendance",
        "education",
        T("Tỷ lệ chuyên cần", "School attendance"),
        97.8,
        t(8),
        _PCT,
        1,
        97.0,
        "plan",
        "today",
    ),
    Indicator(
        "lodging.guests",
        "lodging",
        T("Khách lưu trú", "Guests lodged"),
        1284.0,
        t(22, day=19),
        T("khách", "guests"),
        0,
        1200.0,
        "plan",
        "day",
    ),
    Indicator(
        "social_listening.hot_topics",
        "social_listening",
        T("Chủ đề nóng trên mạng", "Hot topics online"),
        3.0,
        t(9, 35),
        T("chủ đề", "topics"),
        0,
        5.0,
        "threshold",
    ),
    Indicator(
        "wifi.online",
        "wifi",
        T("Wifi công cộng hoạt động", "Public wifi online"),
        25.0,
        t(9, 41),
        T(""),
        0,
        27.0,
        "total",
    ),
]

OPERATORS = [
    Operator("op-thuha", "Nguyễn Thu Hà", "Thu Hà", Role.OPERATOR, "desk-1", t(6), t(14)),
    Operator("op-quocbao", "Trần Quốc Bảo", "Quốc Bảo", Role.SHIFT_LEAD, "desk-2", t(6), t(14)),
]
STATIONS = [
    Station("desk-1", "Bàn 1", online=True, operator_id="op-thuha"),
    Station("desk-2", "Bàn 2", online=True, operator_id="op-quocbao"),
]
