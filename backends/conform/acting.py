"""Checks of actions: stages, one effect for one id, expectation, expiry, refusals."""

from __future__ import annotations

from backends.conform.registry import Checks
from backends.conform.room import Room, changed, peer_now
from backends.conform.wire import Failed, Peer, head_of
from backends.domain.action import Action, Verb, new_aid
from backends.domain.alarm import Alarm, AlarmState
from backends.domain.feeds import Mode
from backends.protocol.codec import decode_body
from backends.protocol.messages import Ack, Act, Envelope, Welcome

CHECKS = Checks()
check = CHECKS.check


def _on_alarm(peer: Peer, verb: Verb, alarm: Alarm, expect: int, expires_at_ns: int = 0) -> Action:
    return Action(new_aid(), verb, "alarms", alarm.id, expect, peer_now(peer), expires_at_ns)


def _ends(acks: list[Ack], stage: str, code: str = "") -> Ack:
    """The final ACK. Raises Failed when it is another one."""
    last = acks[-1]
    if last.stage != stage or (code and last.code != code):
        raise Failed(f"the action ended as {last.stage} {last.code!r}, the protocol says {stage} {code}".rstrip())
    return last


def _untouched(room: Room, peer: Peer, alarm: Alarm) -> None:
    now: Alarm | None = None
    envelope = room.items(peer, "alarms").get(alarm.id)
    if envelope is not None:
        now = decode_body("alarms", envelope.body)
    if now is None or (now.acked_by, now.holder_id) != (alarm.acked_by, alarm.holder_id):
        raise Failed(f"alarm {alarm.id} was acted on, though the action was not applied")


def _effects(room: Room, peer: Peer, joined: Welcome, action: Action) -> list[Envelope]:
    """What it left on `timeline` since that WELCOME."""
    return room.effects(peer, head_of(joined.feeds, "timeline"), action.aid)


def _once(room: Room, peer: Peer, joined: Welcome, action: Action) -> Envelope:
    """Its one effect. Raises Failed when there is none, or more."""
    effects = _effects(room, peer, joined, action)
    if len(effects) != 1:
        raise Failed(f"the action had {len(effects)} effects on timeline, not 1")
    return effects[0]


@check("action", "an action is stored, then applied, and its effect carries its id as `cause`")
def action(room: Room) -> str:
    with room.acting() as (peer, welcome):
        comment = room.comment(peer, "conform: Tiếng Việt có dấu, 1 lần")
        stages = [ack.stage for ack in peer.act(comment)]
        if stages != ["stored", "applied"]:
            raise Failed(f"the stages were {stages}")
        effect = _once(room, peer, welcome, comment)
        if "Tiếng Việt có dấu" not in bytes(effect.body).decode() and "\\u" not in bytes(effect.body).decode():
            raise Failed("the comment's text came back changed")
    return "stored, applied, one effect"


@check("duplicate", "the same action sent again and again has one effect; the answer is `duplicate` with its outcome")
def duplicate(room: Room) -> str:
    with room.acting() as (peer, welcome):
        comment = room.comment(peer, "conform: sent three times")
        for _ in range(3):
            peer.send(Act(comment, peer.place.mode, peer.token))
        finals = [peer.acks(comment)[-1] for _ in range(3)]
        if [ack.stage for ack in finals] != ["applied", "duplicate", "duplicate"]:
            raise Failed(f"sent three times, it ended as {[ack.stage for ack in finals]}")
        if {ack.outcome for ack in finals[1:]} != {"applied"}:
            raise Failed(f"`outcome` of the duplicates is {finals[1].outcome!r}, not applied")
        _once(room, peer, welcome, comment)
    return "one effect"


@check("duplicate-elsewhere", "an action sent again over a new connection is still known")
def duplicate_elsewhere(room: Room) -> str:
    with room.acting() as (peer, welcome):
        comment = room.say(peer, "conform: sent again after a reconnect")
    with room.acting() as (again, _):
        _ends(again.act(comment), "duplicate")
        _once(room, again, welcome, comment)
    return "one effect"


@check("aid-reused", "the same id with other content is refused as aid_reused, without effect")
def aid_reused(room: Room) -> str:
    with room.acting() as (peer, welcome):
        comment = room.say(peer, "conform: the first content")
        other = changed(comment, args={"text": "conform: another content"})
        _ends(peer.act(other), "refused", "aid_reused")
        _once(room, peer, welcome, comment)
    return "refused"


