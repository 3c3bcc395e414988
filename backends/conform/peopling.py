"""Checks of people: what each may do, that a session is its station's and ends, and accounts.

A backend may seat people itself: SIGNIN is `not_here` then, and what is about sessions and accounts is not offered. The
account `conform-check` is made where there is none, and stays, disabled.
"""

from __future__ import annotations

import itertools
from collections import Counter

import msgspec

from backends.conform.actor import NAMELESS, NOT_ALLOWED, UNSUPPORTED, Actor, acting, managing, needs_session, second
from backends.conform.registry import Checks
from backends.conform.room import ACTED_ON, Room
from backends.conform.wire import ANSWER_S, Failed, NotOffered, Patience, Peer, Skipped, name_of
from backends.domain.access import GRANTS, AccountSeen, Right
from backends.domain.action import REPORT_VERBS, Action, Stage, Verb
from backends.domain.people import Role
from backends.protocol.messages import VERSION, Accounted, Accounts, Ack, Act, Signed, SignIn, SignOut

CHECKS = Checks()
check = CHECKS.check
NOBODY = "nobody_signed_in"
PERSON, NAME = "conform-check", "Conform Check"
WRONG = "conform: no secret of anybody"
QUIET_S = 2.0
"""After the last ACK: no more come."""
_requests = itertools.count(1)

_ON = {
    **dict.fromkeys(Verb, ("alarms",)), **dict.fromkeys(REPORT_VERBS, ("reports",)),
    Verb.CLAIM: ("alarms", "reports"), Verb.RELEASE: ("alarms", "reports"), Verb.COMMENT: ACTED_ON,
    Verb.PUSH_LAYOUT: ("layouts",), Verb.CONFIGURE: ("config",), Verb.COVER: ("roster",), Verb.LOG: ("timeline",),
    Verb.HAND_OVER: ("handovers",), Verb.TAKE_OVER: ("handovers",),
}  # fmt: skip
"""Where each verb is at home."""


def _harmless(actor: Actor) -> list[Action]:
    """Actions of each verb that come to nothing, whoever sends them: about nothing, and without what they need."""
    probes = [actor.action(verb, feed, NAMELESS) for verb, feeds in _ON.items() for feed in feeds]
    own = actor.action(Verb.COVER, "roster", actor.id, areas=NAMELESS, sectors="")
    return [own if probe.verb is Verb.COVER else probe for probe in probes]


@check("grants", "`grants` say what a person may do: that is offered, and everything else is refused")
def grants(room: Room) -> str:
    with acting(room) as actor:
        table = GRANTS.get(_role(actor), frozenset())
        beyond = [right for right in actor.welcome.grants if right in {*Right} and right not in table]
        if beyond:
            raise Failed(f"`grants` of the role {actor.welcome.role!r} name {beyond[0]}, which it does not have")
        probes = _harmless(actor)
        for probe in probes:
            actor.peer.send(Act(probe, actor.peer.place.mode, actor.peer.token))
        finals = _finals(actor, probes)
        refused: Counter[Verb] = Counter()
        for probe in probes:
            ack, key, what = finals.get(probe.aid), probe.verb.value, name_of(Act(probe, actor.peer.place.mode))
            no = ack is None or ack.code in (UNSUPPORTED, NOT_ALLOWED)
            if ack is not None and no and ack.stage != Stage.REFUSED.value:
                raise Failed(f"{what} ended as {ack.stage} {ack.code}; that is a refusal")
            refused[probe.verb] += no
            if ack is not None and ack.stage == Stage.APPLIED.value:
                raise Failed(f"{what} was applied, about nothing")
            if actor.grants(probe.verb) and refused[probe.verb] == len(_ON[probe.verb]):
                raise Failed(f"`grants` name {key}, and {what} ended as {ack.code if ack else 'nothing'}")
            if not actor.grants(probe.verb) and not no and ack is not None:
                raise Failed(f"`grants` do not name {key}, and {what} ended as {ack.stage} {ack.code}")
        granted = sum(actor.grants(verb) for verb in Verb)
    return f"{granted} of {len(Verb)} verbs for {actor.welcome.role or 'a person without a role'}"


def _role(actor: Actor) -> Role:
    try:
        return Role(actor.welcome.role)
    except ValueError:
        raise Failed(f"{actor.id} may act, and has the role {actor.welcome.role!r}, which there is not") from None


