"""The conversations that docs/protocol/transcripts shows: what is said in each, step by step. A new one is a function.

Its docstring is the title; `scene(...)` names the hub's options. Record with `python -m helpers.transcripts NAME`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from helpers.hub_people import SECRET
from helpers.transcripts import STATION, Scribe

from backends.domain.limits import day_of

Scene = Callable[[Scribe], None]
SCENES: dict[str, tuple[str, dict[str, Any], Scene]] = {}
MINUTE = 60_000_000_000
HELLO = {"msg": "HELLO", "station": "desk-1", "mode": "demo", "versions": [1], "enc": ["json"]}


def scene(**options: Any) -> Callable[[Scene], Scene]:
    def register(play: Scene) -> Scene:
        SCENES[play.__name__.replace("_", "-")] = (" ".join((play.__doc__ or "").split()), options, play)
        return play

    return register


def hello(s: Scribe, note: str = "joins", **more: Any) -> dict[str, Any]:
    return s.say(note, {**HELLO, **more})


def aid(n: int) -> str:
    return f"0193a1b2-7c3d-7e4f-8a5b-{n:012d}"


def action(n: int, verb: str, target: str, expect: int = 0, **more: Any) -> dict[str, Any]:
    now = time.time_ns()
    return {
        "aid": aid(n), "verb": verb, "feed": "alarms", "target": target, "expect_state_rev": expect,
        "made_at_ns": now, "expires_at_ns": now + 15 * MINUTE, "cseq": n, **more,
    }  # fmt: skip


def act(n: int, verb: str, target: str, expect: int = 0, token: str = "", **more: Any) -> dict[str, Any]:
    signed = {"token": token} if token else {}
    return {"msg": "ACT", "mode": "demo", "action": action(n, verb, target, expect, **more), **signed}


def comment(n: int, text: str, **more: Any) -> dict[str, Any]:
    return act(n, "comment", "PA-1", feed="reports", expires_at_ns=0, args={"text": text}, **more)


def fire(s: Scribe) -> tuple[str, int]:
    """(id, state_rev) of the fire, from a snapshot."""
    snap = s.say("the alarms as they are now", {"msg": "SNAPGET", "feed": "alarms"})
    item = next(i for i in snap["items"] if i["id"].startswith("fire"))
    return item["id"], item["body"].get("state_rev", 1)


def cursor(welcome: dict[str, Any], feed: str) -> dict[str, Any]:
    head = welcome["feeds"][feed]
    return {"feed": feed, "epoch": head["epoch"], "after": head["head"]}


# --- joining -----------------------------------------------------------------------------------------


@scene()
def join_without_cursor(s: Scribe) -> None:
    """A console that knows nothing: HELLO, a snapshot, then what came after it."""
    hello(s)
    snap = s.say("no cursor: the feed as it is", {"msg": "SNAPGET", "feed": "roster"})
    s.say(
        "and what came after `as_of`",
        {"msg": "FETCH", "feed": "roster", "epoch": snap["epoch"], "after": snap["as_of"]},
    )


@scene()
def join_with_cursor(s: Scribe) -> None:
    """A console that was away: it fetches what it missed and takes no snapshot."""
    before = cursor(hello(s, "joins, and stores its cursor"), "timeline")
    s.say("a colleague writes meanwhile", comment(1, "Đã cử đội 3"), answers=2, station="desk-2")
    hello(s, "back again, with its cursor", cursors={"timeline": {"epoch": before["epoch"], "seq": before["after"]}})
    s.say("goes on after the cursor", {"msg": "FETCH", **before})


@scene(sign_in="password")
def configure(s: Scribe) -> None:
    """An administrator changes the hours of a category, from today on; what was seen before is a conflict."""
    day = day_of(hello(s)["now"])
    token = signed_in(s, "tuan")
    rule = '{"kind": "sla", "id": "flood", "category": "flood", "name": {"vi": "Ngập nước"}, "hours": %s}'
    told = {"feed": "config", "token": token}
    args = {"valid_from": day, "reason": "họp giao ban"}
    s.say("", act(1, "configure", "flood", args={"json": rule % "2", **args}, **told), answers=2)
    s.say("nobody has seen that", act(2, "configure", "flood", args={"json": rule % "3", **args}, **told), answers=2)
    s.say("no such hours", act(3, "configure", "flood", 1, args={"json": rule % "-1", **args}, **told), answers=2)
    s.say("the record, and its setting beside it", {"msg": "SNAPGET", "feed": "config"})


@scene()
def hello_every_thirty_seconds(s: Scribe) -> None:
    """HELLO again on the same connection is answered again; nothing else changes."""
    hello(s)
    hello(s, "30 s later")


@scene()
def an_empty_batch(s: Scribe) -> None:
    """FETCH at the head is answered by an empty BATCH."""
    s.say("nothing is new", {"msg": "FETCH", **cursor(hello(s), "timeline")})


@scene()
def fetch_in_pieces(s: Scribe) -> None:
    """`limit` cuts; the console goes on until its cursor is at `head`."""
    after = cursor(hello(s), "timeline")
    for n in range(1, 4):
        s.say("", comment(n, f"Ghi chú {n}"), answers=2, station="desk-2")
    first = s.say("two at most", {"msg": "FETCH", **after, "limit": 2})
    s.say("the head is not reached", {"msg": "FETCH", **after, "after": first["items"][-1]["seq"], "limit": 2})


@scene(extra_series=2500)
def snapshot_in_parts(s: Scribe) -> None:
    """A large feed comes in parts below 512 KiB, of one moment; its items replace what was known."""
    hello(s)
    s.say("2,500 sensors", {"msg": "SNAPGET", "feed": "sensors"}, answers=1)
    s.hear(note="the second part: the same `as_of`; lists are cut here")


@scene()
def snapshot_of_an_append_feed(s: Scribe) -> None:
    """Of an append feed the snapshot is its newest records, 2,000 at most."""
    hello(s)
    s.say("", {"msg": "SNAPGET", "feed": "timeline"})


# --- gaps --------------------------------------------------------------------------------------------


@scene()
def gap(s: Scribe) -> None:
    """LIVE lost two of three records: seq jumps, and FETCH fills the hole."""
    after = cursor(hello(s), "timeline")
    for n in range(1, 4):
        s.say("", comment(n, f"Ghi chú {n}"), answers=2, station="desk-2")
    s.live("the first two were lost; this one is beyond cursor + 1", lambda m: m.get("cause") == aid(3), b"1/timeline/")
    s.say("kept aside; first the hole", {"msg": "FETCH", **after})


@scene()
def lost_tail(s: Scribe) -> None:
    """LIVE lost the last record: no gap shows, but the next heartbeat's head is above the cursor."""
    after = cursor(hello(s), "timeline")
    s.say("", comment(1, "Bản tin cuối"), answers=2, station="desk-2")
    s.live("the record itself never came", lambda m: m["heads"]["timeline"]["head"] > after["after"])
    s.say("one heartbeat later", {"msg": "FETCH", **after})


