"""What a row says of an alarm: every state, and the marks of what chatters, is fleeting or speaks for others."""

from __future__ import annotations

from typing import Any

import pytest
from helpers.sample_city import WORDS

from backends.domain.alarm import Alarm, AlarmState, Priority
from backends.domain.text import LocalText
from widgets import i18n
from widgets.i18n import Language
from widgets.parts.alarm_words import second_line, state_words


@pytest.fixture(autouse=True, params=list(Language))
def language(request: pytest.FixtureRequest) -> Language:
    i18n.load(WORDS)
    i18n.set_language(request.param)
    return Language(request.param)


def alarm(**more: Any) -> Alarm:
    told = LocalText("4,12 m", "4.12 m")
    return Alarm("a@1", Priority.LOW, more.pop("state", AlarmState.ACKNOWLEDGED), LocalText("Sông"), 1, told, **more)


def test_no_two_states_say_the_same() -> None:
    listed = [state for state in AlarmState if state is not AlarmState.NORMAL]
    said = {state_words(alarm(state=state, shelved_until_ns=1)) for state in listed}
    assert len(said) == len(listed)


@pytest.mark.parametrize(
    ("more", "vi", "en"),
    [
        ({}, "4,12 m", "4.12 m"),
        ({"count": 3}, "3 lần · 4,12 m", "3 times · 4.12 m"),
        ({"count": 14, "chattering": True}, "chập chờn · 14 lần · 4,12 m", "chattering · 14 times · 4.12 m"),
        ({"fleeting": True}, "thoáng qua · 4,12 m", "fleeting · 4.12 m"),
        ({"children": 11}, "gồm 11 cảnh báo khác · 4,12 m", "stands for 11 more alarms · 4.12 m"),
    ],
)
def test_marks_stand_before_the_figures(language: Language, more: dict[str, Any], vi: str, en: str) -> None:
    assert second_line(alarm(**more), figures=True) == (vi if language is Language.VI else en)
