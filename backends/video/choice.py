"""Which stream each shown camera uses: main or sub, by the room's restream address or directly. Pure.

One choice a camera, however many tiles show it: cameras refuse a third session, and one decode serves all.
The rules are those of design, section 6, with h the height of the sub-stream's own picture: down when the
picture on the screen has been at most 1.0 h high for 1 s, up when it is higher than 1.35 h, a camera switches
at most every 5 s, the wall one at a time, the smallest down first. What a person chose (Auto, main, sub) stands
above size and load, and keeps to the 5 s too: cameras count sessions, not reasons.

A switch, step by step:
1. It is due, and nothing else is switching: the demands of the new stream stand beside those of the old one,
   which is still painted.
2. Every tile's new demand has a picture: the new one is painted, and the old one ends. No tile is ever without.
3. Or ten seconds pass: the stream without a picture ends, and that is said. Where neither has one, the new one
   stays. An old one that is without a picture from the start has nothing to keep: it ends at once.

Must not: open anything, read a clock, know Qt, or judge the load (that is `pressure`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from backends.domain.camera import Demand, StreamKind
from backends.domain.stream_choice import Decision, Pick, Said, Seen, Switch, Use, Via, View, Ways, Why, Wish
from backends.video.choice_rules import RULES, Rules, say
from backends.video.plan import StreamKey

Size = tuple[int, int]
_S = 1_000_000_000
_WIDE: Size = (16, 9)
"""Shape of a picture of which nothing is known."""
_MOST_STREAMS = 2048
"""Streams of which something is remembered; a city has some hundred cameras."""


class _Eye:
    """One camera: what it uses, and since when."""

    __slots__ = ("changed_ns", "hidden_ns", "pick", "since_ns", "small_ns", "wish")

    def __init__(self, pick: Pick, wish: Wish, now_ns: int) -> None:
        self.pick = pick
        self.wish = wish
        self.since_ns = now_ns
        """`pick` has been demanded without a break since."""
        self.changed_ns: int | None = None
        """End of its last switch, whichever way that ended."""
        self.small_ns: int | None = None
        """The picture on the screen has been small since."""
        self.hidden_ns: int | None = None


class _Look(msgspec.Struct, frozen=True):
    """What one decision is made from."""

    now_ns: int
    shown: dict[str, list[View]]
    ways: Mapping[str, Ways]
    seen: Mapping[Demand, Seen]
    ages: dict[StreamKey, float]
    wishes: Mapping[str, Wish]
    force_sub: bool
    no_up: bool
    needs: dict[tuple[str, str], float] = {}
    """(camera id, address of its sub-stream) -> `Chooser._need`, as far as it has been asked."""

    def wish(self, camera_id: str) -> Wish:
        return self.wishes.get(camera_id, Wish.AUTO)

    def area(self, camera_id: str) -> int:
        """Of its largest tile."""
        return max(tile.width * tile.height for tile in self.shown[camera_id])

    def alive(self, camera_id: str, pick: Pick, within_s: float) -> bool:
        """It has a picture that is not lost, for a tile of any size."""
        age_s = self.ages.get(StreamKey(camera_id, pick.uri))
        return age_s is not None and age_s < within_s

    def silent_s(self, camera_id: str, eye: _Eye) -> float:
        """How long its stream has given no picture although it was demanded."""
        asked_s = (self.now_ns - eye.since_ns) / _S
        return min(asked_s, self.ages.get(StreamKey(camera_id, eye.pick.uri), asked_s))


class _Due(msgspec.Struct, frozen=True):
    """A switch that ought to happen. Smaller `rank` first, then smaller `order`."""

    rank: int
    order: int
    camera_id: str
    pick: Pick
    why: Why
    may_begin: bool
    """False: the camera has switched less than 5 s ago."""


class Chooser:
    """The choice of one GUI process, over all its windows. One thread; `decide` at every change and ten times a
    second. It takes some tenths of a millisecond for 64 cameras."""

    def __init__(self, rules: Rules = RULES) -> None:
        self._rules = rules
        self._eyes: dict[str, _Eye] = {}
        self._switch: Switch | None = None
        self._sizes: dict[StreamKey, Size] = {}
        self._barred: dict[StreamKey, tuple[int, float]] = {}
        """Stream that gave no picture -> (not before, how long that wait is in seconds). Kept while it is hidden:
        a tour must not wait for the same dead stream at every round."""
        self._pairs: dict[tuple[str, Via], tuple[Ways, tuple[Pick, Pick]]] = {}
        self._said: list[Said] = []

    def decide(
        self,
        now_ns: int,
        tiles: Sequence[View],
        ways: Mapping[str, Ways],
        seen: Mapping[Demand, Seen],
        *,
        wishes: Mapping[str, Wish] | None = None,
        force_sub: bool = False,
        no_up: bool = False,
    ) -> Decision:
        """What shall be demanded and painted from now on.

        `now_ns`: monotonic clock. `tiles`: all that can be seen, hidden ones left out. `ways`: by camera id; a tile
        whose camera is not in it has no demand. `seen`: what has come of the demands of the last decision.
        `wishes`: by camera id; AUTO where there is none. `force_sub`, `no_up`: what `pressure` asks for.
        """
        self._said = []
        shown: dict[str, list[View]] = {}
        for tile in tiles:
            if _has_demand(tile, ways):
                shown.setdefault(tile.camera_id, []).append(tile)
        look = _Look(now_ns, shown, ways, seen, self._learn(seen), wishes or {}, force_sub, no_up)
        self._hide(look)
        for camera_id in shown:
            self._show(look, camera_id)
        self._go_on(look)
        due = self._due(look)
        ready = [one for one in due if one.may_begin]
        if self._switch is None and ready:
            first = min(ready, key=lambda one: (one.rank, one.order, one.camera_id))
            self._begin(look, first)
            due.remove(first)
        return self._decision(look, tiles, len(due))

    # -- what is known of streams ----------------------------------------------------------------------

    def _learn(self, seen: Mapping[Demand, Seen]) -> dict[StreamKey, float]:
        """Age of the newest picture of each stream that has one. Sizes are remembered on the way."""
        ages: dict[StreamKey, float] = {}
        for demand, one in seen.items():
            key = StreamKey(demand.camera_id, demand.uri)
            if one.age_s is not None:
                ages[key] = min(one.age_s, ages.get(key, one.age_s))
            if one.width > 0 and one.height > 0:
                self._sizes[key] = (one.width, one.height)
        while len(self._sizes) > _MOST_STREAMS:
            del self._sizes[next(iter(self._sizes))]
        return ages

    def _pair(self, look: _Look, camera_id: str, via: Via) -> tuple[Pick, Pick]:
        """Main and sub of one route. Remembered: it is asked for every camera many times a second."""
        ways = look.ways[camera_id]
        kept = self._pairs.get((camera_id, via))
        if kept is None or kept[0] is not ways:
            kept = self._pairs[camera_id, via] = (ways, _main_and_sub(ways, via))
        return kept[1]

    def _by_kind(self, look: _Look, camera_id: str, via: Via, kind: StreamKind) -> Pick:
        main, sub = self._pair(look, camera_id, via)
        return main if kind is StreamKind.MAIN else sub

    def _same(self, look: _Look, camera_id: str, pick: Pick) -> Pick | None:
        """The stream at the same address as the directory describes it now; None: it is not there any more."""
        ways = look.ways[camera_id]
        if not (ways.restream if pick.via is Via.RESTREAM else ways.streams):
            return None
        main, sub = self._pair(look, camera_id, pick.via)
        return main if main.uri == pick.uri else sub if sub.uri == pick.uri else None

    def _size(self, camera_id: str, pick: Pick) -> Size | None:
        """Of the stream's own picture: as decoded, else as the directory says, else not known."""
        declared = (pick.width, pick.height) if pick.width > 0 and pick.height > 0 else None
        return self._sizes.get(StreamKey(camera_id, pick.uri), declared)

    def _need(self, look: _Look, camera_id: str, sub: Pick) -> float:
        """Height in physical pixels of the whole picture on its largest tile.

        Always by the shape of the sub-stream: if a main stream of another shape had a say, a switch would
        change what it was decided by, and could undo itself.
        """
        key = (camera_id, sub.uri)
        if key not in look.needs:
            size = self._size(camera_id, sub) or _WIDE
            look.needs[key] = max(_shown_height(tile, size) for tile in look.shown[camera_id])
        return look.needs[key]

    def _is_small(self, look: _Look, camera_id: str, sub: Pick) -> bool:
        size = self._size(camera_id, sub)
        height = size[1] if size is not None else self._rules.unknown_h
        return self._need(look, camera_id, sub) <= self._rules.down * height

    def _is_large(self, look: _Look, camera_id: str, main: Pick, sub: Pick) -> bool:
        """More than the sub-stream can serve, and the main stream can."""
        size, most = self._size(camera_id, sub), self._size(camera_id, main)
        if size is None or (most is not None and most[1] <= size[1]):
            return False  # where it is not known, the first picture of the sub-stream tells
        return self._need(look, camera_id, sub) > self._rules.up * size[1]

    # -- cameras that come and go ----------------------------------------------------------------------

    def _hide(self, look: _Look) -> None:
        """A hidden camera has no demand. Its choice is kept for as long as it might not switch anyway."""
        for camera_id, eye in list(self._eyes.items()):
            if camera_id in look.shown:
                continue
            self._end(camera_id, look.now_ns)
            if eye.hidden_ns is None:
                eye.hidden_ns = look.now_ns
            if look.now_ns - eye.hidden_ns >= self._rules.camera_s * _S:
                del self._eyes[camera_id]
                for via in Via:
                    self._pairs.pop((camera_id, via), None)

    def _show(self, look: _Look, camera_id: str) -> None:
        switch = self._switch
        if switch is not None and switch.camera_id == camera_id and self._same(look, camera_id, switch.new) is None:
            self._end(camera_id, look.now_ns)
        eye = self._eyes.get(camera_id)
        pick = self._same(look, camera_id, eye.pick) if eye is not None else None
        if eye is None or pick is None:
            # New; or the directory has another address now, and the old one may have been the wrong camera.
            self._end(camera_id, look.now_ns)
            eye = self._eyes[camera_id] = _Eye(self._first(look, camera_id), look.wish(camera_id), look.now_ns)
        else:
            eye.pick = pick
        if eye.hidden_ns is not None:
            eye.hidden_ns, eye.since_ns, eye.small_ns = None, look.now_ns, None
        if eye.wish is not look.wish(camera_id):
            eye.wish = look.wish(camera_id)
            self._barred = {key: bar for key, bar in self._barred.items() if key.camera_id != camera_id}  # tried again
        if not self._is_small(look, camera_id, self._pair(look, camera_id, eye.pick.via)[1]):
            eye.small_ns = None
        elif eye.small_ns is None:
            eye.small_ns = look.now_ns

    def _first(self, look: _Look, camera_id: str) -> Pick:
        """For a camera that was not shown. Between 1.0 and 1.35 h the sub-stream, which opens sooner."""
        ways = look.ways[camera_id]
        via = Via.RESTREAM if ways.restream else Via.DIRECT
        main, sub = self._pair(look, camera_id, via)
        if via is Via.RESTREAM and ways.streams and self._is_barred(look, camera_id, sub):
            main, sub = self._pair(look, camera_id, Via.DIRECT)
        if (wish := look.wish(camera_id)) is not Wish.AUTO:
            return main if wish is Wish.MAIN else sub
        held = look.force_sub or look.no_up or self._is_barred(look, camera_id, main)
        return main if not held and self._is_large(look, camera_id, main, sub) else sub

    # -- the switch that runs --------------------------------------------------------------------------

    def _go_on(self, look: _Look) -> None:
        switch = self._switch
        if switch is None:
            return
        camera_id = switch.camera_id
        eye = self._eyes[camera_id]
        new = [look.seen.get(_demand(tile, switch.new), Seen()) for tile in look.shown[camera_id]]
        if any(one.refused for one in new):
            self._give_up(look, switch, "no_memory")
        elif not self._still_wanted(look, switch):
            self._end(camera_id, look.now_ns)
        elif all(one.age_s is not None and one.age_s < self._rules.alive_s for one in new):
            self._take(look, eye, switch)
        elif look.now_ns - switch.began_ns >= self._rules.timeout_s * _S:
            if look.alive(camera_id, switch.new, self._rules.alive_s):
                self._take(look, eye, switch)  # a tile that is being dragged has a new size, and demand, at every look
            elif look.silent_s(camera_id, eye) < self._rules.alive_s:
                self._give_up(look, switch, "not_restreamed" if switch.why is Why.ROUTE else "no_picture")
            else:
                self._say("neither", camera_id, switch.new, switch.old)
                self._bar_for(look, switch, switch.old)
                self._take(look, eye, switch)

    @staticmethod
    def _still_wanted(look: _Look, switch: Switch) -> bool:
        """A size that changes again stops no switch half-way: that is the flapping that the rules are against."""
        if switch.new.via is not switch.old.via:
            return True
        wish = look.wish(switch.camera_id)
        if wish is not Wish.AUTO:
            return switch.new.kind.value == wish.value
        return not (look.force_sub and switch.new.kind is StreamKind.MAIN)

    def _give_up(self, look: _Look, switch: Switch, code: str) -> None:
        """The old one stays."""
        self._say(code, switch.camera_id, switch.new, switch.old)
        self._bar_for(look, switch, switch.new)
        self._end(switch.camera_id, look.now_ns)

    def _take(self, look: _Look, eye: _Eye, switch: Switch) -> None:
        """The new one stays."""
        if switch.new.via is not switch.old.via:
            code = "restreamed" if switch.new.via is Via.RESTREAM else "direct"
            self._say(code, switch.camera_id, switch.new, switch.old)
        eye.pick, eye.since_ns = switch.new, look.now_ns
        self._switch = switch
        self._end(switch.camera_id, look.now_ns)

    def _end(self, camera_id: str, now_ns: int) -> None:
        """The switch of this camera, if it is the one that runs, is over."""
        if self._switch is not None and self._switch.camera_id == camera_id:
            self._switch = None
            if eye := self._eyes.get(camera_id):
                eye.changed_ns = now_ns

    # -- the next switch -------------------------------------------------------------------------------

    def _due(self, look: _Look) -> list[_Due]:
        found = []
        for camera_id in look.shown:
            if self._switch is not None and self._switch.camera_id == camera_id:
                continue
            eye = self._eyes[camera_id]
            aim = self._aim_of_kind(look, camera_id, eye)
            if aim is None or self._is_barred(look, camera_id, aim.pick):
                aim = self._aim_of_route(look, camera_id, eye)
            if aim is None or self._is_barred(look, camera_id, aim.pick):
                continue
            rank, order = _turn(aim, look.area(camera_id))
            rested = eye.changed_ns is None or look.now_ns - eye.changed_ns >= self._rules.camera_s * _S
            found.append(_Due(rank, order, camera_id, aim.pick, aim.why, rested))
        return found

    def _aim_of_kind(self, look: _Look, camera_id: str, eye: _Eye) -> Use | None:
        """Main or sub: what it should be, if that is not what it is."""
        main, sub = self._pair(look, camera_id, eye.pick.via)
        if main is sub:
            return None
        aim: Use | None = None
        if eye.wish is not Wish.AUTO:
            aim = Use(main if eye.wish is Wish.MAIN else sub, Why.WISH)
        elif eye.pick == main:
            if look.force_sub:
                aim = Use(sub, Why.LOAD)
            elif look.silent_s(camera_id, eye) >= self._rules.dead_s:
                aim = Use(sub, Why.NO_PICTURE)
            elif eye.small_ns is not None and look.now_ns - eye.small_ns >= self._rules.small_s * _S:
                aim = Use(sub, Why.SIZE)
        elif not (look.force_sub or look.no_up) and self._is_large(look, camera_id, main, sub):
            aim = Use(main, Why.SIZE)
        return aim if aim is not None and aim.pick != eye.pick else None

    def _aim_of_route(self, look: _Look, camera_id: str, eye: _Eye) -> Use | None:
        """Restream or direct: the same kind by the other, when this one is dead or the better one may be back."""
        ways = look.ways[camera_id]
        if eye.pick.via is Via.RESTREAM:
            dead = look.silent_s(camera_id, eye) >= self._rules.dead_s
            return (
                Use(self._by_kind(look, camera_id, Via.DIRECT, eye.pick.kind), Why.NO_PICTURE)
                if ways.streams and dead
                else None
            )
        return Use(self._by_kind(look, camera_id, Via.RESTREAM, eye.pick.kind), Why.ROUTE) if ways.restream else None

    def _begin(self, look: _Look, due: _Due) -> None:
        eye = self._eyes[due.camera_id]
        switch = Switch(due.camera_id, eye.pick, due.pick, due.why, look.now_ns)
        if due.why is Why.NO_PICTURE:
            self._bar_for(look, switch, eye.pick)
            if due.pick.via is eye.pick.via:
                self._say("silent", due.camera_id, due.pick, eye.pick)
        if look.silent_s(due.camera_id, eye) >= self._rules.alive_s:
            self._take(look, eye, switch)  # there is no picture to keep
        else:
            self._switch = switch

    def _bar_for(self, look: _Look, switch: Switch, pick: Pick) -> None:
        """`pick`, one of the two, gave no picture. Between routes that is the fault of the whole route."""
        whole = switch.new.via is not switch.old.via
        route = self._pair(look, switch.camera_id, pick.via) if whole else (pick,)
        for one in {one.uri: one for one in route}.values():
            self._bar(look, StreamKey(switch.camera_id, one.uri))

    def _bar(self, look: _Look, key: StreamKey) -> None:
        """Not again for a while, and longer each time; it has to be good for ten minutes to start anew."""
        rules = self._rules
        until_ns, wait_s = self._barred.pop(key, (0, 0.0))
        if not wait_s or look.now_ns - until_ns > rules.again_most_s * _S:
            wait_s = rules.again_s
        elif look.now_ns >= until_ns:
            wait_s = min(rules.again_most_s, wait_s * 2)
        self._barred[key] = (look.now_ns + int(wait_s * _S), wait_s)
        while len(self._barred) > _MOST_STREAMS:
            del self._barred[next(iter(self._barred))]

    def _is_barred(self, look: _Look, camera_id: str, pick: Pick) -> bool:
        return look.now_ns < self._barred.get(StreamKey(camera_id, pick.uri), (0, 0.0))[0]

    # -- the answer ------------------------------------------------------------------------------------

    def _say(self, code: str, camera_id: str, new: Pick, old: Pick) -> None:
        self._said.append(say(code, camera_id, new, old, self._rules.timeout_s))

    def _decision(self, look: _Look, tiles: Sequence[View], waiting: int) -> Decision:
        demands: set[Demand] = set()
        painted: list[Demand | None] = []
        for tile in tiles:
            if not _has_demand(tile, look.ways):
                painted.append(None)
                continue
            demand = _demand(tile, self._eyes[tile.camera_id].pick)
            painted.append(demand)
            demands.add(demand)
            if self._switch is not None and self._switch.camera_id == tile.camera_id:
                demands.add(_demand(tile, self._switch.new))
        uses = {camera_id: Use(self._eyes[camera_id].pick, self._why(look, camera_id)) for camera_id in look.shown}
        return Decision(frozenset(demands), tuple(painted), uses, self._switch, waiting, tuple(self._said))

    def _why(self, look: _Look, camera_id: str) -> Why:
        eye = self._eyes[camera_id]
        main, sub = self._pair(look, camera_id, eye.pick.via)
        if main is sub:
            return Why.ONLY
        wanted = main if eye.wish is Wish.MAIN else sub
        if eye.wish is Wish.AUTO and self._is_large(look, camera_id, main, sub):
            wanted = main
        if wanted != eye.pick and self._is_barred(look, camera_id, wanted):
            return Why.NO_PICTURE
        if eye.wish is not Wish.AUTO:
            return Why.WISH
        held = look.force_sub or look.no_up
        return Why.LOAD if held and wanted is main and eye.pick == sub else Why.SIZE


