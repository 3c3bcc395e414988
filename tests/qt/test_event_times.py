"""What happened yesterday says so, on a wall and on a flag too."""

from __future__ import annotations

from helpers.sample_city import NOW_NS, prepare
from helpers.sample_records import ALARMS
from PySide6.QtWidgets import QApplication

from backends.domain.times import NS_PER_S
from widgets import format as fmt
from widgets.parts.alarm_words import place_and_time

DAY_NS = 86_400 * NS_PER_S


def test_only_what_is_not_of_today_has_its_date(qapp: QApplication) -> None:
    prepare(qapp)
    assert fmt.event_minutes(NOW_NS, NOW_NS) == "09:41"
    assert fmt.event_minutes(NOW_NS - DAY_NS, NOW_NS) == "19/11 09:41"
    now_ns = ALARMS[0].t_raised_ns + DAY_NS
    assert place_and_time(ALARMS[0], now_ns).endswith(fmt.event_minutes(ALARMS[0].t_raised_ns, now_ns))
    assert fmt.date_short(ALARMS[0].t_raised_ns) in place_and_time(ALARMS[0], now_ns)
