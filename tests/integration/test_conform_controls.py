"""The negative controls of `conform`: a backend that breaks one promise fails the check of that promise, and no other.

Each check against its own fault, and against a sound backend, in every run; every fault against all checks in soak.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from helpers.small_backend import SmallBackend
from helpers.small_cameras import SIGHT_S

from backends.conform import directory, living, seeing
from backends.conform.registry import Check
from backends.conform.room import Room
from backends.conform.run import CHECKS, Outcome, Verdict, run

#: What else a fault must break, because the same thing is looked at from another side.
ALSO: dict[str, set[str]] = {
    "deep-nesting": {"sees-hostile"},
    "duplicate": {"duplicate-elsewhere", "aid-reused", "restart"},
    "duplicate-elsewhere": {"restart"},
    "fetch-limit": {"gap", "join-with-cursor", "append-snapshot"},
    "gap": {"fetch-limit", "join-with-cursor", "append-snapshot"},
    "history": {"history-gap"},
    "live-is-the-log": {"gap"},
    "lease": {"lease-held", "lease-repeated", "lease-late", "lease-refused", "lease-rights", "lease-over"},
    "lease-late": {"lease-repeated"},
    "step": {"step-compared", "step-undo"},
    "step-compared": {"step-undo"},
    "grants": {"configure"},
    "cover": {"grants"},
    "sees": {"sees-disagree", "sees-over", "sees-hostile"},
    "sees-disagree": {"sees-over"},
}


#: Faults after which nothing is left that could pass: no encryption, and a backend that waits for a slow reader.
ALL_FALLS = ("no-encryption", "slow-reader")


@pytest.fixture(autouse=True)
def shorter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half the load and half the slow reader: longer than the pause that both forbid, and a fault shows at once. What
    stations say and do of cameras is seen at once, and forgotten when the small backend does."""
    for name in ("LOAD_S", "SLOW_S"):
        monkeypatch.setattr(living, name, 2.0)
    monkeypatch.setattr(seeing, "SIGHT_S", SIGHT_S)
    monkeypatch.setattr(directory, "SEEN_S", 1.5)


@contextmanager
def backend(fault: str) -> Iterator[Room]:
    made = SmallBackend(fault, signs_in=True)
    made.start()
    first, admin = made.at("desk-1", "op"), made.at("desk-1", "adm")
    try:
        with Room(
            first.place, restart=made.restart, person=first.person, secret=first.secret, other=made.other(), admin=admin
        ) as room:
            yield room
    finally:
        made.stop()


def outcomes(fault: str, checks: list[Check]) -> list[Outcome]:
    with backend(fault) as room:
        return list(run(room, checks))


def test_a_sound_backend_passes_all() -> None:
    assert [o for o in outcomes("", list(CHECKS)) if o.verdict is not Verdict.PASS] == []


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_a_check_sees_its_fault(check: Check) -> None:
    (outcome,) = outcomes(check.name, [check])
    assert outcome.verdict is Verdict.FAIL, outcome.seen
    assert outcome.seen


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("check", [c for c in CHECKS if c.name not in ALL_FALLS], ids=lambda check: check.name)
def test_a_fault_fails_its_own_check_alone(check: Check) -> None:
    failed = {o.name for o in outcomes(check.name, list(CHECKS)) if o.verdict is not Verdict.PASS}
    assert failed - ALSO.get(check.name, set()) == {check.name}
