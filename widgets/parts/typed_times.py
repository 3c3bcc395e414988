"""A past time as people type it: "0815", "8:15:30", "hôm qua 22:10", "20/11 8h15", "-10". Pure.

Local time of the site; with or without accents, in the words of both languages. Without a day it is the last such
time: at half past midnight "2350" is of yesterday. What is wrong is said by a key of the catalogues (`WrongTime`).
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, tzinfo

from backends.domain.text import fold
from backends.domain.times import NS_PER_S

_AGO = re.compile(r"[-−–]\s*(\d{1,5})\s*([a-z]*)")
_UNITS_S = {
    "": 60, "p": 60, "ph": 60, "phut": 60, "m": 60, "min": 60, "mins": 60, "minute": 60, "minutes": 60,
    "s": 1, "g": 1, "giay": 1, "sec": 1, "second": 1, "seconds": 1,
    "h": 3600, "gio": 3600, "hour": 3600, "hours": 3600,
}  # fmt: skip
_DAYS = {"hom nay": 0, "today": 0, "hom qua": 1, "yesterday": 1, "hom kia": 2}
_CLOCK = re.compile(
    r"(?P<h>\d{1,2})(?:\s*[:hg]\s*(?P<m>\d{1,2})?|\s*gio\s*(?P<m2>\d{1,2})?)(?:\s*[:mp]\s*(?P<s>\d{1,2}))?|"
    r"(?P<h3>\d{1,2})(?P<m3>\d{2})(?P<s3>\d{2})?"
)
_DATE = re.compile(r"(\d{1,2})/(\d{1,2})(?:/(\d{4}))?")
_OLDEST_DAYS = 3660


class WrongTime(ValueError):
    """Its text is a key of the catalogues."""


def typed_time(typed: str, now_ns: int, zone: tzinfo) -> int:
    """UTC nanoseconds. Raises WrongTime."""
    words = " ".join(fold(typed).split())
    now = datetime.fromtimestamp(now_ns / NS_PER_S, zone)
    if not words:
        raise WrongTime("replay.wrong_empty")
    if ago := _AGO.fullmatch(words):
        if ago[2] not in _UNITS_S:
            raise WrongTime("replay.wrong_form")
        return _past(now_ns - int(ago[1]) * _UNITS_S[ago[2]] * NS_PER_S, now_ns)
    day, rest = _day(words, now.date())
    clock = _CLOCK.fullmatch(rest)
    if clock is None:
        raise WrongTime("replay.wrong_no_clock" if day is not None and not rest else "replay.wrong_form")
    found = clock.groupdict()
    hour, minute, second = (
        int(next((found[name] for name in names if found[name]), "0"))
        for names in (("h", "h3"), ("m", "m2", "m3"), ("s", "s3"))
    )
    if hour > 23 or minute > 59 or second > 59:
        raise WrongTime("replay.wrong_clock")
    moment = datetime.combine(day or now.date(), datetime.min.time(), zone).replace(
        hour=hour, minute=minute, second=second
    )
    if day is None and moment > now:
        moment = (moment.replace(tzinfo=None) - timedelta(days=1)).replace(tzinfo=zone)
    return _past(int(moment.timestamp()) * NS_PER_S, now_ns)


def _past(t_ns: int, now_ns: int) -> int:
    if t_ns >= now_ns:
        raise WrongTime("replay.wrong_future")
    if t_ns < now_ns - _OLDEST_DAYS * 86_400 * NS_PER_S:
        raise WrongTime("replay.wrong_old")
    return t_ns


def _day(words: str, today: date) -> tuple[date | None, str]:
    """(the day that is said, what else is said). It stands before the time or after it."""
    for said, back in _DAYS.items():
        for rest in (words.removeprefix(said), words.removesuffix(said)):
            if rest != words:
                return today - timedelta(days=back), rest.strip(" ,")
    for one in _DATE.finditer(words):
        rest = (words[: one.start()] + " " + words[one.end() :]).strip(" ,")
        return _date(int(one[1]), int(one[2]), one[3], today), rest
    return None, words


def _date(day: int, month: int, year: str | None, today: date) -> date:
    """Without a year: the last such day."""
    years = [int(year)] if year else [today.year, *range(today.year - 1, today.year - 9, -1)]
    for one in years:
        try:
            found = date(one, month, day)
        except ValueError:
            continue
        if year or found <= today:
            return found
    raise WrongTime("replay.wrong_date")