@scene()
def slow_reader(s: Scribe) -> None:
    """A console that was slow: LIVE has dropped what it did not take, for it alone; it asks again in pieces."""
    after = cursor(hello(s), "timeline")
    for n in range(1, 6):
        s.say("", comment(n, f"Dồn dập {n}"), answers=2, station="desk-2")
    s.live("this is the first that it reads again", lambda m: m["heads"]["timeline"]["head"] >= after["after"] + 5)
    s.say("", {"msg": "FETCH", **after, "limit": 1000})


def reset(s: Scribe, note: str, feed: str, **changes: Any) -> None:
    s.say(note, {"msg": "FETCH", **cursor(hello(s), feed), **changes})
    if feed != "samples":
        s.say("so it takes a snapshot", {"msg": "SNAPGET", "feed": feed})


@scene()
def reset_epoch(s: Scribe) -> None:
    """The log was begun anew while the console was away: its epoch is unknown."""
    reset(s, "a cursor of the old log", "roster", epoch="0000000000000000", after=1)


@scene()
def reset_too_old(s: Scribe) -> None:
    """The cursor is from before what the log still has."""
    reset(s, "before `oldest` - 1", "roster", after=-1)


@scene()
def reset_ahead(s: Scribe) -> None:
    """The cursor is beyond the head: the hub was restored from a backup, say."""
    reset(s, "beyond the head", "roster", after=1_000_000)


@scene()
def reset_lossy(s: Scribe) -> None:
    """Samples are never fetched: HISTORY has them."""
    reset(s, "", "samples", after=0)


