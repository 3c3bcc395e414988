"""The feeder: a process that keeps the link and the store, so that the GUI's thread never waits for them.

`python -m console.feeder`, started through backends.process with the fields of FeedSettings. A GUI
connects to `listen` with `authkey`; several may. Frames are msgpack (feed_wire.py), never pickle.

One GUI's cycle: 1. Attach, with the positions that it has read from the store by itself; 2. every
other feed as a whole, statuses, unfinished actions; 3. increments; `Alive` when there is nothing.
A GUI that reads slowly holds up its own sender thread only.
"""

from __future__ import annotations

import logging
import os
import stat
import sys
import threading
import time
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection, Listener
from pathlib import Path

import msgspec

from backends.domain.access import AccessAnswer, AccountsTold, Grant, Revealed
from backends.domain.action import ActionStatus
from backends.domain.feeds import FeedStatus
from backends.domain.ports import (
    ActionRefused,
    FiguresPart,
    LinkStatus,
    NewSamples,
    SeriesPart,
    SmallPicture,
    StoreTrouble,
)
from backends.domain.turning import TurnStatus
from backends.process import BEAT_S, beat, child_settings, give_back_memory
from backends.store.store import StoreBusy
from console import feed_wire as wire
from console.feed_core import FeedCore
from console.feed_exchange import Out, OutChanges
from console.feed_settings import FeedSettings

_log = logging.getLogger(__name__)

ALIVE_EVERY_S = 0.4
LINK_TURNED_S = 1.0
"""A feeder whose link stands still has nothing to say that is alive."""
TURN_S = 0.02
"""Pause between two looks at a screen's queue: what comes in between goes out together."""
FRAME_LIMIT = 64 << 20
CAMERAS_A_ROW = 50
"""Of the audit."""


def to_frame(out: Out) -> wire.ToGui:  # noqa: PLR0912  # one case a kind is its whole shape
    """The frame that carries `out`."""
    match out:
        case OutChanges():
            return wire.WireChanges(out.feed, tuple(raw for raw, _ in out.items), out.deleted, out.reset, out.stored)
        case NewSamples():
            return wire.WireSamples(out.samples, out.conflated)
        case SeriesPart():
            numbers = out.t_ns.tobytes(), out.value.tobytes()
            return wire.WireSeries(out.request, out.series, *numbers, out.complete, out.flags)
        case FiguresPart():
            return wire.WireFigures(out)
        case FeedStatus():
            return wire.WireFeedStatus(out)
        case LinkStatus():
            return wire.WireLinkStatus(out)
        case ActionStatus():
            return wire.WireAction(out)
        case StoreTrouble():
            return wire.WireTrouble(out)
        case Grant():
            return wire.WireGrant(out)
        case AccessAnswer():
            return wire.WireAccess(out)
        case Revealed():
            return wire.WireRevealed(out)
        case AccountsTold():
            return wire.WireAccounts(out)
        case SmallPicture():
            return wire.WireSmallPicture(out)
        case TurnStatus():
            return wire.WireTurn(out)
        case _:
            return out