def _finals(actor: Actor, probes: list[Action]) -> dict[str, Ack]:
    """Final ACKs by aid. What is not granted need not be known, and then gets none: that is not waited for long."""
    finals: dict[str, Ack] = {}
    needed = {probe.aid for probe in probes if actor.grants(probe.verb)}
    while len(finals) < len(probes):
        ack = actor.peer.within(Patience(QUIET_S if finals.keys() >= needed else ANSWER_S), Ack)
        if ack is None:
            break
        if ack.stage != Stage.STORED.value:
            finals[ack.aid] = ack
    return finals


@check("judged-anew", "who is not signed in is refused without a trace: the same action counts once somebody is")
def judged_anew(room: Room) -> str:
    with acting(room) as actor:
        token = needs_session(actor)
        comment = room.comment(actor.peer, "conform: clicked before the session was known")
        for foreign in ("", NAMELESS):
            actor.peer.token = foreign
            acks = actor.peer.act(comment)
            if [(ack.stage, ack.code) for ack in acks] != [(Stage.REFUSED.value, NOBODY)]:
                raise Failed(f"without a session ACT ended as {[(ack.stage, ack.code) for ack in acks]}")
        actor.peer.token = token
        actor.done(comment).one("comment")
    return "refused, then applied"


@check("forged-actor", "who acts is told by the key and the session alone: what an action says of it changes nothing")
def forged_actor(room: Room) -> str:
    with acting(room) as actor:
        comment = room.comment(actor.peer, "conform: under another name")
        forged = {"person": NAMELESS, "actor": NAMELESS, "operator_id": NAMELESS, "station": NAMELESS, "role": "admin"}
        act = {"msg": "ACT", "mode": actor.peer.place.mode.value, "token": actor.peer.token, **forged}
        raw = {**act, "action": {**msgspec.to_builtins(comment), **forged}}
        actor.peer.send_raw(VERSION, msgspec.json.encode(raw))
        if (last := actor.peer.acks(comment)[-1]).stage != Stage.APPLIED.value:
            raise Failed(f"an action with fields that nobody knows ended as {last.stage} {last.code}")
        (event,) = actor.events(comment.aid) or (None,)
        if event is None or event.actor != actor.id:
            raise Failed(f"{event.actor if event else 'nobody'} has acted, and {actor.id} it was")
    return f"it stays {actor.id}"


@check("sign-in", "a wrong secret and an unknown person are refused in the same words, or nobody signs in here")
def sign_in(room: Room) -> str:
    with room.joined() as (peer, _):
        desk = room.first
        answers = [_signed(peer, NAMELESS, WRONG)]
        if answers[0].code == "not_here":
            return "not_here"
        if desk.person:
            answers.append(_signed(peer, desk.person, WRONG))
        if any(one.code == "wait" for one in answers):
            raise Skipped("too many wrong secrets here lately: try again in an hour")
        if any((one.code, one.token, one.operator_id, one.text) != ("refused", "", "", "") for one in answers):
            raise Failed(f"SIGNIN with a wrong secret ended as {[one.code for one in answers]}, or says who it was")
        if (out := _signed_out(peer, NAMELESS)) != "signed_out":
            raise Failed(f"SIGNOUT of an unknown token ended as {out!r}")
    return "refused"


def _signed(peer: Peer, person: str, secret: str) -> Signed:
    signed: Signed = peer.ask(SignIn(next(_requests), person, secret), Signed)
    return signed


def _signed_out(peer: Peer, token: str) -> str:
    signed: Signed = peer.ask(SignOut(next(_requests), token), Signed)
    return signed.code


@check("sign-out", "a session says who it is, and ends with SIGNOUT: nothing counts under its token any more")
def sign_out(room: Room) -> str:
    with acting(room) as actor:
        needs_session(actor)
        desk = room.first
        signed = _signed(actor.peer, desk.person, desk.secret)
        if signed.code or signed.operator_id != actor.id or signed.token in ("", actor.peer.token):
            raise Failed(f"a second SIGNIN of {actor.id} ended as {signed.code!r}, {signed.operator_id!r}")
        if (set(signed.grants), signed.role) != (set(actor.welcome.grants), actor.welcome.role):
            raise Failed(f"SIGNED and WELCOME do not say the same of what {actor.id} may do")
        for _ in range(2):
            if (code := _signed_out(actor.peer, signed.token)) != "signed_out":
                raise Failed(f"SIGNOUT ended as {code!r}")
        _counts_no_more(actor, signed.token)
        room.say(actor.peer, "conform: under the session that goes on")
    return "signed_out"