@scene()
def restart(s: Scribe) -> None:
    """A planned stop: BYE; afterwards another instance, the same epochs, and the actions of before are known."""
    after = cursor(hello(s), "timeline")
    s.say("", comment(1, "Trước khi khởi động lại"), answers=2)
    s.world("the hub is stopped", "stop")
    s.hear(note="it says so first")
    s.world("and started", "start")
    hello(s, "the socket has reconnected by itself; HELLO again")
    s.say("no ACK had come, as far as the console knows: the same action again", s.lines[3]["message"])
    s.say("the cursor goes on", {"msg": "FETCH", **after})


# --- staying -----------------------------------------------------------------------------------------


@scene()
def heartbeat(s: Scribe) -> None:
    """On LIVE every 500 ms: every feed's head, and the canary that has gone through the alarm engine."""
    s.live("", lambda m: "canary" in m)


@scene()
def ping(s: Scribe) -> None:
    """PING each second when CTL is idle."""
    s.say("", {"msg": "PING", "n": 7, "sent": 1795218065354943750})


@scene(cameras={"cam-9": "http://127.0.0.1:9/9"})
def cameras_that_a_station_shows(s: Scribe) -> None:
    """What a station sees of the cameras on its screens has no answer, and stands in their records for everybody."""
    hello(s, shows=["cam-9"])
    s.say("", {"msg": "SEES", "cameras": [{"camera": "cam-9", "flags": ["black"]}]}, answers=0)
    s.live("", lambda m: m["body"].get("flags") == ["black"], b"1/cameras/")


@scene()
def samples(s: Scribe) -> None:
    """Samples come on LIVE only, up to 500 a message, one a series."""
    s.live("", lambda m: bool(m["body"]["samples"]), b"1/samples/")


@scene(past_s=600, silent_s=60)
def history(s: Scribe) -> None:
    """A series over a range, thinned; a null is a gap that stays open."""
    now = hello(s)["now"]
    ask = {"msg": "HISTORY", "request": 4, "series": "hieu-level", "t0": now - 9 * MINUTE, "t1": now, "max_points": 20}
    s.say("", ask)


@scene()
def history_of_an_unknown_series(s: Scribe) -> None:
    """A series that the hub does not know is an empty answer with a code."""
    hello(s)
    s.say("", {"msg": "HISTORY", "request": 5, "series": "nowhere", "t0": 0, "t1": 1, "max_points": 20})


# --- actions -----------------------------------------------------------------------------------------


@scene()
def action_applied(s: Scribe) -> None:
    """An acknowledgement: stored after fsync, applied, and its effect comes to everybody with its `cause`."""
    hello(s)
    id_, rev = fire(s)
    s.say("the operator has seen it", act(1, "acknowledge", id_, rev), answers=2)
    s.live("the echo on LIVE", lambda m: m.get("cause") == aid(1), b"1/alarms/")


@scene()
def action_duplicate(s: Scribe) -> None:
    """No ACK came, so it is sent again: it takes effect once."""
    after = cursor(hello(s), "timeline")
    again = comment(1, "Gửi hai lần")
    s.say("", again, answers=2)
    s.say("the same again", again)
    s.say("one effect", {"msg": "FETCH", **after})


@scene()
def action_with_an_id_of_another(s: Scribe) -> None:
    """The same `aid` with other content is refused."""
    hello(s)
    s.say("", comment(1, "Nội dung đầu"), answers=2)
    s.say("", comment(1, "Nội dung khác"))


@scene()
def conflict_already_claimed(s: Scribe) -> None:
    """Two operators reach for one alarm: the second is told who has it."""
    hello(s)
    id_, rev = fire(s)
    s.say("", act(1, "claim", id_, rev), answers=2)
    s.say("a moment later, elsewhere", act(2, "claim", id_, rev), answers=2, station="desk-2")


@scene()
def conflict_changed(s: Scribe) -> None:
    """The click meant a state that is over: `expect_state_rev` is not that of the alarm."""
    hello(s)
    id_, rev = fire(s)
    s.say("seen before it was raised again, say", act(1, "acknowledge", id_, rev + 5), answers=2)


@scene()
def conflict_gone(s: Scribe) -> None:
    """The alarm is over."""
    hello(s)
    s.say("", act(1, "acknowledge", "fire@1", 1), answers=2)


