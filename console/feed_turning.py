"""Cameras that are turned from this station: who asked, the hub's leases, and what is kept for a time without the hub.

A cycle for one camera:
1. a screen's wish comes (`TurnWish`); the role is looked at here, then the hub is asked for the lease;
2. with the lease a thread of its own (`turning_hand`) speaks to the camera, and renews the lease while a hand is there;
3. the lease ends: given back, taken by somebody (the camera's record says so at once), nobody's hand for IDLE_S, the
   screen gone, the person gone. The camera is stopped, screens are told why.
Without the hub a person whose role allows it turns cameras that were leased here within KEPT_S, for OFFLINE_S each
time. Each lease is one row at its begin and one at its end in this station's audit. Runs in the feeder, so that no
password comes near the screen's process. Must not: turn anything on its own account.
"""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

import msgspec

from backends.domain.access import Grant, Right
from backends.domain.camera import Camera
from backends.domain.times import NS_PER_S, SessionClock
from backends.domain.turning import Turner, TurnStage, TurnStatus, TurnWish
from backends.protocol.messages import Lease, Leased
from console.feed_secrets import Key, SecretKeeper
from console.feed_wire import decode_record
from console.sealed import BadSeal, Seal
from console.turning_hand import Hand

_log = logging.getLogger(__name__)

FILE = "turning"
KEPT_S = 86400.0
"""A camera that the hub leased to this station so lately may be turned without it."""
KEPT_AGAIN_S = 3600.0
"""How often the memory of a way to a camera is renewed."""


class Way(msgspec.Struct, frozen=True):
    """How one camera is turned, as the hub said at a lease."""

    camera: str
    address: str
    channel: int
    t_ns: int


class HubDoor(Protocol):
    """What the keeper needs of the link. Returns at once."""

    def lease(self, question: Lease) -> None: ...


class Seats(Protocol):
    """Who sits here, and whether the hub is there."""

    @property
    def grant(self) -> Grant: ...
    @property
    def up(self) -> bool: ...
    @property
    def away_s(self) -> float: ...


