"""Checks of LIVE and of series: heartbeats under load, gaps, the lost tail, a slow reader, HISTORY."""

from __future__ import annotations

import statistics
import time
from itertools import pairwise

import zmq

from backends.conform.registry import Checks
from backends.conform.room import Room, feeds_of
from backends.conform.wire import Failed, Peer, Skipped, content, head_of
from backends.domain.action import Stage
from backends.protocol.codec import decode_body
from backends.protocol.messages import Ack, Act, Envelope, Fetch, Heartbeat, History, Pong, Series

CHECKS = Checks()
check = CHECKS.check
LOAD_S = 4.0
OUTSTANDING = 16
PER_S = 1000
"""Actions a second at most; a backend that takes fewer is asked for fewer."""
LONGEST_S = 1.4
"""Between two heartbeats; consoles say "stale" after 1.5 s."""
SLOW_BYTES = 24 << 20
"""What the slow reader asks for: more than the sockets' and the system's buffers hold."""
SLOW_REQUESTS = 150
SLOW_S = 4.0
PACE_S = 0.03
"""Between two questions for histories, of which there are thirty."""


@check("heartbeat", "a heartbeat with every feed's head comes every 500 ms, under load too")
def heartbeat(room: Room) -> str:
    with room.acting(live=True) as (peer, _):
        action = room.comment(peer)
        beats: list[tuple[float, Heartbeat]] = []
        sent = done = 0
        begin_s = time.monotonic()
        end_s = begin_s + LOAD_S
        while (now_s := time.monotonic()) < end_s:
            while sent - done < OUTSTANDING and sent < (now_s - begin_s) * PER_S:
                sent += 1
                again = room.comment_like(action, f"conform: load {sent}")
                peer.send(Act(again, peer.place.mode, peer.token))
            while (message := peer.receive(0)) is not None:
                done += isinstance(message, Ack) and message.stage != Stage.STORED.value
            while (message := peer.receive_live(0)) is not None:
                if isinstance(message, Heartbeat):
                    beats.append((time.monotonic(), message))
            assert peer.sub is not None
            zmq.select([peer.ctl, peer.sub], [], [], 0.005)
        while done < sent:
            ack: Ack = peer.expect(Ack, about=f"the last {sent - done} of {sent} comments")
            done += ack.stage != Stage.STORED.value
    gaps = [b[0] - a[0] for a, b in pairwise(beats)]
    if len(beats) < LOAD_S / 0.5 / 2 or max(gaps) > LONGEST_S:
        raise Failed(
            f"under load {len(beats)} heartbeats in {LOAD_S:g} s, the longest pause {max(gaps, default=0):.2f} s"
        )
    if not 0.3 < statistics.median(gaps) < 0.8:
        raise Failed(f"heartbeats come every {statistics.median(gaps):.2f} s")
    numbers = [beat.n for _, beat in beats]
    if numbers != list(range(numbers[0], numbers[0] + len(numbers))):
        raise Failed(f"`n` of the heartbeats must rise by 1: {numbers[:6]}")
    missing = set(feeds_of("state", "append", "lossy")) - set(beats[-1][1].heads)
    if missing:
        raise Failed(f"the heartbeat has no head for {', '.join(sorted(missing))}")
    return f"{len(beats)} heartbeats beside {sent} actions in {LOAD_S:g} s, the longest pause {max(gaps):.2f} s"


@check("canary", "heartbeats carry the newest test alarm, and it moves every second")
def canary(room: Room) -> str:
    with room.peer(live=True) as peer:
        seen = []
        for _ in range(5):
            beat = peer.beat()
            if beat.canary is None:
                raise Failed("a heartbeat has no `canary`")
            seen.append(beat.canary.seq)
        if seen != sorted(seen) or seen[-1] <= seen[0]:
            raise Failed(f"the canary stood still over five heartbeats: {seen}")
    return f"it went from {seen[0]} to {seen[-1]}"


@check("live-is-the-log", "what LIVE brings is what FETCH gives, in order and without holes")
def live_is_the_log(room: Room) -> str:
    with room.acting(live=True) as (peer, _):
        start = head_of(peer.hello().feeds, "timeline")
        for n in range(20):
            room.say(peer, f"conform: live {n}")
        logged = peer.fetch_all("timeline", start.epoch, start.head)
        live = _live(peer, "timeline", start.head, logged[-1].seq)
        for envelope in logged:
            if envelope.seq not in live:
                raise Failed(f"LIVE did not bring timeline {envelope.seq} to a reader that took everything")
            if content(live[envelope.seq]) != content(envelope):
                raise Failed(f"timeline {envelope.seq} is another record on LIVE than in the log")
        if list(live) != sorted(live):
            raise Failed("LIVE brought timeline out of order")
    return f"{len(logged)} records"