@scene()
def claim_and_release(s: Scribe) -> None:
    """A claim also acknowledges; its holder may give it back."""
    hello(s)
    id_, rev = fire(s)
    s.say("", act(1, "claim", id_, rev), answers=2)
    item = s.live("", lambda m: m.get("cause") == aid(1), b"1/alarms/")
    s.say("", act(2, "release", id_, item["body"]["state_rev"]), answers=2)


FIRE_STEPS = {
    "alarms.toml": '[[class]]\nid = "fire"\nkeys = ["fire"]\nprocedure = "fire"\n',
    "procedures/fire.toml": '[[procedure]]\nid = "fire"\nname = { vi = "Cháy", en = "Fire" }\n'
    '[[step]]\nid = "call"\nvi = "Gọi 114"\nen = "Call 114"\nwithin_min = 1\n'
    '[[step]]\nid = "power"\nvi = "Cắt điện"\nen = "Cut the power"\n',
}


@scene(files=FIRE_STEPS)
def procedure_steps(s: Scribe) -> None:
    """Steps of an alarm's procedure: each is compared by itself. Two steps at once both count; the second at one step
    is told who was first; taking back is a word of its own."""
    hello(s)
    id_, _ = fire(s)
    call = {"step": "call", "state": "done"}
    s.say("nobody has touched it: 1", act(1, "step", id_, 1, expires_at_ns=0, args=call), answers=2)
    s.live("the mark is part of the alarm", lambda m: m.get("cause") == aid(1), b"1/alarms/")
    power = {"step": "power", "state": "not_needed", "reason": "đã cắt"}
    s.say("", act(2, "step", id_, 1, expires_at_ns=0, args=power), answers=2, station="desk-2")
    s.say("", act(3, "step", id_, 1, expires_at_ns=0, args=call), answers=2, station="desk-2")
    s.say(
        "what the mark's rev was",
        act(4, "step", id_, 2, expires_at_ns=0, args={**call, "state": "not_done"}),
        answers=2,
    )


@scene()
def action_expired(s: Scribe) -> None:
    """A click of an hour ago is no click of now: the operator confirms again, as a new action."""
    hello(s)
    id_, rev = fire(s)
    old = time.time_ns() - 60 * MINUTE
    s.say("", act(1, "acknowledge", id_, rev, made_at_ns=old, expires_at_ns=old + 15 * MINUTE), answers=2)


@scene()
def action_refused(s: Scribe) -> None:
    """What does not fit is refused with a code: an empty comment, a verb on the wrong feed, a foreign mode."""
    hello(s)
    s.say("nothing is said", comment(1, "  "), answers=2)
    s.say("nobody acknowledges a report", act(2, "acknowledge", "PA-1", feed="reports"), answers=2)
    s.say("a click from a training", {**comment(3, "Diễn tập"), "mode": "exercise"})


@scene(stations=("wall-1", "desk-1"))
def viewer_may_not(s: Scribe) -> None:
    """A wall without keyboard sees and does nothing: who sits there is a viewer."""
    s.say("", {**HELLO, "station": "wall-1"}, station="wall-1")
    s.say("", comment(1, "Từ màn hình tường"), station="wall-1")


# --- refusals ----------------------------------------------------------------------------------------


@scene()
def bad_json(s: Scribe) -> None:
    """Text that breaks a rule of JSON is refused as a whole and gets no answer; the connection lives."""
    for note, text in (
        ("cut off", '{"msg":"PING","n":1,"sent":1'),
        ("the same key twice", '{"msg":"PING","n":1,"n":2,"sent":1}'),
        ("the same key twice, written otherwise", r'{"msg":"PING","n":1,"\u006e":2,"sent":1}'),
        ("NaN", '{"msg":"PING","n":1,"sent":1,"x":NaN}'),
        ("beyond int64", '{"msg":"PING","n":9223372036854775808,"sent":1}'),
        ("U+0000", r'{"msg":"PING","n":1,"sent":1,"x":"\u0000"}'),
        ("half a surrogate pair", r'{"msg":"PING","n":1,"sent":1,"x":"\ud83d"}'),
        ("17 levels deep", '{"msg":"PING","n":1,"sent":1,"x":' + "[" * 16 + "]" * 16 + "}"),
        ("no object", '["PING"]'),
        ("a text for a number", '{"msg":"PING","n":"1","sent":1}'),
        ("a field is missing", '{"msg":"PING","n":1}'),
        ("an unknown message", '{"msg":"FUTURE","n":1,"sent":1}'),
    ):
        s.spoil(note, text)
    s.say("the next thing that comes is the answer of this", {"msg": "PING", "n": 99, "sent": 5})


