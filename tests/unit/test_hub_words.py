"""Figures and names of limit alarms in both languages."""

from __future__ import annotations

import pytest
from helpers.tiny_city import DUST, RIVER

from backends.domain.text import LocalText
from backends.hub.words import limit_detail, limit_name, number


@pytest.mark.parametrize(
    ("value", "decimals", "vi", "en"),
    [
        (4.12, 2, "4,12", "4.12"),
        (1234567.5, 1, "1.234.567,5", "1,234,567.5"),
        (1234, 0, "1.234", "1,234"),
        (-0.004, 2, "0,00", "0.00"),
        (-3.5, 1, "-3,5", "-3.5"),
        (0.0, -1, "0", "0"),
    ],
)
def test_numbers(value: float, decimals: int, vi: str, en: str) -> None:
    assert (number(value, decimals, "vi"), number(value, decimals, "en")) == (vi, en)


def test_generic_names_tell_which_way_it_is_off() -> None:
    assert limit_name(DUST, DUST.limits[0], 82.04) == LocalText("Bụi PM2.5 Phường 1 cao", "PM2.5 Phường 1 high")


@pytest.mark.parametrize(
    ("per_hour", "vi", "en"),
    [
        (0.21, "4,12 m, đang lên 0,21 m/giờ", "4.12 m, rising 0.21 m/h"),
        (-0.3, "4,12 m, đang xuống 0,30 m/giờ", "4.12 m, falling 0.30 m/h"),
        (0.004, "4,12 m, không đổi", "4.12 m, steady"),
        (None, "4,12 m", "4.12 m"),
    ],
)
def test_details_of_levels(per_hour: float | None, vi: str, en: str) -> None:
    assert limit_detail(RIVER, RIVER.limits[-1], 4.12, per_hour) == LocalText(vi, en)


def test_other_quantities_increase() -> None:
    assert limit_detail(DUST, DUST.limits[0], 60, 5).vi == "60,0 µg/m³, đang tăng 5,0 µg/m³/giờ · ngưỡng 50,0 (QCVN 05)"
    assert limit_detail(DUST, DUST.limits[0], 60, None).vi == "60,0 µg/m³ · ngưỡng 50,0 (QCVN 05)"