@check("gap", "records that LIVE lost in the middle are given by FETCH after the last one seen")
def gap(room: Room) -> str:
    with room.acting(live=True) as (peer, _):
        start = head_of(peer.hello().feeds, "timeline")
        actions = [room.say(peer, f"conform: gap {n}") for n in range(9)]
        live = _live(peer, "timeline", start.head, start.head + 9)
        # The console lost the middle third; the cursor stands before it.
        cursor, lost = start.head + 3, 3
        filled = peer.fetch("timeline", start.epoch, cursor, lost).items
        if [e.seq for e in filled] != [cursor + 1, cursor + 2, cursor + 3]:
            raise Failed(f"FETCH after {cursor} limit {lost} gave {[e.seq for e in filled]}")
        for envelope in filled:
            if content(live.get(envelope.seq, envelope)) != content(envelope):
                raise Failed(f"timeline {envelope.seq} came another way than it was published")
        causes = [e.cause for e in peer.fetch_all("timeline", start.epoch, start.head)]
        if [a.aid for a in actions] != [c for c in causes if c in {a.aid for a in actions}]:
            raise Failed("filling the gap does not give every record once")
    return f"{lost} lost records filled"


@check("lost-tail", "a record that LIVE lost at the end is seen by the head in the next heartbeats")
def lost_tail(room: Room) -> str:
    with room.acting(live=True) as (peer, _):
        start = head_of(peer.hello().feeds, "timeline")
        action = room.say(peer, "conform: lost at the end")
        end_s = time.monotonic() + 2.0
        # Envelopes are not looked at: LIVE has "lost" them.
        while (head := head_of(peer.beat().heads, "timeline")).head <= start.head:
            if time.monotonic() > end_s:
                raise Failed(f"2 s after the record the heartbeat's head of timeline is still {head.head}")
        missed = peer.fetch_all("timeline", head.epoch, start.head)
        if [e.cause for e in missed].count(action.aid) != 1:
            raise Failed("the record that the head promised is not in the log")
    return f"the head told of {len(missed)}"