class Screen:
    """One GUI process at the other end of `connection`: a receiving thread and a sending thread."""

    def __init__(self, core: FeedCore, connection: Connection) -> None:
        self._core = core
        self._connection = connection
        self._wake = threading.Event()
        self._gone = threading.Event()
        self._viewing: frozenset[str] = frozenset()
        self._viewer = core.access.grant.operator_id
        self._looks = threading.Lock()
        """What is viewed and by whom: told by the GUI in one thread, by the feeder in the other."""

    def serve(self) -> None:
        """Until the GUI goes. Runs in a thread of its own."""
        try:
            first = wire.decode_to_feeder(self._connection.recv_bytes(FRAME_LIMIT))
            if not isinstance(first, wire.Attach):
                raise msgspec.DecodeError("the first frame must be Attach")
            self._outlet = self._core.exchange.attach(self._wake.set, first.have)
            self._tell_ends(first.open)
            sender = threading.Thread(target=self._send_all, name="screen-send", daemon=True)
            sender.start()
            try:
                while not self._gone.is_set():
                    self._take(wire.decode_to_feeder(self._connection.recv_bytes(FRAME_LIMIT)))
            finally:
                self._core.exchange.detach(self._outlet)
                self._core.turning.screen_gone(id(self))
                self._view(frozenset())
                self._core.small.want(id(self), (), self._send)
                self._core.large.want(id(self), (), self._send)
                self._core.views.sees(id(self), ())
                self._core.figures.forget(id(self))
                self._core.views.sound(id(self), None)
                self._gone.set()
                self._wake.set()
                sender.join(2.0)
        except (EOFError, OSError):
            _log.info("a screen has gone")
        except msgspec.DecodeError as error:
            _log.warning("a screen speaks another language: %s", error)
        finally:
            self._gone.set()
            self._connection.close()

    @property
    def gone(self) -> bool:
        return self._gone.is_set()

    def close(self) -> None:
        self._gone.set()
        self._wake.set()

    def _take(self, frame: wire.ToFeeder) -> None:  # noqa: PLR0912  # one case a frame is its whole shape
        exchange = self._core.exchange
        if isinstance(frame, wire.Click):
            try:
                # One that was kept before a restart is kept, however late it is asked about again.
                if time.monotonic() > frame.until_mono_s and not self._core.clicks.known(frame.aid):
                    raise ActionRefused("not_kept", "the click came too late")
                ended = self._core.clicks.ended(frame.aid)
                self._core.clicks.submit(
                    frame.verb, frame.feed, frame.target, frame.expect_state_rev, frame.args,
                    aid=frame.aid, person=frame.person, pictures=frame.pictures,
                )  # fmt: skip
                exchange.send(self._outlet, wire.ClickKept(frame.aid))
                if ended is not None:
                    exchange.send(self._outlet, ended)  # it came again; an end that comes now is told to all screens
            except ActionRefused as refusal:
                exchange.send(self._outlet, wire.ClickRefused(frame.aid, refusal.code, str(refusal)))
        elif isinstance(frame, wire.Question):
            self._core.history.ask(
                frame.request, frame.series, frame.t0_ns, frame.t1_ns, frame.max_points,
                lambda part: exchange.send(self._outlet, part),
            )  # fmt: skip
        elif isinstance(frame, wire.AskFigures):
            self._core.figures.ask(id(self), frame.request, frame.t0_ns, frame.t1_ns, self._send)
        elif isinstance(frame, wire.Viewing):
            self._view(frozenset(frame.cameras))
        elif isinstance(frame, wire.Seeing | wire.Sounding):
            self._tell_views(frame)
        elif isinstance(frame, wire.WantPictures):
            pictures = self._core.large if frame.of_records else self._core.small
            pictures.want(id(self), frame.blobs, self._send)
        elif isinstance(frame, wire.Acknowledged):
            self._core.acknowledged(frame.aid, frame.target, frame.person, frame.t_ns)
        elif isinstance(frame, wire.StillSaved):
            self._core.still_saved(frame)
        elif isinstance(frame, wire.AskTurn):
            self._core.turning.ask(id(self), frame.wish)
        else:
            self._take_access(frame)

    def _tell_views(self, frame: wire.Seeing | wire.Sounding) -> None:
        if isinstance(frame, wire.Seeing):
            self._core.views.sees(id(self), frame.sights)
        else:
            self._core.views.sound(id(self), frame.speaker)

    def _send(self, out: Out) -> None:
        self._core.exchange.send(self._outlet, out)

    def _view(self, cameras: frozenset[str] | None = None) -> None:
        """Who viewed which camera: a row where cameras came onto the screen, and one where they left it. Another
        person at the same screen ends the views of the one before and begins his own."""
        with self._looks:
            before, old = self._viewing, self._viewer
            now, new = before if cameras is None else cameras, self._core.access.grant.operator_id
            self._viewing, self._viewer = now, new
            self._core.views.show(id(self), now)
            ended, begun = (before - now, now - before) if old == new else (before, now)
            for what, person, changed in (("view_ended", old, ended), ("view_camera", new, begun)):
                ids = sorted(changed)
                for first in range(0, len(ids), CAMERAS_A_ROW):
                    self._core.audit(what, person, "cameras", " ".join(ids[first : first + CAMERAS_A_ROW]))

    def _take_access(self, frame: wire.ToFeeder) -> None:
        access, send = self._core.access, self._core.exchange.send
        match frame:
            case wire.AskSignIn():
                access.sign_in(frame.request, frame.person, frame.secret, lambda answer: send(self._outlet, answer))
            case wire.AskSignOut():
                access.sign_out(frame.request, lambda answer: send(self._outlet, answer))
            case wire.AskLock():
                access.lock()
            case wire.AskConfide():
                access.confide(frame.request, frame.target, frame.values, lambda answer: send(self._outlet, answer))
            case wire.AskReveal():
                access.reveal(
                    frame.request, frame.what, frame.target, frame.reason, lambda shown: send(self._outlet, shown)
                )
            case wire.AskAccounts():
                access.manage(frame.request, frame.wish, lambda told: send(self._outlet, told))

    def _tell_ends(self, aids: tuple[str, ...]) -> None:
        """What ended while this screen was away."""
        for aid in aids:
            status = self._core.clicks.ended(aid)
            if status is not None:
                self._core.exchange.send(self._outlet, status)

    def _send_all(self) -> None:
        exchange = self._core.exchange
        sent_s = 0.0
        try:
            while not self._gone.is_set():
                if not exchange.waiting(self._outlet):
                    self._wake.wait(ALIVE_EVERY_S)
                self._wake.clear()
                taken = exchange.take(self._outlet, time.monotonic())
                for out in taken:
                    self._connection.send_bytes(wire.encode(to_frame(out)))
                if any(isinstance(out, Grant) for out in taken):
                    self._view()
                now_s = time.monotonic()
                if taken:
                    sent_s = now_s
                elif now_s - sent_s >= ALIVE_EVERY_S and self._core.link_turns(LINK_TURNED_S):
                    self._connection.send_bytes(wire.encode(wire.Alive()))
                    sent_s = now_s
                self._gone.wait(TURN_S)
        except OSError:
            self._gone.set()
            self._connection.close()


