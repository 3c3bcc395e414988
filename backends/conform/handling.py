"""Checks of what people do to alarms beside the claim: acknowledge, release, shelve, take out of service.

An alarm is left as it was found, but for one that is acknowledged. A backend may do without each of these verbs.
"""

from __future__ import annotations

from backends.conform.actor import NAMELESS, Actor, acting, second
from backends.conform.registry import Checks
from backends.conform.room import Room
from backends.conform.wire import Failed, Skipped
from backends.domain.access import SHELVE_MOST_S
from backends.domain.action import Action, Verb
from backends.domain.alarm import Alarm, AlarmState, list_order
from backends.domain.people import Role
from backends.domain.times import NS_PER_S
from backends.protocol.codec import decode_body

CHECKS = Checks()
check = CHECKS.check
REASON = "conform: maintenance"
REASON_LIMIT = 200
SHELVED_S = 2.0
"""For so long an alarm is set aside that must come back by itself."""
BACK_S = 3.0
"""It is back so soon after its time."""
STANDING = (AlarmState.UNACKNOWLEDGED, AlarmState.ACKNOWLEDGED)
HOUR_NS = 3600 * NS_PER_S


def standing(actor: Actor, why: str) -> Alarm:
    """An alarm whose cause is there, in nobody's hands, acknowledged ones first. Raises Skipped."""
    alarms = [one for one in actor.records("alarms").values() if one.state in STANDING and not one.holder_id]
    if not alarms:
        raise Skipped(f"no alarm that is active and in nobody's hands to {why}: provide one")
    found: Alarm = max(alarms, key=list_order)
    return found


def stands(actor: Actor, alarm: Alarm, **fields: object) -> None:
    """Raises Failed where one of these is otherwise in the record."""
    for name, value in fields.items():
        if (is_so := getattr(alarm, name)) != value:
            raise Failed(f"after it `{name}` of alarm {alarm.id} is {is_so!r}, not {value!r} ({actor.id})")


def moved(before: Alarm, after: Alarm | None) -> Alarm:
    """What became of it. Raises Failed where it has gone, or where its `state_rev` has not risen."""
    if after is None:
        raise Failed(f"alarm {before.id} left the feed")
    if after.state_rev <= before.state_rev or after.rev <= before.rev:
        raise Failed(f"alarm {before.id}: `rev` and `state_rev` must rise, they are {after.rev}, {after.state_rev}")
    return after


@check("release", "who has claimed an alarm gives it back: it is in nobody's hands, stays acknowledged, and moves")
def release(room: Room) -> str:
    with acting(room, Verb.CLAIM, Verb.RELEASE, feed="alarms") as actor:
        alarm = standing(actor, "claim and give back")
        actor.conflict("not_claimed", actor.action(Verb.RELEASE, "alarms", alarm.id))
        claimed = moved(alarm, actor.done(actor.action(Verb.CLAIM, "alarms", alarm.id)).record)
        actor.conflict("changed", actor.action(Verb.RELEASE, "alarms", alarm.id, alarm.state_rev))
        done = actor.done(actor.action(Verb.RELEASE, "alarms", alarm.id, claimed.state_rev))
        done.one("alarm_released")
        free = moved(claimed, done.record)
        stands(actor, free, holder="", holder_id="", state=AlarmState.ACKNOWLEDGED, acked_by=claimed.acked_by)
        actor.conflict("not_claimed", actor.action(Verb.RELEASE, "alarms", alarm.id))
    return alarm.id


@check("release-held", "an operator gives back only what he has himself; a shift lead also what another one has")
def release_held(room: Room) -> str:
    with acting(room, Verb.CLAIM, Verb.RELEASE, feed="alarms") as actor, second(room, actor) as other:
        alarm = standing(actor, "claim and give back")
        claimed = moved(alarm, actor.done(actor.action(Verb.CLAIM, "alarms", alarm.id)).record)
        theirs = other.action(Verb.RELEASE, "alarms", alarm.id, claimed.state_rev)
        if other.leads:
            stands(other, moved(claimed, other.done(theirs).record), holder="", holder_id="")
            return f"{other.id} gave back what {actor.id} had"
        ack = other.conflict("already_claimed", theirs)
        actor.done(actor.action(Verb.RELEASE, "alarms", alarm.id, claimed.state_rev))
        if ack.text != claimed.holder:
            raise Failed(f"the text of the conflict is {ack.text!r}, the holder is {claimed.holder!r}")
    return f"{other.id} did not give back what {actor.id} had"