@scene()
def unknown_field(s: Scribe) -> None:
    """Unknown fields are ignored: a later version may add some."""
    s.spoil("not known to version 1, and no mistake", '{"msg":"PING","n":1,"sent":5,"later":{"x":[1,2.5,null]}}')
    s.hear()


@scene()
def foreign_mode(s: Scribe) -> None:
    """A console of a training reaches the city in operation: denied, until it says HELLO in the right mode."""
    hello(s, "by mistake", mode="exercise")
    s.say("everything is denied now", {"msg": "SNAPGET", "feed": "alarms"})
    hello(s, "in the right mode")


@scene()
def unknown_version(s: Scribe) -> None:
    """A console of the future offers what it speaks; version 1 is picked where it is among that."""
    hello(s, "version 2 only", versions=[2])
    hello(s, "an encoding that the hub does not know", enc=["cbor"])
    hello(s, "2 and 1", versions=[2, 1])


@scene()
def unknown_feed(s: Scribe) -> None:
    """A feed that does not exist."""
    hello(s)
    s.say("", {"msg": "SNAPGET", "feed": "weather"})
    s.say("", {"msg": "FETCH", "feed": "weather", "epoch": "", "after": 0})


@scene()
def claimed_station(s: Scribe) -> None:
    """The station is what the key says: who calls himself otherwise is not believed."""
    hello(s, "with the key of desk-1", station="desk-2")


# --- people, secrets, blobs, anchors -----------------------------------------------------------------


def signed_in(s: Scribe, person: str, station: str = STATION) -> str:
    question = {"msg": "SIGNIN", "request": 1, "person": person, "secret": SECRET}
    return str(s.say("", question, station=station)["token"])


@scene(sign_in="password")
def role_may_not(s: Scribe) -> None:
    """A trainer may comment, and not acknowledge: the hub decides, whatever the console shows."""
    hello(s)
    token = signed_in(s, "son")
    hello(s, "", token=token)
    id_, rev = fire(s)
    s.say("", act(1, "acknowledge", id_, rev, token=token))


@scene(sign_in="password")
def shelve(s: Scribe) -> None:
    """An operator sets an alarm aside for half an hour, and back."""
    hello(s)
    token = signed_in(s, "ha")
    id_, rev = fire(s)
    args = {"until_ns": str(time.time_ns() + 30 * MINUTE), "reason": "đang bảo trì"}
    s.say("", act(1, "shelve", id_, rev, token=token, args=args), answers=2)
    item = s.live("", lambda m: m.get("cause") == aid(1), b"1/alarms/")
    s.say("", act(2, "unshelve", id_, item["body"]["state_rev"], token=token), answers=2)


@scene(sign_in="password")
def out_of_service(s: Scribe) -> None:
    """The shift lead takes an alarm out of service for maintenance, and puts it back; it is not latched: no reset."""
    hello(s)
    token = signed_in(s, "lan")
    id_, rev = fire(s)
    s.say("", act(1, "out_of_service", id_, rev, token=token, args={"reason": "thay cảm biến"}), answers=2)
    item = s.live("", lambda m: m.get("cause") == aid(1), b"1/alarms/")
    s.say("", act(2, "in_service", id_, item["body"]["state_rev"], token=token), answers=2)
    s.say("", act(3, "reset", id_, 0, token=token), answers=2)


@scene(sign_in="password")
def cover(s: Scribe) -> None:
    """A person looks after floods from now on; what was seen is old then, and what others do is not hers to say."""
    hello(s)
    token = signed_in(s, "ha")
    rev = s.live("she sits there", lambda m: m["id"] == "ha" and "station_id" in m["body"], b"1/roster/")["rev"]
    floods = {"areas": "", "sectors": "flood"}
    s.say("", act(1, "cover", "ha", rev, token=token, feed="roster", args=floods), answers=2)
    s.live("", lambda m: m.get("cause") == aid(1), b"1/roster/")
    s.say(
        "", act(2, "cover", "ha", rev, token=token, feed="roster", args={"areas": "", "sectors": "traffic"}), answers=2
    )
    s.say("", act(3, "cover", "lan", 0, token=token, feed="roster", args=floods))