def _has_demand(tile: View, ways: Mapping[str, Ways]) -> bool:
    way = ways.get(tile.camera_id)
    return way is not None and bool(way.streams or way.restream) and min(tile.width, tile.height) > 0


def _demand(tile: View, pick: Pick) -> Demand:
    return Demand(tile.camera_id, pick.uri, tile.width, tile.height, tile.crop)


def _main_and_sub(ways: Ways, via: Via) -> tuple[Pick, Pick]:
    """The two streams of one route; twice the same one where it has but one."""
    streams = ways.restream if via is Via.RESTREAM else ways.streams
    picks = [Pick(one.kind, one.uri, via, one.width, one.height) for one in streams]
    main = next((pick for pick in picks if pick.kind is StreamKind.MAIN), picks[0])
    sub = next((pick for pick in picks if pick.kind is StreamKind.SUB), picks[0])
    return (main, sub) if main.uri != sub.uri else (main, main)


def _shown_height(tile: View, size: Size) -> float:
    """Height that the whole picture would have: fitted into the tile with its shape kept, and cropped."""
    _, _, across, down = tile.crop
    if across <= 0 or down <= 0:
        return float(tile.height)
    return min(tile.height, tile.width * (size[1] * down) / (size[0] * across)) / down


def _turn(aim: Use, area: int) -> tuple[int, int]:
    """Rank and order: who has no picture, whom a person asked for, the smallest down, the largest up, routes."""
    if aim.why is Why.NO_PICTURE:
        return 0, -area
    if aim.why is Why.WISH:
        return 1, -area
    if aim.why is Why.ROUTE:
        return 4, -area
    return (2, area) if aim.pick.kind is StreamKind.SUB else (3, -area)
