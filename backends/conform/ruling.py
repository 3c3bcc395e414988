"""Checks of what is said for the whole room: layouts that are given out, and settings of the centre. A backend may do
without (`push_layout`, `configure`). The layout `conform` stays; a rule gets back what its source gives."""

from __future__ import annotations

import datetime

import msgspec

from backends.conform.actor import NAMELESS, Actor, acting, managing, offered
from backends.conform.registry import Checks
from backends.conform.room import Room
from backends.conform.wire import Failed, Skipped
from backends.domain.action import Action, Verb
from backends.domain.incident import LayoutRecord
from backends.domain.place import SlaRule
from backends.domain.settings import SETTING, Setting
from backends.domain.times import NS_PER_S

CHECKS = Checks()
check = CHECKS.check
LAYOUT = "conform"
NAME_LIMIT = 80
TOML_LIMIT = 64 << 10
TOML = 'version = 1\nname = "conform"\n'
REASON = "conform: a test"
VIETNAM_NS = 7 * 3600 * NS_PER_S


def _pushed(actor: Actor, expect: int = 0, target: str = LAYOUT, **other: str) -> Action:
    args = {"name_vi": "Thử", "name_en": "Conform", "toml": TOML, **other}
    return actor.action(Verb.PUSH_LAYOUT, "layouts", target, expect, **args)


@check("layout", "a layout that is given out is there for all, with its name and text; what is none is refused")
def layout(room: Room) -> str:
    with acting(room, Verb.PUSH_LAYOUT, feed="layouts") as actor:
        actor.refused("unsupported", _pushed(actor, target="Conform X"))
        actor.refused("bad_text", _pushed(actor, name_vi=" "))
        actor.refused("bad_text", _pushed(actor, name_vi="x" * (NAME_LIMIT + 1)))
        for toml in ("", "= no TOML", "#" * (TOML_LIMIT + 1)):
            actor.refused("bad_layout", _pushed(actor, toml=toml))
        before: LayoutRecord | None = actor.records("layouts").get(LAYOUT)
        done = actor.done(_pushed(actor, before.rev if before is not None else 0))
        done.one("layout_pushed")
        after: LayoutRecord | None = done.record
        if after is None or (after.toml, after.name.vi, after.name.get("en")) != (TOML, "Thử", "Conform"):
            raise Failed(f"the layout came back as {after}")
        actor.conflict("changed", _pushed(actor, after.rev + 1))
    return LAYOUT


def _configured(actor: Actor, rule: SlaRule, expect: int, day: str, hours: float | None) -> Action:
    """`hours` None: what the source gives again."""
    record = msgspec.structs.replace(rule, hours=hours) if hours is not None else None
    json = {"json": msgspec.json.encode(record).decode()} if record is not None else {}
    return actor.action(Verb.CONFIGURE, "config", rule.id, expect, valid_from=day, reason=REASON, **json)


@check("configure", "a rule that an administrator changes holds from its day, and what its source gives again after it")
def configure(room: Room) -> str:
    with managing(room, Verb.CONFIGURE) as actor:
        offered(actor, Verb.CONFIGURE, "config")
        config = actor.records("config")
        rule = next((one for one in config.values() if isinstance(one, SlaRule)), None)
        if rule is None:
            raise Skipped("no SLA rule in the feed config: provide one")
        setting: Setting | None = config.get(SETTING + rule.id)
        rev = setting.rev if setting is not None else 0
        day = _day(actor)
        actor.refused("bad_hours", _configured(actor, rule, rev, day, -1.0))
        actor.refused("bad_day", _configured(actor, rule, rev, "some day", 1.0))
        actor.refused("day_over", _configured(actor, rule, rev, "2020-01-01", 1.0))
        actor.conflict("changed", _configured(actor, rule, rev + 1, day, rule.hours + 1))
        missing = msgspec.structs.replace(rule, id=NAMELESS)
        actor.refused("nothing_given", _configured(actor, missing, 0, day, None))
        done = actor.done(_configured(actor, rule, rev, day, rule.hours + 1))
        done.one("setting_changed")
        _holds(actor, rule.id, rule.hours + 1)
        back = actor.done(_configured(actor, rule, done.ack.rev, day, None))
        given = back.record.given if back.record is not None else None
        _holds(actor, rule.id, given.hours if isinstance(given, SlaRule) else rule.hours)
    return rule.id


def _day(actor: Actor) -> str:
    """Today in Vietnam, by the backend's clock."""
    return datetime.datetime.fromtimestamp((actor.now_ns() + VIETNAM_NS) // NS_PER_S, datetime.UTC).date().isoformat()


def _holds(actor: Actor, id_: str, hours: float) -> None:
    """Raises Failed."""
    rule: SlaRule = actor.records("config")[id_]
    if rule.hours != hours:
        raise Failed(f"rule {id_} has {rule.hours:g} hours, {hours:g} were decided")
