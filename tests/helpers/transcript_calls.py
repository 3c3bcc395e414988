"""Scenes of what people ask for beside feeds and actions: to sign in, secrets, cameras to turn, blobs, anchors."""

from __future__ import annotations

import hashlib

from helpers.transcript_scenes import SCENES, act, comment, hello, scene, signed_in
from helpers.transcripts import Scribe

PICTURE = bytes.fromhex("ffd8ffe000104a46494600010100000100010000") + bytes(range(40)) + bytes.fromhex("ffd9")
TURNS = ("number,name_vi,sub_uri,onvif,ptz", "014,Chợ,rtsp://10.0.0.14/2,http://10.0.0.14/onvif/device_service,yes")


@scene(sign_in="password")
def sign_in_and_out(s: Scribe) -> None:
    """A person signs in, acts under the token, and signs out; the token is nothing then."""
    hello(s, "nobody is here yet")
    token = signed_in(s, "ha")
    hello(s, "the session goes into HELLO", token=token)
    s.say("and into ACT", comment(1, "Tôi trực", token=token), answers=2)
    s.say("end of the shift", {"msg": "SIGNOUT", "request": 2, "token": token})
    s.say("with the old token", comment(2, "Còn ai không?", token=token))


@scene(sign_in="password")
def sign_in_refused(s: Scribe) -> None:
    """A wrong secret and an unknown person are answered alike."""
    hello(s)
    s.say("a wrong secret", {"msg": "SIGNIN", "request": 1, "person": "ha", "secret": "sai"})
    s.say("nobody of that name", {"msg": "SIGNIN", "request": 2, "person": "khong-co", "secret": "sai"})


@scene()
def sign_in_not_here(s: Scribe) -> None:
    """A hub that seats people itself (a demo) needs no sign-in."""
    hello(s)
    s.say("", {"msg": "SIGNIN", "request": 1, "person": "ha", "secret": "x"})


@scene(sign_in="password")
def reveal_reporter(s: Scribe) -> None:
    """Who sent a report, for a person with the right, who says why; each look is kept first."""
    hello(s)
    token = signed_in(s, "ha")
    ask = {"msg": "REVEAL", "request": 2, "what": "reporter", "target": "PA-1", "token": token}
    s.say("", {**ask, "reason": "gọi lại người dân"})
    s.say("no reason given", {**ask, "request": 3, "reason": ""})


@scene(sign_in="password")
def accounts(s: Scribe) -> None:
    """Who sees which accounts; a role is changed by an administrator, who may not change his own."""
    hello(s)
    ask = {"msg": "ACCOUNTS", "token": signed_in(s, "tuan")}
    other = {**ask, "token": signed_in(s, "ha", "desk-2")}
    s.say("everybody sees his own", {**other, "request": 2}, station="desk-2")
    away = {"act": "disable", "rev": 1}
    s.say("and changes nobody's", {**other, **away, "request": 3, "person": "lan"}, station="desk-2")
    s.say("an administrator may", {**ask, "request": 4, "act": "role", "person": "son", "rev": 1, "role": "operator"})
    s.say("but not himself", {**ask, **away, "request": 5, "person": "tuan"})
    s.say("he saw an older one", {**ask, **away, "request": 6, "person": "son"})


@scene(sign_in="password")
def confide_a_caller(s: Scribe) -> None:
    """Who called about a report that the centre took in, told apart from it; once, and of its own reports alone."""
    hello(s)
    token = signed_in(s, "ha")
    args = {"category": "flood", "title": "Ngập", "channel": "hotline"}
    taken = act(1, "intake", "new-1", token=token, feed="reports", expires_at_ns=0, args=args)
    s.say("the report is taken in and gets its number", taken, answers=2)
    caller = {"name": "Trần Văn An", "phone": "0000 123 456"}
    ask = {"msg": "CONFIDE", "request": 2, "target": "TT-0001", "values": caller, "token": token}
    s.say("", ask)
    s.say("another caller is not written over", {**ask, "request": 3, "values": {"phone": "0000 654 321"}})
    s.say("not of a report that came by a source", {**ask, "request": 4, "target": "PA-1"})


@scene(sign_in="password", table=TURNS, sweep=False)
def lease(s: Scribe) -> None:
    """A camera is taken to be turned, and what others hear; a renewal takes nothing; it is given back."""
    hello(s)
    ask = {"msg": "LEASE", "camera": "cam-014", "act": "take", "lease": "desk-1/1", "token": signed_in(s, "ha")}
    other = {**ask, "lease": "desk-2/1", "token": signed_in(s, "lan", "desk-2")}
    s.say("", {**ask, "request": 2})
    s.live("everybody sees who turns it", lambda message: "turner" in message["body"], b"1/cameras/")
    s.say("a patrol takes nothing from a hand", {**other, "request": 3, "patrol": True}, station="desk-2")
    s.say("a shift lead takes it over", {**other, "request": 4}, station="desk-2")
    s.say("the loser's next renewal says so", {**ask, "request": 5, "act": "renew"})
    s.say("", {**other, "request": 6, "act": "give_back"}, station="desk-2")


@scene(sign_in="password")
def blob_up_and_down(s: Scribe) -> None:
    """A picture goes up in one part and comes down again, named by its SHA-256."""
    hello(s)
    token = signed_in(s, "ha")
    name = hashlib.sha256(PICTURE).hexdigest()
    put = {"msg": "BLOBPUT", "request": 2, "blob": name, "media": "image/jpeg", "size": len(PICTURE)}
    s.say("up", {**put, "part": 1, "parts": 1, "token": token}, data=PICTURE)
    s.say("down", {"msg": "BLOBGET", "request": 3, "blob": name})
    s.say("one that nobody has", {"msg": "BLOBGET", "request": 4, "blob": "0" * 64})


@scene(sign_in="password")
def blob_with_a_wrong_hash(s: Scribe) -> None:
    """Bytes that are not what they are called are not kept."""
    hello(s)
    token = signed_in(s, "ha")
    put = {"msg": "BLOBPUT", "request": 2, "blob": "0" * 64, "media": "image/jpeg", "size": len(PICTURE)}
    s.say("", {**put, "part": 1, "parts": 1, "token": token}, data=PICTURE)


@scene()
def anchors(s: Scribe) -> None:
    """The end of a station's audit chain, kept by the hub; one that goes back or differs is seen."""
    hello(s)
    first, other = hashlib.sha256(b"1").hexdigest(), hashlib.sha256(b"2").hexdigest()
    s.say("every minute", {"msg": "ANCHOR", "n": 120, "hash": first, "t": 1795218065354943750})
    s.say("rows are missing", {"msg": "ANCHOR", "n": 119, "hash": first, "t": 1795218065354943751})
    s.say("a row was changed", {"msg": "ANCHOR", "n": 120, "hash": other, "t": 1795218065354943752})
    s.say("what is known of this station", {"msg": "ANCHORGET", "request": 2, "after": 0})


__all__ = ["SCENES"]
