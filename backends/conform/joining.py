"""Checks of joining: HELLO, the state of feeds by SNAPGET, the records after a cursor by FETCH, and RESET."""

from __future__ import annotations

from typing import Any

from backends.conform.registry import Checks
from backends.conform.room import Room, feeds_of
from backends.conform.wire import Failed, Peer, Skipped, content, head_of
from backends.protocol.messages import Batch, Cursor, Denied, Envelope, Fetch, Hello, Reset, Snap, SnapGet, Welcome

PART_LIMIT = 512 << 10
CHECKS = Checks()
check = CHECKS.check


@check("join", "HELLO is answered by WELCOME with mode, version, time, and the head of every feed")
def join(room: Room) -> str:
    with room.joined() as (peer, first):
        if first.mode is not peer.place.mode or first.version != 1:
            raise Failed(f"WELCOME says mode {first.mode.value}, version {first.version}")
        if not first.instance or not first.station:
            raise Failed("WELCOME does not say instance and station")
        missing = [feed for feed in feeds_of("state", "append", "lossy") if feed not in first.feeds]
        if missing:
            raise Failed(f"WELCOME has no head for {', '.join(missing)}; an empty feed has head 0")
        for feed, head in first.feeds.items():
            if not head.epoch or head.head < 0 or head.oldest < 1 or head.oldest > head.head + 1:
                raise Failed(f"the head of {feed} cannot be: {head}")
        second = peer.hello()
        if second.instance != first.instance or second.now < first.now or first.now < 10**18:
            raise Failed(f"a second HELLO: instance {second.instance}, now {second.now} after {first.now}")
    return f"{first.server or 'the backend'} knows this station as {first.station}, {len(first.feeds)} feeds"


@check("join-with-cursor", "HELLO may carry cursors, and FETCH goes on exactly after them")
def join_with_cursor(room: Room) -> str:
    with room.acting() as (peer, welcome):
        before = head_of(welcome.feeds, "timeline")
        actions = [room.say(peer, f"conform: before the break {n}") for n in range(3)]
        kept = peer.fetch("timeline", before.epoch, before.head, 1).items
        if not kept:
            raise Failed("three comments took effect, and FETCH limit 1 gives nothing")
        cursor = Cursor(before.epoch, kept[-1].seq)
    with room.peer() as again:
        hello = Hello(room.place.station, room.place.mode, cursors={"timeline": cursor})
        head = head_of(again.ask(hello, Welcome).feeds, "timeline")
        rest = again.fetch_all("timeline", head.epoch, cursor.seq)
        causes = [e.cause for e in (*kept, *rest) if e.cause in {a.aid for a in actions}]
        if causes != [a.aid for a in actions]:
            raise Failed(f"of three comments {len(causes)} came back over the break, or in another order")
    return f"{len(rest)} records after the cursor, in order"


@check("ping", "PING is answered by PONG with the same n and sent, and the backend's time")
def ping(room: Room) -> str:
    with room.joined() as (peer, _):
        first, second = peer.ping(7), peer.ping(8)
        if second.now < first.now or second.sent < first.sent or first.sent == 0:
            raise Failed("PONG must give back `sent` and a time that rises")
    return "answered"


@check("snapshot-parts", "a snapshot comes in parts of one moment, counted from 1, each below 512 KiB")
def snapshot_parts(room: Room) -> str:
    most, largest = 1, 0
    with room.joined() as (peer, welcome):
        for feed in feeds_of("state", "append", offered=welcome.feeds):
            peer.send(SnapGet(feed))
            part = peer.expect(Snap, about=f"SNAPGET {feed}")
            first, seen = part, 0
            while True:
                seen += 1
                largest = max(largest, peer.last_size)
                if (part.part, part.parts) != (seen, first.parts):
                    raise Failed(f"part {seen} of {first.parts} of {feed} says {part.part} of {part.parts}")
                if (part.feed, part.epoch, part.as_of) != (feed, first.epoch, first.as_of):
                    raise Failed(f"the parts of {feed} are not of one moment")
                if peer.last_size >= PART_LIMIT:
                    raise Failed(f"a part of {feed} has {peer.last_size} bytes")
                if seen == first.parts:
                    break
                part = peer.expect(Snap, about=f"SNAPGET {feed}, part {seen + 1}")
            most = max(most, seen)
    return f"at most {most} parts, the largest {largest} bytes"


@check("snapshot-then-fetch", "a snapshot and the records fetched after it give the state of a later snapshot")
def snapshot_then_fetch(room: Room) -> str:
    count = 0
    with room.acting() as (peer, welcome):
        before = {feed: _state(peer, feed) for feed in feeds_of("state", offered=welcome.feeds)}
        room.say(peer, "conform: between two snapshots")
        for feed, (epoch, as_of, items) in before.items():
            logged = peer.fetch_all(feed, epoch, as_of)
            later_epoch, later, expected = _state(peer, feed)
            if later_epoch != epoch or later < as_of:
                raise Failed(f"{feed} went from {epoch}, {as_of} to {later_epoch}, {later}")
            if logged and logged[-1].seq < later:
                logged += peer.fetch_all(feed, epoch, logged[-1].seq)
            _apply(items, [e for e in logged if e.seq <= later])
            _same(feed, items, expected)
            count += len(expected)
    return f"{count} items are the same on both ways"


