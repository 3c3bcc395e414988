"""Kills of hub and feeder one after another, under load and clicks, and the audit of what became of the clicks."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from helpers.fault_rig import Town
from helpers.faulty_child import POINTS

from backends.domain.action import Stage, Verb
from backends.domain.ports import ActionRefused

Kill = tuple[str, str]
"""(program, point); an empty point: at a random moment."""

MOST_PASSES = {"commit": 30, "mid_publish": 300, "publish": 20, "checkpoint": 2}
"""A point is passed so many times at most before it kills; others are passed once a click, and kill at once."""


def named_kills() -> list[Kill]:
    return [(program, point) for program, points in POINTS.items() for point in points]


def random_kills(rng: random.Random, count: int) -> list[Kill]:
    return [(rng.choice(("hub", "feeder")), "") for _ in range(count)]


class Clicks:
    """A person who never stops clicking: comments, claims and acknowledgements on the fixed alarms."""

    def __init__(self, town: Town, rng: random.Random, every_s: float = 0.05) -> None:
        self._town, self._rng, self._every_s = town, rng, every_s
        self._at_s = 0.0
        self.kept: dict[str, Verb] = {}
        """Clicks that `submit` took."""
        self.not_kept = 0

    def turn(self) -> None:
        now_s = time.monotonic()
        alarms = [a for a in self._town.glass.items.get("alarms", {}).values() if a.id.startswith("fixed")]
        if now_s < self._at_s or not alarms:
            return
        self._at_s = now_s + self._every_s
        alarm = self._rng.choice(alarms)
        verb = self._rng.choice((Verb.COMMENT, Verb.COMMENT, Verb.CLAIM, Verb.ACKNOWLEDGE))
        args = {"text": f"ghi chú {len(self.kept)}"} if verb is Verb.COMMENT else None
        try:
            self.kept[self._town.clients[0].submit(verb, "alarms", alarm.id, alarm.state_rev, args)] = verb
        except ActionRefused:
            self.not_kept += 1

    def open(self) -> list[str]:
        """Those whose end the screen has not seen."""
        stages = self._town.glass.stages
        return [aid for aid in self.kept if not any(s.final for s in stages.get(aid, []))]


def storm(
    town: Town, rng: random.Random, kills: Iterable[Kill], clicks: Clicks | None = None, rest_s: float = 0.3
) -> int:
    """Each program killed as asked, restarted at once, the load never stopping. Returns the number of kills.

    `rest_s` to three times as long between a restart and the next kill.
    """
    done = 0
    for program, point in kills:
        child = town.hub if program == "hub" else town.feeder
        if point:
            most = next((n for part, n in MOST_PASSES.items() if part in point and "action" not in point), 1)
            child.tell(kill=(point, rng.randint(1, most)))
        until_s = time.monotonic() + (4.0 if point else rng.uniform(0.05, 0.8))
        while not child.dead and time.monotonic() < until_s:
            _turn(town, clicks)
        if child.dead:
            child.reap()
        else:
            child.kill()
        done += 1
        child.start()
        pause_s = time.monotonic() + rng.uniform(rest_s, 3 * rest_s)
        while time.monotonic() < pause_s:
            _turn(town, clicks)
    return done


def _turn(town: Town, clicks: Clicks | None) -> None:
    town.look()
    if clicks is not None:
        clicks.turn()
    time.sleep(0.005)


class Fates(msgspec.Struct):
    """What became of the clicks."""

    clicks: int = 0
    applied: int = 0
    other: int = 0
    """Conflict, refused or expired."""
    wrong: list[str] = []


def audit_clicks(town: Town, kept: dict[str, Verb], shown: Sequence[dict[str, list[Stage]]] = ()) -> Fates:
    """After `quiesce`: each click has one end, the same here and at the hub; applied ones have had one effect.

    `shown`: stages as each screen saw them; the last one there must be the same end.
    """
    fates = Fates(clicks=len(kept))
    here = {aid: (stage, code) for aid, stage, code in town.ops("SELECT aid, stage, code FROM outbox")}
    hub = {aid: (stage, code) for aid, stage, code in town.hub_log("SELECT aid, stage, code FROM action")}
    effects: dict[str, list[str]] = {}
    for cause, feed in town.hub_log("SELECT cause, feed FROM log WHERE cause <> '' ORDER BY feed"):
        effects.setdefault(cause, []).append(feed)
    for aid, verb in kept.items():
        stage, code = here.get(aid, ("missing", ""))
        there = hub.get(aid, ("missing", ""))
        expected = [] if there[0] != "applied" else ["timeline"] if verb is Verb.COMMENT else ["alarms", "timeline"]
        ends = {"applied": {"applied", "duplicate"}}.get(there[0], {there[0]})
        if there[0] == "missing":
            ends = {"expired", "refused"}
        if effects.get(aid, []) != expected:
            fates.wrong.append(f"{aid} {verb}: effects {effects.get(aid, [])} of {there}")
        if stage == there[0] == "missing" and shown and all(s.get(aid) == [Stage.REFUSED] for s in shown):
            continue  # never kept, and refused in words: the person knows
        if stage not in ends:
            fates.wrong.append(f"{aid} {verb}: here {stage} {code}, at the hub {there}")
        for n, stages in enumerate(shown):
            last = [s for s in stages.get(aid, []) if s.final]
            if not last or last[-1].value not in ends:
                fates.wrong.append(
                    f"{aid} {verb}: screen {n} saw {[s.value for s in stages.get(aid, [])]}, hub {there}"
                )
        fates.applied += there[0] == "applied"
        fates.other += there[0] != "applied"
    fates.wrong += [f"{aid}: at the hub, but never clicked" for aid in hub if aid not in kept]
    return fates


def settle(town: Town, clicks: Clicks, timeout_s: float = 30.0) -> None:
    """Everything is live again and every click has its end, as far as the screen can tell."""
    town.until_live(timeout_s)
    end_s = time.monotonic() + timeout_s
    while clicks.open() and time.monotonic() < end_s:
        _turn(town, None)


def summary(*found: Any) -> str:
    """For a failed assertion: the first things that are wrong."""
    return "; ".join(str(f)[:1500] for f in found)
