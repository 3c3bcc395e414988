"""Which hub a console tries next, and when."""

from __future__ import annotations

import itertools

from backends.link.addresses import BACKOFF_MAX_S, HASTE_S, ROUND_S, Addresses
from backends.link.health import STALE_S, WELCOME_S, wants_other
from backends.link.ports import Endpoints

A, B, C = (Endpoints(f"live-{n}", f"ctl-{n}", "k") for n in "abc")


def rounds(addresses: Addresses, known: tuple[Endpoints, ...], until_s: float) -> list[tuple[float, Endpoints | None]]:
    """(when, which) of every try, if none of them serves."""
    now_s, tries = 100.0, []
    while now_s < 100.0 + until_s:
        where, pause_s = addresses.next(known, now_s)
        tries.append((now_s - 100.0, where))
        now_s += pause_s
    return tries


def test_several_are_tried_in_order_within_half_a_second_again_and_again() -> None:
    tries = rounds(Addresses(lambda: 1.0), (A, B, C), 10.0)
    assert [where for _, where in tries[:7]] == [A, B, C, A, B, C, A]
    for _, where in tries[:3]:
        moments = [t for t, each in tries if each is where]
        assert all(b - a < 0.55 for a, b in itertools.pairwise(moments))
    assert len(tries) < 70


def test_a_long_outage_backs_off_and_a_sign_of_life_ends_that() -> None:
    addresses = Addresses(lambda: 0.0)
    tries = rounds(addresses, (A, B), HASTE_S + 120.0)
    late = [t for t, where in tries if where is A and t > HASTE_S + 60]
    assert all(b - a >= BACKOFF_MAX_S for a, b in itertools.pairwise(late))
    addresses.serves(500.0)
    _, first = addresses.next((A, B), 501.0)
    _, second = addresses.next((A, B), 501.1)
    assert first + second <= ROUND_S + 0.1


def test_the_hub_that_served_last_is_left_first_and_comes_round_again() -> None:
    addresses = Addresses(lambda: 0.0)
    assert addresses.next((A, B), 1.0)[0] is A
    assert addresses.next((A, B), 1.1)[0] is B
    addresses.serves(2.0)
    assert [addresses.next((A, B), 3.0 + n)[0] for n in range(2)] == [A, B]


def test_one_hub_backs_off_as_ever_and_none_is_no_error() -> None:
    addresses = Addresses(lambda: 0.0)
    assert not addresses.several
    assert [addresses.next((A,), float(n))[1] for n in range(6)] == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0]
    assert addresses.next((), 10.0) == (None, 8.0)


def test_patience_with_a_hub_that_does_not_serve() -> None:
    assert wants_other(None, False, float("-inf"), 5.0)
    assert not wants_other(5.0, False, float("-inf"), 5.0 + WELCOME_S)
    assert wants_other(5.0, False, float("-inf"), 5.01 + WELCOME_S)
    assert not wants_other(5.0, True, 9.0, 9.0 + STALE_S)
    assert wants_other(5.0, True, 9.0, 9.01 + STALE_S)