@check("log-gives-state", "where the log goes back to its beginning, FETCH alone gives what SNAPGET gives")
def log_gives_state(room: Room) -> str:
    done = []
    with room.joined() as (peer, welcome):
        for feed in feeds_of("state", offered=welcome.feeds):
            head = welcome.feeds.get(feed)
            if head is None or head.oldest != 1 or head.head == 0:
                continue
            items: dict[str, dict[str, Any]] = {}
            logged = peer.fetch_all(feed, head.epoch, 0)
            epoch, as_of, expected = _state(peer, feed)
            if epoch != head.epoch:
                raise Failed(f"{feed} changed its epoch between two requests")
            if logged and logged[-1].seq < as_of:
                logged += peer.fetch_all(feed, epoch, logged[-1].seq)
            _apply(items, [e for e in logged if e.seq <= as_of])
            _same(feed, items, expected)
            done.append(feed)
    if not done:
        raise Skipped("no state feed has its whole log: begin with a new one")
    return f"the same for {', '.join(done)}"


@check("fetch-limit", "FETCH gives at most `limit` records, in order, and an empty BATCH at the head")
def fetch_limit(room: Room) -> str:
    with room.acting() as (peer, welcome):
        before = head_of(welcome.feeds, "timeline")
        for n in range(4):
            room.say(peer, f"conform: limit {n}")
        batch = peer.fetch("timeline", before.epoch, before.head, 3)
        if len(batch.items) != 3 or batch.head < before.head + 4:
            raise Failed(f"4 records were to come, limit 3 gave {len(batch.items)}, head {batch.head}")
        batch = peer.fetch("timeline", before.epoch, batch.head, 3)
        if batch.items and batch.items[0].seq <= before.head + 4:
            raise Failed("FETCH after the head gave records from before it")
    return "3 of 4, then the rest"


@check("append-snapshot", "the snapshot of an append feed is its newest records, the same that FETCH gives")
def append_snapshot(room: Room) -> str:
    with room.acting() as (peer, _):
        room.say(peer, "conform: newest")
        parts = peer.snapshot("timeline")
        items = [e for part in parts for e in part.items]
        if not items or items[-1].seq != parts[0].as_of:
            raise Failed(f"the snapshot is of {parts[0].as_of} and ends at {items[-1].seq if items else 'nothing'}")
        tail = items[-5:]
        batch = peer.fetch("timeline", parts[0].epoch, tail[0].seq - 1, len(tail))
        if [content(e) for e in batch.items] != [content(e) for e in tail]:
            raise Failed("the newest records of the snapshot are not those of the log")
    return f"{len(items)} records"


def _reset(room: Room, feed: str, epoch: str | None, after: int | None, reason: str) -> str:
    with room.joined() as (peer, welcome):
        head = head_of(welcome.feeds, feed)
        after = head.oldest - 2 if after is None else after
        answer = peer.ask(Fetch(feed, epoch or head.epoch, after), Reset, Batch)
        if not isinstance(answer, Reset):
            raise Failed(f"FETCH {feed} after {after} was answered by a BATCH of {len(answer.items)}, not by RESET")
        if answer.reason != reason or (answer.feed, answer.epoch) != (feed, head.epoch):
            raise Failed(f"RESET says {answer.feed}, {answer.epoch}, {answer.reason!r}; the reason is {reason!r}")
    return f"RESET {reason}"


@check("reset-epoch", "a cursor of another epoch is answered by RESET epoch")
def reset_epoch(room: Room) -> str:
    return _reset(room, "alarms", "an epoch that never was", 0, "epoch")


@check("reset-too-old", "a cursor from before the oldest record is answered by RESET too_old")
def reset_too_old(room: Room) -> str:
    return _reset(room, "timeline", None, None, "too_old")


@check("reset-ahead", "a cursor beyond the head is answered by RESET ahead")
def reset_ahead(room: Room) -> str:
    return _reset(room, "alarms", None, 1 << 60, "ahead")


@check("lossy", "samples are never fetched: RESET lossy")
def lossy(room: Room) -> str:
    return _reset(room, "samples", None, 0, "lossy")


@check("unknown-feed", "FETCH and SNAPGET of a feed that does not exist are DENIED unknown_feed")
def unknown_feed(room: Room) -> str:
    with room.joined() as (peer, _):
        for message in (Fetch("conform-no-such-feed", "", 0), SnapGet("conform-no-such-feed")):
            denied: Denied = peer.ask(message, Denied)
            if denied.code != "unknown_feed":
                raise Failed(f"an unknown feed is DENIED {denied.code!r}, not unknown_feed")
    return "denied"


def _state(peer: Peer, feed: str) -> tuple[str, int, dict[str, dict[str, Any]]]:
    """(epoch, as_of, items) of a state feed."""
    parts = peer.snapshot(feed)
    items: dict[str, dict[str, Any]] = {}
    for part in parts:
        for envelope in part.items:
            if envelope.type != "put" or envelope.id in items:
                raise Failed(f"the snapshot of {feed} has {envelope.id} twice, or as {envelope.type}")
            items[envelope.id] = _plain(envelope)
    return parts[0].epoch, parts[0].as_of, items


def _plain(envelope: Envelope) -> dict[str, Any]:
    """For comparing; `last` of a sensor is on snapshots alone."""
    plain = content(envelope)
    if envelope.feed == "sensors":
        plain.get("body", {}).pop("last", None)
    return plain


def _apply(items: dict[str, dict[str, Any]], logged: list[Envelope]) -> None:
    for envelope in logged:
        if envelope.type == "del":
            items.pop(envelope.id, None)
        else:
            items[envelope.id] = _plain(envelope)


def _same(feed: str, items: dict[str, dict[str, Any]], expected: dict[str, dict[str, Any]]) -> None:
    for id_ in items.keys() | expected.keys():
        if items.get(id_) != expected.get(id_):
            how = "missing in the snapshot" if id_ not in expected else "only in the snapshot"
            raise Failed(f"{feed} {id_}: {'not the same' if id_ in items and id_ in expected else how}")
