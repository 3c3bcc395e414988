"""What a filter of the alarm list lets through, and what it may never take away."""

from __future__ import annotations

import msgspec
import pytest

from backends.domain.alarm import Alarm, AlarmState, Priority
from backends.domain.text import LocalText
from widgets.models.alarm_filter import ALL, AlarmFilter, Stand, found, is_grave, kept, stand_of

ALARM = Alarm(
    "a", Priority.HIGH, AlarmState.UNACKNOWLEDGED, LocalText("Ngập sâu 30 cm", "Flooded 30 cm"), 1,
    place=LocalText("Đông Giang"), area_id="ward-1", source="limit",
)  # fmt: skip


def some(**changes: object) -> Alarm:
    return msgspec.structs.replace(ALARM, **changes)


@pytest.mark.parametrize(
    ("filter_", "fits"),
    [
        (ALL, True),
        (AlarmFilter(priorities=frozenset({Priority.HIGH, Priority.LOW})), True),
        (AlarmFilter(priorities=frozenset({Priority.LOW})), False),
        (AlarmFilter(areas=frozenset({"ward-1"})), True),
        (AlarmFilter(areas=frozenset({"ward-2"})), False),
        (AlarmFilter(sources=frozenset({"limit"})), True),
        (AlarmFilter(sources=frozenset({"camera"})), False),
        (AlarmFilter(stands=frozenset({Stand.ASKING})), True),
        (AlarmFilter(stands=frozenset({Stand.SEEN, Stand.ASIDE})), False),
        (AlarmFilter(words="ngap dong"), True),
        (AlarmFilter(words="FLOODED giang"), True),
        (AlarmFilter(words="ngap song"), False),
        (AlarmFilter(priorities=frozenset({Priority.HIGH}), words="song"), False),
    ],
)
def test_a_filter_lets_through_what_fits_all_of_it(filter_: AlarmFilter, fits: bool) -> None:
    assert filter_.passes()(ALARM) is fits


def test_an_urgent_one_that_nobody_acknowledged_passes_every_filter() -> None:
    strict = AlarmFilter(frozenset({Priority.LOW}), frozenset({"x"}), frozenset({"y"}), frozenset({Stand.ASIDE}), "zzz")
    urgent = some(priority=Priority.URGENT)
    assert is_grave(urgent)
    assert strict.passes()(urgent)
    assert not strict.passes()(some(priority=Priority.URGENT, state=AlarmState.ACKNOWLEDGED))


def test_who_has_it_is_found_too() -> None:
    assert AlarmFilter(words="thu ha").passes()(some(holder="Thu Hà", holder_id="op"))


def test_every_state_stands_somewhere() -> None:
    stands = {state: stand_of(some(state=state)) for state in AlarmState}
    assert stands[AlarmState.RETURNED] is Stand.ASKING
    assert stands[AlarmState.SHELVED] is Stand.ASIDE
    assert stands[AlarmState.ACKNOWLEDGED] is Stand.SEEN
    assert stand_of(some(state=AlarmState.ACKNOWLEDGED, holder_id="op")) is Stand.IN_HAND
    assert set(stands.values()) <= set(Stand)


def test_a_filter_is_kept_and_found_again() -> None:
    one = AlarmFilter(frozenset({Priority.LOW}), frozenset({"ward-1"}), words="ngập")
    assert found(kept(one)) == one
    assert kept(ALL) == ""
    for broken in ("", "{", '{"priorities": ["dire"]}', '{"words": 3}'):
        assert found(broken) == ALL