def _counts_no_more(actor: Actor, token: str) -> None:
    """Raises Failed."""
    kept, actor.peer.token = actor.peer.token, token
    try:
        ack = actor.peer.act(actor.room.comment(actor.peer, "conform: under a token that does not count"))[-1]
        if ack.code != NOBODY:
            raise Failed(f"under a token that does not count ACT ended as {ack.stage} {ack.code}")
        if (person := actor.peer.hello().operator_id) == actor.id and person:
            raise Failed(f"a token that does not count makes HELLO say {person}")
    finally:
        actor.peer.token = kept


@check("token-elsewhere", "a token counts at the station where it was given, and at no other one")
def token_elsewhere(room: Room) -> str:
    with acting(room) as actor:
        token = needs_session(actor)
        with second(room, actor) as other:
            kept, other.peer.token = other.peer.token, token
            ack = other.peer.act(room.comment(other.peer, "conform: under another station's token"))[-1]
            other.peer.token = kept
            if ack.code != NOBODY:
                raise Failed(f"under the token of {actor.welcome.station} ACT of another station ended as {ack.code!r}")
    return NOBODY


# --- accounts -------------------------------------------------------------------------------------------------------


def _ask(actor: Actor, act: str, token: str | None = None, **fields: object) -> Accounted:
    token = actor.peer.token if token is None else token
    question = Accounts(next(_requests), act, token=token, **fields)  # type: ignore[arg-type]  # by name, as it has them
    answer: Accounted = actor.peer.ask(question, Accounted)
    return answer


def _answered(actor: Actor, code: str, act: str, token: str | None = None, **fields: object) -> Accounted:
    """Raises Failed when it is answered otherwise, or a refusal tells a secret."""
    answer = _ask(actor, act, token, **fields)
    if answer.code != code or (code and answer.secret):
        said = {name: value for name, value in fields.items() if name not in ("secret", "old")}
        raise Failed(f"ACCOUNTS {act} {said} ended as {answer.code!r}, the protocol says {code!r}")
    return answer


def _offered(room: Room, actor: Actor) -> None:
    """Raises NotOffered or Skipped."""
    needs_session(actor)
    if "ACCOUNTS" not in room.absent:
        question = Accounts(next(_requests), token=actor.peer.token)
        if actor.peer.answers(question, Accounted):
            return
        room.absent["ACCOUNTS"] = "ACCOUNTS gets no answer"
    raise NotOffered(room.absent["ACCOUNTS"])


def _own(actor: Actor, accounts: tuple[AccountSeen, ...]) -> AccountSeen:
    """Raises Failed."""
    own = next((one for one in accounts if one.id == actor.id), None)
    if own is None or own.role != actor.welcome.role or actor.welcome.station not in own.stations:
        raise Failed(f"{actor.id} sits at {actor.welcome.station}, his account is {own}")
    return own


@check("accounts", "everybody sees his own account, and only shift lead and admin those of others")
def accounts(room: Room) -> str:
    with acting(room) as actor:
        _offered(room, actor)
        seen = _answered(actor, "", "list").accounts
        _own(actor, seen)
        all_of_them = actor.grants(Right.READ_AUDIT) or actor.grants(Right.MANAGE_ACCOUNTS)
        if len(seen) != 1 and not all_of_them:
            raise Failed(f"{actor.id} may not see the accounts of others, and is told {len(seen)}")
        for token in ("", NAMELESS):
            if _answered(actor, NOBODY, "list", token).accounts:
                raise Failed("accounts are told to nobody")
    return f"{len(seen)} for {actor.welcome.role}"


@check(
    "accounts-rights",
    "only an administrator changes accounts, and nobody a secret without the present one",
)
def accounts_rights(room: Room) -> str:
    with acting(room) as actor:
        _offered(room, actor)
        if actor.grants(Right.MANAGE_ACCOUNTS):
            raise Skipped(f"{actor.id} may change accounts: let somebody else sit there (--person ID)")
        before = _answered(actor, "", "list").accounts
        own = _own(actor, before)
        for act in ("role", "disable", "enable", "secret", "unlock"):
            for person, rev in ((PERSON, 1), (actor.id, own.rev)):
                _answered(actor, NOT_ALLOWED, act, person=person, rev=rev, role=Role.ADMIN.value)
        _answered(actor, NOT_ALLOWED, "add", person="conform-forged", name=NAME, role=Role.ADMIN.value)
        _answered(actor, "bad_act", NAMELESS)
        code = _ask(actor, "own", secret="conform: another secret", old=WRONG).code
        if code not in ("wrong_secret", "wait"):
            raise Failed(f"ACCOUNTS own with a wrong present secret ended as {code!r}, not wrong_secret")
        after = _answered(actor, "", "list").accounts
        if [(one.id, one.role, one.rev, one.disabled) for one in after] != [
            (one.id, one.role, one.rev, one.disabled) for one in before
        ]:
            raise Failed("accounts have changed, though nothing of it was allowed")
    return f"{NOT_ALLOWED}, bad_act, wrong_secret"


