"""Alarms of the station itself: words in both languages, the same transitions, gone when seen and over."""

from __future__ import annotations

import pytest

from backends.domain.alarm import Alarm, AlarmState, TransitionRefused
from backends.domain.text import LocalText
from backends.link.ports import Trouble
from console.feed_alarms import DETAILS, KINDS, LocalAlarms, words


def test_raise_return_acknowledge_leaves() -> None:
    seen: list[Alarm] = []
    alarms = LocalAlarms(seen.append)
    alarms.set("hub", False, 1)
    assert seen == []
    alarms.set("hub", True, 2, "bye:update")
    alarms.set("hub", True, 3)
    alarms.set("hub", False, 4)
    alarms.set("hub", True, 5)
    alarms.set("hub", False, 6)
    alarms.acknowledge("local:hub", "Thu Hà", 7)
    assert [a.state for a in seen] == [
        AlarmState.UNACKNOWLEDGED, AlarmState.RETURNED, AlarmState.UNACKNOWLEDGED, AlarmState.RETURNED,
        AlarmState.NORMAL,
    ]  # fmt: skip
    assert (seen[0].detail, seen[2].count) == (DETAILS["bye"], 2)
    with pytest.raises(TransitionRefused):
        alarms.acknowledge("local:hub", "Thu Hà", 8)


def test_words_that_change_while_the_cause_lasts_are_no_new_alarm() -> None:
    seen: list[Alarm] = []
    alarms = LocalAlarms(seen.append)
    little, much = LocalText("một ít", "a little"), LocalText("nhiều", "much")
    alarms.set("pictures", True, 1, little)
    alarms.acknowledge("local:pictures", "Thu Hà", 2)
    alarms.set("pictures", True, 3, little)
    alarms.set("pictures", True, 4, much)
    alarms.set("pictures", False, 5)
    assert [(a.state, a.detail) for a in seen] == [
        (AlarmState.UNACKNOWLEDGED, little), (AlarmState.ACKNOWLEDGED, little), (AlarmState.ACKNOWLEDGED, much),
        (AlarmState.NORMAL, much),
    ]  # fmt: skip
    assert seen[2].rev > seen[1].rev
    assert seen[2].state_rev == seen[1].state_rev


def test_every_trouble_has_words_in_both_languages() -> None:
    assert {trouble.value for trouble in Trouble} <= set(KINDS)
    for text in (*(kind.name for kind in KINDS.values()), *DETAILS.values()):
        assert text.vi
        assert text.en
        assert text.vi != text.en
    assert words("sensors").vi == "sensors"
