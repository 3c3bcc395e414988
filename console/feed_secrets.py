"""How cameras are opened: user names and passwords from the hub to this station's decoders.

The supervisor says over a local door which cameras screens want where, and which of them refuse (`Wants`); the keeper
asks the hub for what it does not know, and hands everything back (`Given`). A cycle, about twice a second:
1. a wanted camera that was never asked for, or not for a day, or that refuses, is asked for: some at a time, and one
   that goes on refusing ever more rarely, up to a quarter of an hour. One that is wanted from a place that is none of
   its own streams in the directory (a restream server, or a host that a screen made up) is not asked for;
2. the hub answers for whoever sits here, and keeps on record to whom; so does this station's audit, one row a giving;
3. what is new is sealed and hidden in `DATA_DIR/access`, so that a wall keeps its pictures while the hub is away, for
   a week at most, and goes to the supervisor, whose broker opens those streams afresh. With it go the places of the
   camera's own streams as the directory says now: no other address gets the password, whatever a screen names.
Must not: let a password into a log, a record, the store or a screen, or ask while nobody sits here.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from functools import partial
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection
from pathlib import Path
from typing import Protocol

import msgspec
from msgspec.structs import replace

from backends.domain.access import Grant, Right
from backends.domain.camera import Camera
from backends.domain.replay import past_key
from backends.domain.times import NS_PER_S, MonotonicClock, SessionClock
from backends.protocol.messages import Revealed
from backends.video.channel import Stopper
from backends.video.places import places_of
from console.feed_verifiers import MOST_OFFLINE_S
from console.sealed import BadSeal, Seal

_log = logging.getLogger(__name__)

FILE = "cameras"
CONFIRM_S = 86400.0
"""What the hub gave so long ago is asked for again when a screen wants that camera: it may have been taken away."""
AT_ONCE, A_LOOK = 4, 3
"""Questions under way, and asked at one look: the hub takes ten a second from a station, of all kinds."""
AGAIN_S, AGAIN_MOST_S = 5.0, 900.0
"""After an answer that did not help."""
TROUBLE_S = 10.0
"""After none, or one that says that nobody may be told now."""
RETRY_S = 1.0


PAST_PLACES = 16
"""Addresses of one camera's past that stay allowed, the newest: more than a station shows at once."""


class Want(msgspec.Struct, frozen=True):
    """A stream on a screen that may take a password."""

    camera: str
    place: str
    """Where it comes from (`place_of`), as the screen says."""
    refused: bool = False


class Wants(msgspec.Struct, frozen=True, tag="wants"):
    """Supervisor: all of them."""

    streams: tuple[Want, ...]


class Key(msgspec.Struct, frozen=True):
    """How one camera is opened."""

    camera: str
    user: str
    password: str
    places: tuple[str, ...] = ()
    """Where they may go (`place_of`)."""

    def __repr__(self) -> str:
        return f"Key({self.camera!r}, ...)"


class Given(msgspec.Struct, frozen=True, tag="given"):
    """Feeder: all that this station knows, in the place of what was given before."""

    keys: tuple[Key, ...]

    def __repr__(self) -> str:
        return f"Given({len(self.keys)})"


class _Kept(msgspec.Struct, frozen=True):
    """In the sealed file."""

    key: Key
    t_ns: int
    """When the hub last said so, in its time."""
    places: tuple[str, ...] = ()
    """Of the camera's own streams, as the directory said then."""


class _Camera(msgspec.Struct):
    """What is known of one."""

    kept: _Kept | None = None
    confirmed_s: float | None = None
    """When the hub answered, this run, monotonic: with a secret, or that there is none."""
    next_s: float = 0.0
    pause_s: float = AGAIN_S / 2
    asking: bool = False


class Opener(Protocol):
    """What the keeper needs of AccessKeeper."""

    def open_camera(self, camera: str, told: Callable[[str, Revealed], None]) -> bool: ...