@check("old-revision", "an action that expects another state_rev is a conflict: `changed`")
def old_revision(room: Room) -> str:
    with room.acting() as (peer, _):
        alarm = room.open_alarm(peer, "act on with an old state_rev")
        _ends(peer.act(_on_alarm(peer, Verb.ACKNOWLEDGE, alarm, alarm.state_rev + 1000)), "conflict", "changed")
        _untouched(room, peer, alarm)
    return "conflict"


@check("expired", "an action past its expires_at_ns is `expired`, without effect")
def expired(room: Room) -> str:
    with room.acting() as (peer, _):
        alarm = room.open_alarm(peer, "act on too late")
        late = _on_alarm(peer, Verb.ACKNOWLEDGE, alarm, alarm.state_rev, peer_now(peer) - 1_000_000_000)
        _ends(peer.act(late), "expired")
        _untouched(room, peer, alarm)
    return "expired"


@check("refusals", "what cannot be is said: gone, unsupported, bad_text, bad_aid")
def refusals(room: Room) -> str:
    with room.acting() as (peer, welcome):
        comment = room.comment(peer)
        nothing = Action(new_aid(), Verb.ACKNOWLEDGE, "alarms", "conform-no-such-alarm", 1, comment.made_at_ns)
        _ends(peer.act(nothing), "conflict", "gone")
        _ends(peer.act(changed(nothing, aid=new_aid(), feed="roster")), "refused", "unsupported")
        _ends(peer.act(changed(comment, args={"text": "  "})), "refused", "bad_text")
        _ends(peer.act(changed(comment, aid=new_aid(), args={"text": "x" * 2001})), "refused", "bad_text")
        long_aid = "x" * 65
        peer.send(Act(changed(comment, aid=long_aid), peer.place.mode, peer.token))
        ack: Ack = peer.expect(Ack, about="ACT with an aid of 65 characters")
        _ends([ack], "refused", "bad_aid")
        if any(_effects(room, peer, welcome, refused) for refused in (nothing, comment)):
            raise Failed("a refused action left something on timeline")
    return "all four"


@check("action-mode", "an action of a foreign mode is refused as `mode`, without effect")
def action_mode(room: Room) -> str:
    with room.acting() as (peer, welcome):
        comment = room.comment(peer, "conform: from a training")
        foreign = next(mode for mode in (Mode.EXERCISE, Mode.DEMO) if mode is not peer.place.mode)
        _ends(peer.act(comment, foreign), "refused", "mode")
        if _effects(room, peer, welcome, comment):
            raise Failed("it took effect")
    return "refused"


@check("claim", "a claim also acknowledges, comes back on `alarms` with its cause, and a second one names the holder")
def claim(room: Room) -> str:
    with room.acting() as (peer, welcome):
        alarm = room.open_alarm(peer, "claim")
        start = head_of(peer.hello().feeds, "alarms")
        first = _on_alarm(peer, Verb.CLAIM, alarm, alarm.state_rev)
        applied = _ends(peer.act(first), "applied")
        echo = [e for e in peer.fetch_all("alarms", start.epoch, start.head) if e.cause == first.aid]
        if len(echo) != 1 or echo[0].id != alarm.id or echo[0].rev != applied.rev:
            raise Failed(f"{len(echo)} records on alarms carry the claim as cause; ACK says rev {applied.rev}")
        held: Alarm = decode_body("alarms", echo[0].body)
        if held.state is not AlarmState.ACKNOWLEDGED or held.holder_id != welcome.operator_id or not held.acked_by:
            raise Failed(
                f"after the claim: state {held.state.value}, holder {held.holder_id!r}, acked_by {held.acked_by!r}"
            )
        if held.state_rev <= alarm.state_rev:
            raise Failed("a claim must move state_rev")
        late = _ends(peer.act(_on_alarm(peer, Verb.CLAIM, alarm, held.state_rev)), "conflict", "already_claimed")
        if late.text != held.holder:
            raise Failed(f"the second claim's text is {late.text!r}, the holder is {held.holder!r}")
    return f"held by {held.holder}"
