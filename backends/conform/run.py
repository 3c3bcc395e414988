"""All checks in order, and how one is run: its outcome is always one of four, with one sentence."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from enum import StrEnum

import msgspec
import zmq

from backends.conform import (
    acting,
    confiding,
    covering,
    handling,
    hostile,
    joining,
    lasting,
    living,
    peopling,
    picturing,
    presence,
    reporting,
    ruling,
    seeing,
    stepping,
    turning,
    writing,
)
from backends.conform.registry import Check
from backends.conform.room import Room
from backends.conform.wire import Failed, NotOffered, Skipped

CHECKS: tuple[Check, ...] = tuple(
    check
    for module in (
        joining, acting, handling, stepping, living, hostile, peopling, covering, writing, picturing, reporting,
        confiding, ruling, presence, turning, seeing, lasting,
    )
    for check in module.CHECKS.all
)  # fmt: skip


class Verdict(StrEnum):
    """How a check ended."""

    PASS = "pass"
    FAIL = "fail"
    SKIPPED = "skipped"
    """It could not be made; no pass."""
    NOT_OFFERED = "not offered"
    """It is about something that a backend may do without, and this one does; no pass, and nothing is missing."""


class Outcome(msgspec.Struct, frozen=True):
    """One line of the report."""

    name: str
    verdict: Verdict
    promise: str
    seen: str
    """What was seen, or what is missing."""
    seconds: float


def run(room: Room, checks: Iterable[Check] = CHECKS) -> Iterator[Outcome]:
    """Run checks one after the other; each has connections of its own."""
    for check in checks:
        began_s = time.monotonic()
        try:
            verdict, seen = Verdict.PASS, check.run(room)
        except Failed as failed:
            verdict, seen = Verdict.FAIL, str(failed)
        except Skipped as skipped:
            verdict, seen = Verdict.SKIPPED, str(skipped)
        except NotOffered as absent:
            verdict, seen = Verdict.NOT_OFFERED, str(absent)
        except zmq.ZMQError as error:
            verdict, seen = Verdict.FAIL, f"the connection broke: {error}"
        yield Outcome(check.name, verdict, check.promise, seen, round(time.monotonic() - began_s, 2))