class SecretKeeper:
    """`noted` is called with (what, person, target, detail) for the audit. Thread-safe."""

    def __init__(
        self,
        folder: Path,
        clock: SessionClock,
        mono: MonotonicClock,
        opener: Opener,
        noted: Callable[[str, str, str, str], None],
        record: Callable[[str], bytes | None],
    ) -> None:
        """`record`: what the directory says of a camera, JSON; None = it does not have it (now). From any thread."""
        self._path = folder / FILE
        self._clock, self._mono, self._opener, self._noted = clock, mono, opener, noted
        self._record = record
        self._lock = threading.Lock()
        self._cameras: dict[str, _Camera] = {}
        self._past: dict[str, Key] = {}
        """Recorders' keys for the past of cameras, of whoever sits here now. Never on disk."""
        self._past_of = ""
        self._unsaved = False
        self._seal = Seal("", "", "")
        self._stopper = Stopper()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, address: str, authkey: bytes, seal: Seal) -> None:
        """Reads what is kept, then talks with the supervisor in a thread of its own. Without an address: nothing."""
        self._seal = seal
        if not address:
            return
        self._load()
        self._thread = threading.Thread(target=self._run, args=(address, authkey), name="camera secrets", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._stopper.stop()
        if self._thread is not None:
            self._thread.join(5.0)

    # -- what is known -------------------------------------------------------------------------------

    def _load(self) -> None:
        try:
            found = self._seal.read_hidden(self._path, tuple[_Kept, ...])
        except (BadSeal, OSError) as error:
            _log.warning("how cameras are opened is not known here any more (new keys of the station?): %s", error)
            return
        oldest_ns = self._clock.now_ns() - int(MOST_OFFLINE_S * NS_PER_S)
        self._cameras = {kept.key.camera: _Camera(kept) for kept in found or () if kept.t_ns > oldest_ns}

    def _save(self) -> None:
        with self._lock:
            if not self._unsaved:
                return
            self._unsaved = False
            kept = tuple(one.kept for one in self._cameras.values() if one.kept is not None)
        try:
            self._seal.write_hidden(self._path, kept)
        except OSError as error:
            _log.warning("how cameras are opened cannot be kept for a start without the hub: %s", error)

    def given(self) -> Given:
        """All that is known, and where it may go now."""
        with self._lock:
            kept = [one.kept for one in self._cameras.values() if one.kept is not None]
            past = tuple(self._past.values())
        return Given((*(replace(one.key, places=self._own(one.key.camera, one.places)) for one in kept), *past))

    def _own(self, camera: str, before: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Places of the camera's own streams, none of the room's restream server. `before`: while the directory is not
        there, so that pictures go on."""
        raw = self._record(camera)
        return before if raw is None else tuple(sorted(places_of(one.uri for one in _camera.decode(raw).streams)))

    # -- past times ----------------------------------------------------------------------------------

    def allow(self, person: str, camera: str, user: str, password: str, uri: str) -> None:
        """The hub has allowed this person to look at this past of the camera. Until somebody else sits here, or a lock:
        a recorder that answers later than that opens nothing."""
        name = past_key(camera)
        with self._lock:
            if not person or person != self._past_of:
                return
            known = self._past.get(name)
            before = known.places if known is not None and (known.user, known.password) == (user, password) else ()
            places = (*(place for place in before if place != uri), uri)[-PAST_PLACES:]
            self._past[name] = Key(name, user, password, places)

    def sits(self, grant: Grant) -> None:
        """At every change of who sits here: what somebody was allowed to see of the past is not the next one's."""
        person = grant.operator_id if grant.may(Right.LOOK_BACK) else ""
        with self._lock:
            if person != self._past_of:
                self._past_of = person
                self._past.clear()

    def key_of(self, camera: str) -> tuple[Key | None, bool]:
        """(how it is opened, the hub has said so in this run: without a key it takes none)."""
        with self._lock:
            one = self._cameras.get(camera)
            if one is None:
                return None, False
            return (one.kept.key if one.kept is not None else None), one.confirmed_s is not None

    # -- asking --------------------------------------------------------------------------------------

    def look(self, wants: Wants) -> None:
        """Ask for what is missing; returns at once."""
        own = [one for one in wants.streams if one.place in self._own(one.camera)]
        self.ask((one.camera for one in own), (one.camera for one in own if one.refused))

    def ask(self, cameras: Iterable[str], refused: Iterable[str] = ()) -> None:
        """The same for these cameras, and first for those of them that refuse what is known."""
        now_s, now_ns = self._mono.monotonic_s(), self._clock.now_ns()
        refusing = dict.fromkeys(refused)
        wanted = refusing | dict.fromkeys(cameras)
        with self._lock:
            places = AT_ONCE - sum(one.asking for one in self._cameras.values())
            due = [c for c in wanted if _due(self._cameras.setdefault(c, _Camera()), c in refusing, now_s, now_ns)]
            chosen = due[: max(0, min(places, A_LOOK))]
            for camera in chosen:
                self._cameras[camera].asking = True
        for camera in chosen:
            if not self._opener.open_camera(camera, partial(self._told, camera)):
                with self._lock:
                    self._cameras[camera].asking = False

    def _told(self, camera: str, person: str, said: Revealed) -> None:
        """The hub's answer. In the link's thread: what goes to the disk waits for the other one."""
        now_s, now_ns = self._mono.monotonic_s(), self._clock.now_ns()
        user, password = said.values.get("user", ""), said.values.get("password", "")
        places = self._own(camera)
        with self._lock:
            one = self._cameras[camera]
            one.asking = False
            if said.code not in ("", "unknown"):
                one.next_s = now_s + TROUBLE_S
                return
            new = Key(camera, user, password) if not said.code and user else None
            changed = new != (one.kept.key if one.kept is not None else None)
            one.kept = _Kept(new, now_ns, places) if new is not None else None
            one.confirmed_s = now_s
            one.pause_s = AGAIN_S if changed else min(AGAIN_MOST_S, one.pause_s * 2)
            one.next_s = now_s + one.pause_s
            self._unsaved = True
        if new is not None:
            self._noted("camera_secret", person, f"cameras/{camera}", "new" if changed else "as before")

    # -- the door of the supervisor ------------------------------------------------------------------

    def _run(self, address: str, authkey: bytes) -> None:
        while not self._stopped.is_set():
            try:
                connection = Client(address, authkey=authkey)
            except (OSError, EOFError, AuthenticationError):
                self._stopped.wait(RETRY_S)  # the supervisor opens it before it starts us; it may just be ending
                continue
            try:
                self._serve(connection)
            except (OSError, EOFError):
                _log.info("the supervisor does not listen; cameras are opened as they were")
            except msgspec.DecodeError as error:
                _log.warning("the supervisor says something that cannot be read: %s", error)
            finally:
                connection.close()
            self._stopped.wait(RETRY_S)

    def _serve(self, connection: Connection) -> None:
        sent: Given | None = None
        while True:
            given = self.given()
            if given != sent:
                connection.send_bytes(encode(given))
                sent = given
            self._save()
            message = self._stopper.receive(connection)
            if message is None:
                return
            self.look(wants_decoder.decode(message))


def _due(one: _Camera, refused: bool, now_s: float, now_ns: int) -> bool:
    if one.asking or now_s < one.next_s:
        return False
    if refused:
        return True
    if one.confirmed_s is not None:
        return now_s - one.confirmed_s > CONFIRM_S
    return one.kept is None or now_ns - one.kept.t_ns > int(CONFIRM_S * NS_PER_S)


_camera = msgspec.json.Decoder(Camera)
encode = msgspec.json.encode
wants_decoder = msgspec.json.Decoder(Wants)
given_decoder = msgspec.json.Decoder(Given)