class Feeder:
    """The listening end. `run` returns when `stop` is called or when the core has died."""

    def __init__(self, settings: FeedSettings) -> None:
        self._settings = settings
        self.core = FeedCore(settings)
        self._stop = threading.Event()
        self._screens: list[Screen] = []

    def run(self) -> int:
        """The process's exit status: 0 after `stop`, 1 when the core has died, 2 when it cannot start."""
        try:
            self.core.start()
        except (StoreBusy, OSError, ValueError) as error:
            _log.error("the feeder cannot start: %s", error)
            return 2
        remove_stale_socket(self._settings.listen)
        listener = Listener(self._settings.listen, authkey=bytes.fromhex(self._settings.authkey))
        threading.Thread(target=self._accept, args=(listener,), name="accept", daemon=True).start()
        try:
            while self.core.alive:
                # A core whose locks are held, or whose link stands still, is as good as hung: the supervisor sees
                # that no beat comes, has all stacks written down, and starts this process anew.
                if self.core.turns():
                    beat()
                give_back_memory(time.monotonic())
                if self._stop.wait(BEAT_S):
                    return 0
            return 1
        finally:
            for screen in self._screens:
                screen.close()
            listener.close()
            self.core.stop()

    def stop(self) -> None:
        self._stop.set()

    def _accept(self, listener: Listener) -> None:
        while not self._stop.is_set():
            try:
                connection = listener.accept()
            except (AuthenticationError, EOFError) as error:
                _log.warning("a screen was turned away: %s", error or type(error).__name__)
                continue
            except OSError as error:
                if not self._stop.is_set():
                    _log.warning("cannot take a screen: %s", error)
                    self._stop.wait(0.2)
                continue
            screen = Screen(self.core, connection)
            self._screens = [*(s for s in self._screens if not s.gone), screen]
            threading.Thread(target=screen.serve, name="screen", daemon=True).start()


def remove_stale_socket(address: str) -> None:
    """A killed feeder leaves its socket file; nothing else is ever removed."""
    if sys.platform != "win32":
        path = Path(address)
        if path.exists() and stat.S_ISSOCK(path.stat().st_mode):
            path.unlink()


def main() -> None:
    """Entry of the process."""
    feeders: list[Feeder] = []
    gone = threading.Event()

    def parent_gone() -> None:
        gone.set()
        for feeder in feeders:
            feeder.stop()

    raw = child_settings(parent_gone)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    feeder = Feeder(msgspec.convert(raw, FeedSettings))
    feeders.append(feeder)
    if gone.is_set():
        return
    status = feeder.run()
    logging.shutdown()
    os._exit(status)  # threads of half-open connections must not hold the process


if __name__ == "__main__":
    main()