@check("accounts-change", "an administrator makes, changes and disables an account: at once, and by what was seen")
def accounts_change(room: Room) -> str:
    with acting(room) as someone:
        _offered(room, someone)
    with managing(room, Right.MANAGE_ACCOUNTS) as actor:
        if not actor.grants(Right.MANAGE_ACCOUNTS):
            raise Skipped(f"{actor.id} may not change accounts: let the role admin sit there (--admin-person ID)")
        for code, fields in {
            "bad_id": {"person": "Conform X", "name": NAME, "role": "viewer"},
            "bad_name": {"person": "conform-forged", "name": " ", "role": "viewer"},
            "bad_role": {"person": "conform-forged", "name": NAME, "role": "king"},
            "exists": {"person": actor.id, "name": NAME, "role": "viewer"},
        }.items():
            _answered(actor, code, "add", **fields)
        rev = next(one.rev for one in _ask(actor, "list").accounts if one.id == actor.id)
        _answered(actor, "self", "disable", person=actor.id, rev=rev)
        _answered(actor, "unknown", "disable", person="conform-forged", rev=1)
        secret = _new_secret(actor)
        signed = _signed(actor.peer, PERSON, secret)
        if signed.code or signed.text != "own_secret" or signed.offline_s:
            raise Failed(f"a secret that was given signs in as {signed.code!r} {signed.text!r}, {signed.offline_s:g} s")
        account = _account(actor)
        _answered(actor, "changed", "role", person=PERSON, rev=account.rev - 1, role="trainer")
        _answered(actor, "", "role", person=PERSON, rev=account.rev, role="trainer")
        account = _account(actor, role="trainer")
        _answered(actor, "", "disable", person=PERSON, rev=account.rev)
        account = _account(actor, disabled=True)
        _counts_no_more(actor, signed.token)
        _signed_out(actor.peer, signed.token)
        if (code := _signed(actor.peer, PERSON, secret).code) != "disabled":
            raise Failed(f"a person whose account is disabled signs in as {code!r}")
        told = [event.what for event in actor.events() if event.target == PERSON and event.actor == actor.id]
        if told[-2:] != ["account_role", "account_disabled"]:
            raise Failed(f"the timeline tells {told} of {PERSON}")
    return f"{PERSON} by {actor.id}"


def _new_secret(actor: Actor) -> str:
    """Of the account that the check is made with; asked for twice, as if the answer was lost. Raises Failed."""
    before = next((one for one in _ask(actor, "list").accounts if one.id == PERSON), None)
    if before is not None and before.disabled:
        _answered(actor, "", "enable", person=PERSON, rev=before.rev)
        before = _account(actor)
    if before is None:
        question = Accounts(next(_requests), "add", PERSON, 0, NAME, "viewer", token=actor.peer.token)
    else:
        question = Accounts(next(_requests), "secret", PERSON, before.rev, token=actor.peer.token)
    first: Accounted = actor.peer.ask(question, Accounted)
    again: Accounted = actor.peer.ask(question, Accounted)
    if first.code or not first.secret or not first.until:
        raise Failed(f"ACCOUNTS {question.act} ended as {first.code!r}, with a secret: {bool(first.secret)}")
    if (again.code, again.secret) != ("", first.secret):
        raise Failed(f"ACCOUNTS {question.act}, asked again, ended as {again.code!r}, or with another secret")
    return first.secret


def _account(actor: Actor, **fields: object) -> AccountSeen:
    """As it is now. Raises Failed where one of these is otherwise."""
    found = next((one for one in _ask(actor, "list").accounts if one.id == PERSON), None)
    if found is None:
        raise Failed(f"the account {PERSON} is not in the list")
    for name, value in fields.items():
        if getattr(found, name) != value:
            raise Failed(f"`{name}` of the account {PERSON} is {getattr(found, name)!r}, not {value!r}")
    return found