class TurnKeeper:
    """Thread-safe. `tell` gets what screens are to know, `noted` (what, person, target, detail) for the audit."""

    def __init__(
        self,
        folder: Path,
        station: str,
        clock: SessionClock,
        seats: Seats,
        secrets: SecretKeeper,
        tell: Callable[[TurnStatus], None],
        noted: Callable[[str, str, str, str], None],
        cameras: Callable[[str], bytes | None],
    ) -> None:
        """`cameras`: the record of one as this station has it, JSON."""
        self._path, self.station = folder / FILE, station
        self._clock, self.seats, self._secrets = clock, seats, secrets
        self.tell, self.noted, self._cameras = tell, noted, cameras
        self._lock = threading.Lock()
        self._hands: dict[str, Hand] = {}
        self._asked: dict[int, Callable[[Leased], None]] = {}
        self._numbers = itertools.count(1)
        self._ways: dict[str, Way] = {}
        self._door: HubDoor | None = None
        self._seal = Seal("", "", "")

    def start(self, door: HubDoor, seal: Seal) -> None:
        self._door, self._seal = door, seal
        try:
            kept = seal.read_hidden(self._path, tuple[Way, ...])
        except (BadSeal, OSError) as error:
            _log.warning("how cameras are turned is not known here any more (new keys of the station?): %s", error)
            kept = None
        self._ways = {way.camera: way for way in kept or ()}

    def stop(self) -> None:
        """Every camera is stopped and given back."""
        with self._lock:
            hands = list(self._hands.values())
        for hand in hands:
            hand.end("screen_gone")
        for hand in hands:
            hand.join(3.0)

    # -- of the screens --------------------------------------------------------------------------------

    def ask(self, screen: int, wish: TurnWish) -> None:
        """What a person at that screen wants. Returns at once; TurnStatus says what became of it."""
        with self._lock:
            before = self._hands.get(wish.camera_id)
            if before is not None and before.wish(screen, wish):
                return
            if not wish.begins:
                if before is None:  # of another feeder, before this one was started, or it crossed the end's telling
                    code = "given_back" if wish.ends else "over"
                    self.tell(TurnStatus(wish.camera_id, TurnStage.ENDED, code, number=wish.number))
                return  # its camera is just ending: that is told
            grant = self.seats.grant
            if refusal := grant.refusal(Right.TURN_CAMERA):
                self.tell(TurnStatus(wish.camera_id, TurnStage.ENDED, refusal, number=wish.number))
                return
            hand = self._hands[wish.camera_id] = Hand(self, wish, screen, grant, after=before)
            hand.start()

    def screen_gone(self, screen: int) -> None:
        """Its process has ended, or its connection: nobody holds what was turned from there."""
        with self._lock:
            hands = [hand for hand in self._hands.values() if hand.screen == screen]
        for hand in hands:
            hand.end("screen_gone")

    def finished(self, hand: Hand) -> None:
        """Of a hand's own thread, the last thing that it does."""
        with self._lock:
            if self._hands.get(hand.camera_id) is hand:
                del self._hands[hand.camera_id]

    # -- of the link -----------------------------------------------------------------------------------

    def lease(
        self, camera: str, act: str, lease: str, told: Callable[[Leased], None], *, patrol: bool = False, text: str = ""
    ) -> None:
        """Ask the hub. `lease`: the hand's own name for it. `told` gets the answer once, in the link's thread;
        "no_answer" where none came."""
        with self._lock:
            number = next(self._numbers)
            self._asked[number] = told
        if self._door is None:
            self.leased(Leased(number, "no_answer"))
        else:
            self._door.lease(Lease(number, camera, act, patrol, lease, text))

    def leased(self, answer: Leased) -> None:
        """The hub's answer. In the link's thread."""
        with self._lock:
            told = self._asked.pop(answer.request, None)
        if told is not None:
            told(answer)

    def seen(self, cameras: Iterable[Camera]) -> None:
        """The hub shows these records: somebody else may turn what is turned here."""
        for camera in cameras:
            hand = self._hands.get(camera.id)
            if hand is not None and camera.turner is not None:
                hand.seen(camera.turner)

    # -- of the hands ----------------------------------------------------------------------------------

    def turner(self, camera: str) -> Turner | None:
        """Who turns it, as far as the hub was heard."""
        known = self.record(camera)
        return known.turner if known is not None else None

    def record(self, camera: str) -> Camera | None:
        """As this station has it."""
        raw = self._cameras(camera)
        return None if raw is None else decode_record("cameras", raw)

    def way(self, camera: str) -> Way | None:
        """Kept from a lease that is not too old; for a time without the hub."""
        way = self._ways.get(camera)
        return way if way is not None and self._clock.now_ns() - way.t_ns < int(KEPT_S * NS_PER_S) else None

    def keep_way(self, camera: str, said: Leased) -> None:
        """The hub gave the lease: how it is turned is remembered. May wait for the disk."""
        now_ns = self._clock.now_ns()
        old, new = self._ways.get(camera), Way(camera, said.address, said.channel, now_ns)
        fresh = old is not None and now_ns - old.t_ns < int(KEPT_AGAIN_S * NS_PER_S)
        if fresh and old is not None and (old.address, old.channel) == (new.address, new.channel):
            return
        with self._lock:
            self._ways[camera] = new
            ways = tuple(self._ways.values())
        try:
            self._seal.write_hidden(self._path, ways)
        except OSError as error:
            _log.warning("how camera %s is turned cannot be kept for a time without the hub: %s", camera, error)

    def key(self, camera: str, refused: Key | None) -> tuple[Key | None, bool]:
        """How it is opened, and whether that is all there is to know; asks the hub for what is not known.

        `refused`: this one was wrong.
        """
        key, said = self._secrets.key_of(camera)
        if refused is not None and key == refused:
            self._secrets.ask((camera,), refused=(camera,))
            return None, False
        if key is None and not said and self.seats.up:
            self._secrets.ask((camera,))
            return None, False
        return key, True
