"""Checks of who covers which areas and sectors. A backend may do without (`cover`). What was covered before is covered
again at the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from backends.conform.actor import NAMELESS, NOT_ALLOWED, Actor, acting, second
from backends.conform.registry import Checks
from backends.conform.room import Room
from backends.conform.wire import Failed, Patience, Skipped
from backends.domain.action import Action, Verb
from backends.domain.people import Operator
from backends.domain.place import Area

CHECKS = Checks()
check = CHECKS.check
SECTOR_LIMIT = 40


def _covers(by: Actor, whom: Operator, areas: tuple[str, ...], sectors: tuple[str, ...], expect: int = 0) -> Action:
    return by.action(Verb.COVER, "roster", whom.id, expect, areas=" ".join(areas), sectors=" ".join(sectors))


ROSTER_S = 2.0
"""From a sign-in to the roster: the hub says it with its next round."""


def _person(actor: Actor, id_: str) -> Operator:
    """His record; who has just signed in may take a moment to get there. Raises Failed where the roster does not know
    who acts."""
    patience = Patience(ROSTER_S)
    while True:
        found: Operator | None = actor.records("roster").get(id_)
        if found is not None:
            return found
        if not (slice_s := patience.slice_s()):
            raise Failed(f"{id_} may act, and is not on the roster {ROSTER_S:g} s later")
        actor.peer.receive(slice_s)


def _others(actor: Actor, before: Operator) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(areas, sectors) that are not what this person covers."""
    areas = tuple(id_ for id_, one in actor.records("config").items() if isinstance(one, Area))[:1]
    return areas, ("traffic",) if before.sectors == ("flood",) else ("flood",)


def _covered(by: Actor, before: Operator, areas: tuple[str, ...], sectors: tuple[str, ...]) -> Operator:
    """Raises Failed where the record does not say so, or says anything else than before beside it."""
    done = by.done(_covers(by, before, areas, sectors, before.rev))
    done.one("cover_changed")
    after: Operator | None = done.record
    if after is None or (after.areas, after.sectors) != (areas, sectors) or after.rev <= before.rev:
        raise Failed(f"{before.id} is to cover {areas}, {sectors}; the record is {after}")
    if (after.name, after.role, after.station_id) != (before.name, before.role, before.station_id):
        raise Failed(f"`cover` has changed more of {before.id} than what it is about: {after}")
    return after


@contextmanager
def _back(by: Actor, before: Operator) -> Iterator[None]:
    """At the end what was covered is covered again."""
    yield
    now = _person(by, before.id)
    if (now.areas, now.sectors) != (before.areas, before.sectors):
        _covered(by, now, before.areas, before.sectors)


@check("cover", "a person looks after areas and sectors from now on, on the roster; what is unknown or old is refused")
def cover(room: Room) -> str:
    with acting(room, Verb.COVER, feed="roster") as actor:
        before = _person(actor, actor.id)
        areas, sectors = _others(actor, before)
        with _back(actor, before):
            _covered(actor, before, areas, sectors)
            actor.conflict("unchanged", _covers(actor, before, areas, sectors))
            actor.conflict("changed", _covers(actor, before, (), ("reports",), before.rev))
            actor.refused("bad_area", _covers(actor, before, (NAMELESS,), ()))
            actor.refused("bad_sector", _covers(actor, before, (), ("x" * (SECTOR_LIMIT + 1),)))
    return f"{', '.join((*areas, *sectors))}"


@check("cover-others", "a shift lead says it for anybody who is there; everybody else for himself alone")
def cover_others(room: Room) -> str:
    with acting(room, Verb.COVER, feed="roster") as actor, second(room, actor) as other:
        by, whom = (actor, other) if actor.leads or not other.leads else (other, actor)
        if not by.grants(Verb.COVER) or not whom.grants(Verb.COVER):
            raise Skipped("one of the two may not cover anything: let operators or shift leads sit there")
        before = _person(by, whom.id)
        areas, sectors = _others(by, before)
        if not by.leads:
            by.refused(NOT_ALLOWED, _covers(by, before, areas, sectors))
            if _person(by, whom.id) != before:
                raise Failed(f"{by.id} has changed what {whom.id} covers")
            return f"{by.id} did not say it for {whom.id}"
        by.conflict("gone", by.action(Verb.COVER, "roster", NAMELESS, areas="", sectors="flood"))
        with _back(by, before):
            _covered(by, before, areas, sectors)
    return f"{by.id} said it for {whom.id}"
