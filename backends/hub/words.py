"""How the alarm engine says things: names and figures of limit alarms, in both languages.

Vietnamese numbers have a decimal comma and a dot for thousands. No state, no clock.
"""

from __future__ import annotations

import re

from backends.domain.sensor import Limit, Sensor
from backends.domain.text import LocalText

_FLOOD_LEVEL = re.compile(r"BĐ\s?[123]")
_LEVEL_VI = re.compile(r"^mực nước\s+", re.IGNORECASE)
_LEVEL_EN = re.compile(r"\bwater level\b(?:\s+(?:of|at|on)(?:\s+the)?)?", re.IGNORECASE)
_LEVELS = ("water_level", "river_level", "tide", "level", "flood_depth")


def number(value: float, decimals: int, lang: str) -> str:
    """`4.12` in English, `4,12` in Vietnamese; thousands grouped the other way round."""
    text = f"{value:,.{max(0, decimals)}f}"
    if float(text.replace(",", "")) == 0:
        text = text.lstrip("-")
    return text.translate(str.maketrans(",.", ".,")) if lang == "vi" else text


def _unit(unit: str) -> str:
    return unit if not unit or unit == "%" else f" {unit}"


def limit_name(sensor: Sensor, limit: Limit, value: float) -> LocalText:
    """`Sông Hiếu trên BĐ3 0,12 m` for flood levels, else the quantity and which way it is off: `PM2.5 cao`."""
    if limit.above and _FLOOD_LEVEL.fullmatch(limit.label.vi):
        over = value - limit.value
        vi, en = number(over, sensor.decimals, "vi"), number(over, sensor.decimals, "en")
        where = _subject(sensor)
        if over < 0.5 * 10.0 ** -max(0, sensor.decimals):
            # At the mark, or inside the deadband on the way down.
            return LocalText(f"{where.vi} ở mức {limit.label.vi}", f"{where.get('en')} at {limit.label.get('en')}")
        return LocalText(
            f"{where.vi} trên {limit.label.vi} {vi}{_unit(sensor.unit)}",
            f"{where.get('en')} {en}{_unit(sensor.unit)} above {limit.label.get('en')}",
        )
    # The figures stand in the detail: a name that is read at a glance does not change with every value.
    vi, en = ("cao", "high") if limit.above else ("thấp", "low")
    return LocalText(f"{sensor.name.vi} {vi}", f"{sensor.name.get('en')} {en}")


def limit_detail(sensor: Sensor, limit: Limit, value: float, per_hour: float | None) -> LocalText:
    """`4,12 m, đang lên 0,21 m/giờ`; without a trend (too little is known) the value alone.

    Where the name does not tell the limit, it follows: `68 µg/m³, đang tăng 5 µg/m³/giờ · ngưỡng 50 (Kém)`.
    """
    told = limit.above and _FLOOD_LEVEL.fullmatch(limit.label.vi)
    texts = {}
    for lang, hour in (("vi", "giờ"), ("en", "h")):
        text = f"{number(value, sensor.decimals, lang)}{_unit(sensor.unit)}"
        if per_hour is not None:
            text += f", {_moving(sensor, per_hour, lang)}"
            if not _steady(sensor, per_hour):
                text += f" {number(abs(per_hour), sensor.decimals, lang)}{_unit(sensor.unit)}/{hour}"
        if not told:
            label = limit.label.get(lang)
            bound = number(limit.value, sensor.decimals, lang)
            text += f" · {'ngưỡng' if lang == 'vi' else 'limit'} {bound}" + (f" ({label})" if label else "")
        texts[lang] = text
    return LocalText(texts["vi"], texts["en"])


SENSOR_GONE = LocalText("cảm biến không còn", "the sensor is no longer there")
NO_LIMIT = LocalText("không còn ngưỡng nào áp dụng", "no limit applies any more")
LIMITS_OTHER = LocalText("ngưỡng đã đổi, giá trị không còn vượt", "the limits have changed, the value breaks none")


def limit_ended(sensor: Sensor, limit: Limit) -> LocalText:
    """Why an alarm is over, though nothing was measured: `ngưỡng BĐ1 2,00 m không còn áp dụng`."""
    vi, en = (_figure(sensor, limit, lang) for lang in ("vi", "en"))
    return LocalText(f"ngưỡng {vi} không còn áp dụng", f"limit {en} no longer applies")


def limit_moved(sensor: Sensor, before: Limit, now: Limit) -> LocalText:
    """The same, where it is another figure now: `ngưỡng BĐ1 2,00 m nay là 2,40 m`."""
    vi, en = (number(now.value, sensor.decimals, lang) + _unit(sensor.unit) for lang in ("vi", "en"))
    return LocalText(
        f"ngưỡng {_figure(sensor, before, 'vi')} nay là {vi}", f"limit {_figure(sensor, before, 'en')} is {en} now"
    )


def _figure(sensor: Sensor, limit: Limit, lang: str) -> str:
    return f"{limit.label.get(lang)} {number(limit.value, sensor.decimals, lang)}{_unit(sensor.unit)}".strip()


def _steady(sensor: Sensor, per_hour: float) -> bool:
    return abs(per_hour) < 0.5 * 10.0 ** -max(0, sensor.decimals)


def _moving(sensor: Sensor, per_hour: float, lang: str) -> str:
    if _steady(sensor, per_hour):
        return "không đổi" if lang == "vi" else "steady"
    up = per_hour > 0
    if lang == "en":
        return "rising" if up else "falling"
    if sensor.parameter in _LEVELS:
        return "đang lên" if up else "đang xuống"
    return "đang tăng" if up else "đang giảm"


def _subject(sensor: Sensor) -> LocalText:
    """What stands over the flood level: the river, not "water level of the river"."""
    vi = _LEVEL_VI.sub("", sensor.name.vi).strip() or sensor.name.vi
    en = _LEVEL_EN.sub("", sensor.name.en).strip(" ,") if sensor.name.en else ""
    return LocalText(vi[:1].upper() + vi[1:], en[:1].upper() + en[1:])