@check("slow-reader", "a console that reads nothing stops neither heartbeats nor answers of the others")
def slow_reader(room: Room) -> str:
    with room.acting(live=True) as (peer, welcome):
        start = head_of(welcome.feeds, "timeline")
        for n in range(40):
            room.say(peer, f"conform: long text {n} " + "x" * 1900)
        peer.fetch("timeline", start.epoch, start.head)
        requests = min(SLOW_REQUESTS, SLOW_BYTES // max(1, peer.last_size) + 1)
        options = {"rcvhwm": 1, "rcvbuf": 4096, "sndhwm": 0}
        with Peer(room.context, room.place, live=True, dealer=options) as slow:
            slow.hello()
            for _ in range(requests):
                slow.send(Fetch("timeline", start.epoch, start.head))
            worst = _while_slow(peer)
    return f"{requests} answers untaken; PONG at most {worst[0]:.2f} s, heartbeats at most {worst[1]:.2f} s apart"


def _while_slow(peer: Peer) -> tuple[float, float]:
    """(slowest PONG, longest pause between heartbeats) while somebody else reads nothing."""
    begin_s = last_beat_s = time.monotonic()
    slowest = longest = 0.0
    n = 1000
    while (asked_s := time.monotonic()) < begin_s + SLOW_S:
        n += 1
        pong: Pong = peer.ping(n)
        slowest = max(slowest, time.monotonic() - asked_s)
        while (message := peer.receive_live(0.05)) is not None:
            if isinstance(message, Heartbeat):
                longest = max(longest, time.monotonic() - last_beat_s)
                last_beat_s = time.monotonic()
        longest = max(longest, time.monotonic() - last_beat_s)
        if longest > LONGEST_S or slowest > LONGEST_S or pong.n != n:
            raise Failed(f"beside a slow reader: PONG after {slowest:.2f} s, {longest:.2f} s without heartbeat")
    return slowest, longest


def _live(peer: Peer, feed: str, after: int, last: int) -> dict[int, Envelope]:
    """What LIVE brings of a feed up to a position that is known to be committed, by seq in order of arrival."""
    found: dict[int, Envelope] = {}

    def complete(message: Envelope | Heartbeat) -> bool:
        if isinstance(message, Envelope) and message.feed == feed and message.seq > after:
            if message.seq in found:
                raise Failed(f"LIVE brought {feed} {message.seq} twice")
            found[message.seq] = message
        return any(seq >= last for seq in found)

    peer.live_until(f"{feed} {last}", complete)
    return found


# --- series ------------------------------------------------------------------------------------------


def _longest(room: Room, peer: Peer) -> tuple[str, float, Series]:
    """(id, period, points) of the series with the most points among the first 30. Raises Skipped."""
    best: tuple[str, float, Series] | None = None
    for n, envelope in enumerate(list(room.items(peer, "sensors").values())[:30]):
        answer = _history(peer, envelope.id, n, 10_000)
        if best is None or len(answer.t) > len(best[2].t):
            best = envelope.id, decode_body("sensors", envelope.body).period_s, answer
    if best is None or len(best[2].t) < 60:
        raise Skipped("no series with 60 points: provide a sensor with samples")
    return best


def _history(peer: Peer, series: str, request: int, most: int, t1: int = 1 << 62) -> Series:
    # Slower than a station's requests may come: the check before may have spent what a station has, and a backend
    # leaves unanswered what is more.
    peer.receive(PACE_S)
    answer: Series = peer.ask(History(request, series, 0, t1, most), Series)
    if answer.series != series or answer.code:
        raise Failed(f"HISTORY {series} (request {request}) was answered for {answer.series}, {answer.code!r}")
    if len(answer.t) != len(answer.value) or len(answer.t) > most:
        raise Failed(
            f"HISTORY {series}: {len(answer.t)} times, {len(answer.value)} values, at most {most} were asked for"
        )
    if any(b < a for a, b in pairwise(answer.t)):
        raise Failed(f"HISTORY {series}: times must rise")
    return answer


@check("history", "HISTORY is thinned to max_points and keeps the first, last, lowest and highest value")
def history(room: Room) -> str:
    with room.joined() as (peer, _):
        series, _period, whole = _longest(room, peer)
        thin = _history(peer, series, 77, 50, whole.t[-1])
        full = [v for v in whole.value if v is not None]
        kept = [v for v in thin.value if v is not None]
        if not kept or (min(kept), max(kept)) != (min(full), max(full)):
            raise Failed(f"{series}: lowest and highest of {len(full)} are lost in {len(kept)}")
        if (thin.t[0], thin.t[-1]) != (whole.t[0], whole.t[-1]):
            raise Failed(f"{series}: the first or last point is lost")
        unknown: Series = peer.ask(History(78, "conform-no-such-series", 0, 1 << 62), Series)
        if unknown.code != "unknown_series" or unknown.t:
            raise Failed(f"a series that does not exist is answered with code {unknown.code!r}")
    return f"{series}: {len(whole.t)} points became {len(thin.t)}"


@check("history-gap", "silence of more than three periods is an open gap, a null, that thinning keeps")
def history_gap(room: Room) -> str:
    with room.joined() as (peer, _):
        seen = None
        for n, (series, envelope) in enumerate(list(room.items(peer, "sensors").items())[:30]):
            period_ns = int(decode_body("sensors", envelope.body).period_s * 1e9)
            whole = _history(peer, series, n, 10_000)
            points = list(zip(whole.t, whole.value, strict=True))
            for (t0, v0), (t1, v1) in pairwise(points):
                if v0 is not None and v1 is not None and t1 - t0 > 3.5 * period_ns > 0 and len(points) < 10_000:
                    raise Failed(
                        f"{series}: {(t1 - t0) / 1e9:.0f} s of silence at period {period_ns / 1e9:g} s, no null"
                    )
            if seen is None and len(points) > 60 and None in whole.value[1:-1]:
                seen = series, whole
        if seen is None:
            raise Skipped("no series of 60 points with a gap: provide one that was silent for a while")
        series, whole = seen
        t_gap = whole.t[whole.value.index(None, 1)]
        thin = _history(peer, series, 99, 50, whole.t[-1])
        before = max(i for i, t in enumerate(thin.t) if t < t_gap)
        if None not in thin.value[before : before + 3]:
            raise Failed(f"{series}: the gap at {t_gap} is closed after thinning")
    return f"{series}: the gap stays open"
