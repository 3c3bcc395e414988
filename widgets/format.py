"""Numbers, times and durations in the language and zone of the screen. Pure but for the two settings.

Vietnamese writes 1.234,5 and English 1,234.5; percent stands without a space (glossary).
"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from backends.domain.times import NS_PER_S
from widgets.i18n import Language, language, tr

_zone = ZoneInfo("Asia/Ho_Chi_Minh")


def set_zone(name: str) -> None:
    """The site's zone, from the settings. Raises ZoneInfoNotFoundError."""
    global _zone  # noqa: PLW0603  # one site, one zone
    _zone = ZoneInfo(name)


def zone() -> ZoneInfo:
    """The site's zone."""
    return _zone


def zone_name() -> str:
    """The site's zone."""
    return _zone.key


def local_time(t_ns: int) -> datetime:
    """UTC nanoseconds as the site's wall clock."""
    return datetime.fromtimestamp(t_ns / NS_PER_S, tz=_zone)


def number(value: float, decimals: int = 0) -> str:
    """With the language's separators; a minus is a true minus sign."""
    plain = f"{abs(value):,.{decimals}f}"
    if language() is Language.VI:
        plain = plain.translate(str.maketrans(",.", ".,"))
    negative = value < 0 and any(c in "123456789" for c in plain)
    return f"−{plain}" if negative else plain


def with_unit(figure: str, unit: str) -> str:
    """ "4,12 m"; percent stands without a space (glossary)."""
    return f"{figure}{unit}" if unit == "%" else f"{figure} {unit}".strip()


def clock(t_ns: int) -> str:
    """09:41:32: events are told to the second."""
    return local_time(t_ns).strftime("%H:%M:%S")


def clock_minutes(t_ns: int) -> str:
    """09:41."""
    return local_time(t_ns).strftime("%H:%M")


def date_short(t_ns: int) -> str:
    """20/11 in Vietnamese, 20 Nov in English."""
    when = local_time(t_ns)
    return f"{when.day:02d}/{when.month:02d}" if language() is Language.VI else f"{when.day} {_month(when)}"


def date_long(t_ns: int) -> str:
    """20/11/2026 or 20 Nov 2026."""
    when = local_time(t_ns)
    if language() is Language.VI:
        return f"{when.day:02d}/{when.month:02d}/{when.year}"
    return f"{when.day} {_month(when)} {when.year}"


def weekday(t_ns: int) -> str:
    return tr(f"weekday.{local_time(t_ns).isoweekday()}")


def _month(when: datetime) -> str:
    return tr(f"month.{when.month}")


def event_time(t_ns: int, now_ns: int) -> str:
    """To the second today, with the date before that."""
    if local_time(t_ns).date() == local_time(now_ns).date():
        return clock(t_ns)
    return f"{date_short(t_ns)} {clock_minutes(t_ns)}"


def event_seconds(t_ns: int, now_ns: int) -> str:
    """To the second, with the date where it is not today's."""
    at = clock(t_ns)
    return at if local_time(t_ns).date() == local_time(now_ns).date() else f"{date_short(t_ns)} {at}"


def event_minutes(t_ns: int, now_ns: int) -> str:
    """As event_time, to the minute: for walls and flags, where there is no room for seconds."""
    at = clock_minutes(t_ns)
    return at if local_time(t_ns).date() == local_time(now_ns).date() else f"{date_short(t_ns)} {at}"


def countdown(seconds: float) -> str:
    """00:07 · 12:30 · 3:05:00: how long a picture has been lost."""
    whole = max(0, int(seconds))
    hours, rest = divmod(whole, 3600)
    minutes, secs = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{secs:02d}" if hours else f"{minutes:02d}:{secs:02d}"


def duration(seconds: float) -> str:
    """In words: 7 giây, 35 phút, 1 giờ 42 phút, 2 ngày 3 giờ."""
    whole = max(0, int(seconds))
    if whole < 60:
        return tr("duration.seconds", n=whole)
    minutes = whole // 60
    if minutes < 60:
        return tr("duration.minutes", n=minutes)
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return tr("duration.hours_minutes", h=hours, m=minutes) if minutes else tr("duration.hours", n=hours)
    days, hours = divmod(hours, 24)
    return tr("duration.days_hours", d=days, h=hours) if hours else tr("duration.days", n=days)
