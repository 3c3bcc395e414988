"""What a person can have seen: on the screen for a moment, in the state that it has."""

from __future__ import annotations

import msgspec

from backends.domain.alarm import Alarm, AlarmState, Priority
from backends.domain.text import LocalText
from widgets.models.alarm_seen import SEEN_S, SeenRows

ONE = Alarm("a", Priority.HIGH, AlarmState.UNACKNOWLEDGED, LocalText("Có việc"), 1)
OTHER = msgspec.structs.replace(ONE, id="b")
NEWER = msgspec.structs.replace(ONE, state_rev=2)


def test_seen_after_a_moment_and_also_when_it_has_scrolled_away() -> None:
    rows = SeenRows()
    assert not rows.has(ONE, 0.0)
    rows.painted([ONE], 1.0)
    assert not rows.has(ONE, 1.0 + SEEN_S / 2)
    rows.painted([ONE], 1.0 + SEEN_S / 2)  # painted again: that is no new beginning
    assert rows.has(ONE, 1.0 + SEEN_S)
    rows.painted([OTHER], 2.0)
    assert rows.has(ONE, 9.0)
    assert not rows.has(OTHER, 2.1)


def test_a_glimpse_is_not_seen() -> None:
    rows = SeenRows()
    rows.painted([ONE], 1.0)
    rows.painted([], 1.0 + SEEN_S / 2)
    assert not rows.has(ONE, 9.0)


def test_another_state_is_seen_anew() -> None:
    rows = SeenRows()
    rows.painted([ONE], 1.0)
    rows.painted([NEWER], 3.0)
    assert not rows.has(NEWER, 3.1)
    assert rows.has(ONE, 3.1), "the old state was"
    rows.painted([], 3.2)
    assert not rows.has(NEWER, 9.0)
    rows.painted([NEWER], 10.0)
    rows.painted([], 11.0)
    assert rows.has(NEWER, 12.0)
    assert not rows.has(ONE, 12.0)
