"""A past time as people type it, and what is said where it is none."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from backends.domain.times import NS_PER_S
from widgets.i18n import Catalogue, Language
from widgets.parts.typed_times import WrongTime, typed_time

ROOT = Path(__file__).resolve().parents[2]
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")


def ns(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZONE).timestamp()) * NS_PER_S


NOW = ns("2026-11-20T09:41:32")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("0815", "2026-11-20T08:15:00"),
        ("815", "2026-11-20T08:15:00"),
        ("081530", "2026-11-20T08:15:30"),
        ("8:15:30", "2026-11-20T08:15:30"),
        (" 8h ", "2026-11-20T08:00:00"),
        ("8h15", "2026-11-20T08:15:00"),
        ("8g15", "2026-11-20T08:15:00"),
        ("8 giờ 15", "2026-11-20T08:15:00"),
        ("2350", "2026-11-19T23:50:00"),
        ("hôm qua 22:10", "2026-11-19T22:10:00"),
        ("hom qua 2210", "2026-11-19T22:10:00"),
        ("22:10 hôm qua", "2026-11-19T22:10:00"),
        ("HÔM NAY 8:15", "2026-11-20T08:15:00"),
        ("hôm kia 7:00", "2026-11-18T07:00:00"),
        ("yesterday 22:10", "2026-11-19T22:10:00"),
        ("19/11 8:15", "2026-11-19T08:15:00"),
        ("8:15 19/11", "2026-11-19T08:15:00"),
        ("19/11/2026 0815", "2026-11-19T08:15:00"),
        ("21/11 8:00", "2025-11-21T08:00:00"),
        ("29/2 8:00", "2024-02-29T08:00:00"),
        ("-10", "2026-11-20T09:31:32"),
        ("−5 phút", "2026-11-20T09:36:32"),
        ("-30s", "2026-11-20T09:41:02"),
        ("- 2 giờ", "2026-11-20T07:41:32"),
    ],
)
def test_what_is_meant(typed: str, meant: str) -> None:
    assert typed_time(typed, NOW, ZONE) == ns(meant)


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("abc", "form"),
        ("8:15:3x", "form"),
        ("-10 tuần", "form"),
        ("8", "form"),
        ("20/11", "no_clock"),
        ("hôm qua", "no_clock"),
        ("25:00", "clock"),
        ("0860", "clock"),
        ("31/2 8:00", "date"),
        ("32/1 8:00", "date"),
        ("hôm nay 23:00", "future"),
        ("20/11 9:41:32", "future"),
        ("-0", "future"),
        ("20/11/2030 8:00", "future"),
        ("1/1/1990 8:00", "old"),
    ],
)
def test_what_is_no_time_is_said_in_words(typed: str, key: str) -> None:
    with pytest.raises(WrongTime) as wrong:
        typed_time(typed, NOW, ZONE)
    assert str(wrong.value) == f"replay.wrong_{key}"
    for language in Language:
        assert str(wrong.value) in Catalogue(language, ROOT / "resources" / "i18n").words


def test_whatever_is_typed_is_a_time_or_words() -> None:
    letters = "0123 :/-hgp×đqua"
    for first in letters:
        for second in letters:
            for third in letters:
                for typed in (first + second + third, f"hôm qua {first}{second}{third}", f"1{first}{second}/{third}"):
                    try:
                        assert 0 < typed_time(typed, NOW, ZONE) < NOW
                    except WrongTime:
                        continue