@check("shelve", "an alarm is set aside until a time, with a reason and who did; a person takes it back")
def shelve(room: Room) -> str:
    with acting(room, Verb.SHELVE, Verb.UNSHELVE, feed="alarms") as actor:
        alarm = standing(actor, "set aside")
        now_ns = actor.now_ns()
        until = str(now_ns + HOUR_NS // 2)
        for reason in ("", " ", "x" * (REASON_LIMIT + 1)):
            actor.refused("bad_reason", _shelved(actor, alarm, until, reason))
        for wrong in ("", "soon", str(now_ns - 1), "-1", "9" * 30):
            actor.refused("bad_until", _shelved(actor, alarm, wrong))
        most_s = max(SHELVE_MOST_S.values()) if actor.leads else SHELVE_MOST_S[Role.OPERATOR]
        actor.refused("too_long", _shelved(actor, alarm, str(now_ns + int((most_s + 600) * NS_PER_S))))
        actor.conflict("not_shelved", actor.action(Verb.UNSHELVE, "alarms", alarm.id))
        done = actor.done(_shelved(actor, alarm, until, expect=alarm.state_rev))
        done.one("alarm_shelved")
        aside = moved(alarm, done.record)
        stands(actor, aside, state=AlarmState.SHELVED, shelved_until_ns=int(until), shelve_reason=REASON)
        if not aside.shelved_by:
            raise Failed(f"alarm {alarm.id} is shelved, and `shelved_by` says nobody")
        ack = actor.conflict("already_shelved", _shelved(actor, alarm, until))
        if ack.text != aside.shelved_by:
            raise Failed(f"the text of already_shelved is {ack.text!r}, shelved by {aside.shelved_by!r}")
        back = actor.done(actor.action(Verb.UNSHELVE, "alarms", alarm.id, aside.state_rev))
        back.one("alarm_unshelved")
        stands(actor, moved(aside, back.record), state=AlarmState.UNACKNOWLEDGED, shelved_until_ns=0, shelved_by="")
    return alarm.id


def _shelved(actor: Actor, alarm: Alarm, until: str, reason: str = REASON, expect: int = 0) -> Action:
    return actor.action(Verb.SHELVE, "alarms", alarm.id, expect, until_ns=until, reason=reason)


@check("shelve-over", "an alarm that was set aside comes back by itself when its time is up, and says so")
def shelve_over(room: Room) -> str:
    with acting(room, Verb.SHELVE, feed="alarms") as actor:
        alarm = standing(actor, "set aside for two seconds")
        until_ns = actor.now_ns() + int(SHELVED_S * actor.welcome.rate * NS_PER_S)
        actor.done(_shelved(actor, alarm, str(until_ns)))
        event = actor.until(
            f"alarm {alarm.id} does not come back from being set aside for {SHELVED_S:g} s", "timeline",
            lambda one: (found := decode_body("timeline", one.body)).what == "alarm_unshelved"
            and found.target == alarm.id and not one.cause, SHELVED_S + BACK_S,
        )  # fmt: skip
        if event.t < until_ns:
            raise Failed(f"it came back {(until_ns - event.t) / NS_PER_S:.1f} s too early")
        back = actor.records("alarms").get(alarm.id)
        if back is None or back.state is not AlarmState.UNACKNOWLEDGED or back.shelved_until_ns:
            raise Failed(f"after its time the record of {alarm.id} is not in the list, unacknowledged")
    return f"after {SHELVED_S:g} s"


@check("out-of-service", "an alarm is taken out of service with a reason and who did, and put into service again")
def out_of_service(room: Room) -> str:
    with acting(room, Verb.OUT_OF_SERVICE, Verb.IN_SERVICE, feed="alarms") as actor:
        alarm = standing(actor, "take out of service")
        for reason in ("", " ", "x" * (REASON_LIMIT + 1)):
            actor.refused("bad_reason", actor.action(Verb.OUT_OF_SERVICE, "alarms", alarm.id, reason=reason))
        actor.conflict("not_out_of_service", actor.action(Verb.IN_SERVICE, "alarms", alarm.id))
        done = actor.done(actor.action(Verb.OUT_OF_SERVICE, "alarms", alarm.id, alarm.state_rev, reason=REASON))
        done.one("alarm_out_of_service")
        out = moved(alarm, done.record)
        stands(actor, out, state=AlarmState.OUT_OF_SERVICE, oos_reason=REASON)
        if not out.oos_by or not out.t_oos_ns:
            raise Failed(f"alarm {alarm.id} is out of service by {out.oos_by!r}, since {out.t_oos_ns}")
        again = actor.action(Verb.OUT_OF_SERVICE, "alarms", alarm.id, reason=REASON)
        if (said := actor.conflict("already_out_of_service", again).text) != out.oos_by:
            raise Failed(f"the text of already_out_of_service is {said!r}, it was {out.oos_by!r}")
        if actor.grants(Verb.SHELVE):
            actor.conflict("not_active", _shelved(actor, alarm, str(actor.now_ns() + HOUR_NS // 2)))
        back = actor.done(actor.action(Verb.IN_SERVICE, "alarms", alarm.id, out.state_rev))
        back.one("alarm_in_service")
        stands(actor, moved(out, back.record), state=AlarmState.UNACKNOWLEDGED, oos_by="", oos_reason="", t_oos_ns=0)
    return alarm.id


@check("reset", "what is not latched is not reset; a latched alarm is over with its reset")
def reset(room: Room) -> str:
    with acting(room, Verb.RESET, feed="alarms") as actor:
        actor.conflict("gone", actor.action(Verb.RESET, "alarms", NAMELESS))
        actor.conflict("not_latched", actor.action(Verb.RESET, "alarms", standing(actor, "reset in vain").id))
        latched = _latched(actor)
        actor.done(actor.action(Verb.RESET, "alarms", latched.id, latched.state_rev)).one("alarm_reset")
        if latched.id in actor.records("alarms"):
            raise Failed(f"alarm {latched.id} was reset, and is still in the feed")
    return latched.id


def _latched(actor: Actor) -> Alarm:
    """One whose cause has gone, acknowledged. Raises Skipped."""
    alarms: list[Alarm] = list(actor.records("alarms").values())
    for alarm in alarms:
        if alarm.state is AlarmState.LATCHED:
            return alarm
    for alarm in alarms:
        if alarm.latching and alarm.state is AlarmState.RETURNED and actor.grants(Verb.ACKNOWLEDGE):
            seen: Alarm = actor.done(actor.action(Verb.ACKNOWLEDGE, "alarms", alarm.id, alarm.state_rev)).record
            stands(actor, moved(alarm, seen), state=AlarmState.LATCHED)
            return seen
    raise Skipped("no alarm that latches and whose cause has gone: provide one")


@check("acknowledge", "an acknowledgement says who and when; what is already acknowledged is said, not done again")
def acknowledge(room: Room) -> str:
    with acting(room, Verb.ACKNOWLEDGE, feed="alarms") as actor:
        alarm = room.open_alarm(actor.peer, "acknowledge")
        done = actor.done(actor.action(Verb.ACKNOWLEDGE, "alarms", alarm.id, alarm.state_rev))
        done.one("alarm_acknowledged")
        if done.record is not None:  # one whose cause has gone is over
            seen = moved(alarm, done.record)
            if not seen.acked_by or not seen.t_acked_ns or seen.unacknowledged:
                raise Failed(f"{alarm.id} was acknowledged by {seen.acked_by!r} at {seen.t_acked_ns}: {seen.state}")
            actor.conflict("already_acknowledged", actor.action(Verb.ACKNOWLEDGE, "alarms", alarm.id))
    return alarm.id
