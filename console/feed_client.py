"""The GUI's end of the feeder: Inbox, ActionDesk, AccessDesk, HistoryDesk and FiguresDesk in the GUI process. No Qt.

Threads: one reader connects, decodes and fills the inbox; one sender gives clicks and questions to
the connection; the GUI's thread only drains and submits. At the start the reader takes the last state
straight from ops.db (read-only), before the feeder is even up, so the first paint waits for no process.

A click: sent with its `aid`; `submit` waits at most 0.1 s for "kept", that is, journaled with fsync.
No connection, or a refusal: ActionRefused at once, nothing was kept. No answer in time: `submit`
returns and the click stays open here, is sent again after a reconnect under the same `aid`, and
becomes QUEUED by the feeder's word, or REFUSED "not_kept" after 5 s; the feeder keeps none that is
older than that. A feeder that kept one and died before it said so is the one case in which "not_kept" was
wrong: the next feeder is asked about it, and its word is the last.

What a role may not do is refused here already, with the grant that the feeder told last; the feeder and the
hub look again. A lock counts here from the call on. What was acknowledged here alone is told to every feeder
that comes, until one has it in the audit. A question of access is asked once: when the feeder is
gone before it answers, it ends with "no_feeder".
"""

from __future__ import annotations

import itertools
import logging
import queue
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Sequence
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection
from pathlib import Path

import msgspec
import numpy as np

from backends.domain.access import NOBODY, AccessAnswer, AccountsTold, AccountWish, Grant, Revealed
from backends.domain.action import Action, ActionStatus, Stage, Verb, new_aid
from backends.domain.camera import Sight
from backends.domain.feeds import FeedQuality, FeedStatus, LinkState, Mode
from backends.domain.people import Speaker
from backends.domain.ports import ActionRefused, Changes, Delivery, LinkStatus, NewSamples, SeriesPart
from backends.domain.times import HubClock
from backends.domain.turning import TurnStage, TurnStatus, TurnWish
from backends.store.reader import read_state
from console import feed_wire as wire

_log = logging.getLogger(__name__)

SILENT_S = 1.5
"""Without a word on the link, whatever else the feeder sends."""
RETRY_S = 0.1
ANSWER_S = 0.1
"""How long `submit` waits."""
CLICK_LIVES_S = 5.0
CLICK_GRACE_S = 1.0
"""Beyond its life, for an answer that is on its way."""
UNSURE_KEPT = 256
FRAME_LIMIT = 64 << 20


class _Open(msgspec.Struct):
    """A click without an answer."""

    click: wire.Click
    made_at_ns: int
    answered: threading.Event
    refusal: wire.ClickRefused | None = None
    returned: bool = False
    """`submit` has returned: what becomes of it goes to the inbox."""


_Asked = wire.AskSignIn | wire.AskSignOut | wire.AskReveal | wire.AskAccounts | wire.AskConfide
"""Questions that are asked once, and end with the feeder."""


def _without_secrets(frame: _Asked) -> _Asked:
    """For as long as it is not answered."""
    if isinstance(frame, wire.AskSignIn):
        return msgspec.structs.replace(frame, secret="")
    if isinstance(frame, wire.AskAccounts):
        return msgspec.structs.replace(frame, wish=msgspec.structs.replace(frame.wish, secret="", old=""))
    if isinstance(frame, wire.AskConfide):
        return msgspec.structs.replace(frame, values={})
    return frame


class FeedClient:
    """`drain` and `submit` belong to the GUI's thread; neither waits for the feeder longer than stated."""

    def __init__(
        self, address: str, authkey: bytes, *, data_dir: Path | None = None, mode: Mode = Mode.LIVE,
        clock: HubClock | None = None,
    ) -> None:  # fmt: skip
        """`data_dir`: read the last state from there at the start. `clock` is set by what the link says."""
        self._address = address
        self._authkey = authkey
        self._data_dir = data_dir
        self._mode = mode
        self._clock = clock or HubClock()
        self._inbox: deque[Delivery] = deque()
        self._outgoing: queue.SimpleQueue[wire.ToFeeder | None] = queue.SimpleQueue()
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._clicks: dict[str, _Open] = {}
        self._unaudited: dict[str, wire.Acknowledged | wire.StillSaved] = {}
        """Acknowledged or saved here, and not in the audit yet as far as a feeder has told."""
        self._under_way: set[str] = set()
        self._unsure: deque[str] = deque(maxlen=UNSURE_KEPT)
        """Clicks that ended here without an answer: every feeder that comes is asked what became of them."""
        """Actions that were kept or told and have no end yet. Reader's thread only."""
        self._feeds: dict[str, FeedStatus] = {}
        self._connection: Connection | None = None
        self._have: dict[str, tuple[str, int]] = {}
        self._viewing: tuple[str, ...] = ()
        self._wanted: tuple[str, ...] = ()
        self._wanted_pictures: tuple[str, ...] = ()
        self._link = LinkStatus(LinkState.CONNECTING, mode, self._clock.now_ns())
        self._grant = NOBODY
        self._asked: dict[int, _Asked] = {}
        """Without secrets."""
        self._turned: dict[str, int] = {}
        """Cameras that are turned from here or asked for, with the number of that (`TurnWish.number`)."""
        self._silent = True
        self._stop = threading.Event()
        self.state_read = threading.Event()
        """Set when the last stored state is in the inbox (or there is none)."""
        self._reader = threading.Thread(target=self._run, name="feed-reader", daemon=True)
        self._sender = threading.Thread(target=self._send_all, name="feed-sender", daemon=True)

    def start(self) -> None:
        self._reader.start()
        self._sender.start()

    def stop(self) -> None:
        self._stop.set()
        self._outgoing.put(None)
        for thread in (self._reader, self._sender):
            if thread.is_alive():
                thread.join(3.0)
        with self._lock:
            left = list(self._unaudited.values())
        for note in left:
            what = note.target if isinstance(note, wire.Acknowledged) else f"{note.target} {note.detail}"
            _log.warning("no feeder until the end: the audit has no row for %s of %s", type(note).__name__, what)

    # -- the GUI's thread ----------------------------------------------------------------------------

    def drain(self, limit: int = 5000) -> list[Delivery]:
        """See ports.Inbox. Silence is judged here, because the reader may hang in a dead connection."""
        self._judge_silence()
        inbox = self._inbox
        return [inbox.popleft() for _ in range(min(limit, len(inbox)))]

    def submit(
        self, verb: Verb, feed: str, target: str, expect_state_rev: int, args: dict[str, str] | None = None,
        pictures: Sequence[bytes] = (),
    ) -> str:  # fmt: skip
        """See ports.ActionDesk, and above."""
        grant = self._grant
        refusal = grant.refusal(verb)
        if refusal:
            raise ActionRefused(refusal)
        if self._connection is None:
            raise ActionRefused("not_kept", "the feeder of this station does not run")
        until_s = time.monotonic() + CLICK_LIVES_S
        click = wire.Click(
            new_aid(), verb, feed, target, expect_state_rev, args or {}, until_s, grant.operator_id, tuple(pictures)
        )
        waiting = _Open(click, self._clock.now_ns(), threading.Event())
        with self._lock:
            self._clicks[click.aid] = waiting
        self._outgoing.put(click)
        waiting.answered.wait(ANSWER_S)
        with self._lock:
            waiting.returned = True
            if waiting.refusal is not None:
                raise ActionRefused(waiting.refusal.code, waiting.refusal.text)
        return click.aid

    @property
    def grant(self) -> Grant:
        """Who sits here, as far as the feeder has told."""
        return self._grant

    def acknowledged_here(self, target: str) -> None:
        """For the audit: an alarm that the GUI raises by itself was acknowledged. It may be the alarm of the feeder
        that is gone: the next one notes it."""
        self._note(wire.Acknowledged(new_aid(), target, self._grant.operator_id, self._clock.now_ns()))

    def still_saved(self, camera: str, detail: str) -> None:
        """For the audit: a still of a camera was saved here; `detail` names the file and its hash."""
        self.file_saved("save_still", f"cameras/{camera}", detail)

    def file_saved(self, what: str, target: str, detail: str) -> None:
        """For the audit: a file with something of `target` was saved here."""
        self._note(wire.StillSaved(new_aid(), target, detail, self._grant.operator_id, self._clock.now_ns(), what))

    def _note(self, note: wire.Acknowledged | wire.StillSaved) -> None:
        with self._lock:
            self._unaudited[note.aid] = note
        self._outgoing.put(note)

    def sign_in(self, person: str, secret: str) -> int:
        """See ports.AccessDesk."""
        return self._ask(wire.AskSignIn(next(self._numbers), person, secret))

    def sign_out(self) -> int:
        """See ports.AccessDesk."""
        return self._ask(wire.AskSignOut(next(self._numbers)))

    def lock(self) -> None:
        """See ports.AccessDesk."""
        with self._lock:
            if self._grant.operator_id:
                # Not even a feeder that hangs may keep a locked screen open to clicks.
                self._grant = msgspec.structs.replace(self._grant, locked=True)
                self._inbox.append(self._grant)
        self._outgoing.put(wire.AskLock())

    def reveal(self, what: str, target: str, reason: str) -> int:
        """See ports.AccessDesk."""
        return self._ask(wire.AskReveal(next(self._numbers), what, target, reason))

    def accounts(self, wish: AccountWish) -> int:
        """See ports.AccessDesk."""
        return self._ask(wire.AskAccounts(next(self._numbers), wish))

    def confide(self, target: str, values: dict[str, str]) -> int:
        """See ports.AccessDesk."""
        return self._ask(wire.AskConfide(next(self._numbers), target, values))

    def turn(self, wish: TurnWish) -> None:
        """See ports.TurnDesk."""
        with self._lock:
            there = self._connection is not None
            if there and wish.begins:
                self._turned[wish.camera_id] = wish.number
        if there:
            self._outgoing.put(wire.AskTurn(wish))
        elif wish.begins:
            self._inbox.append(TurnStatus(wish.camera_id, TurnStage.ENDED, "no_feeder", number=wish.number))

    def _ask(self, frame: _Asked) -> int:
        kept = _without_secrets(frame)
        with self._lock:
            self._asked[frame.request] = kept
            there = self._connection is not None
        if there:
            self._outgoing.put(frame)
        else:
            self._no_feeder()
        return frame.request

    def _no_feeder(self) -> None:
        """Nobody will answer what was asked."""
        with self._lock:
            asked, self._asked = list(self._asked.values()), {}
            turned, self._turned = sorted(self._turned.items()), {}
        self._inbox.extend(TurnStatus(camera, TurnStage.ENDED, "no_feeder", number=n) for camera, n in turned)
        for frame in asked:
            if isinstance(frame, wire.AskReveal):
                self._inbox.append(Revealed(frame.request, frame.what, frame.target, "no_feeder"))
            elif isinstance(frame, wire.AskAccounts):
                self._inbox.append(AccountsTold(frame.request, frame.wish, "no_feeder"))
            else:
                self._inbox.append(AccessAnswer(frame.request, "no_feeder"))

    def request(self, series: str, t0_ns: int, t1_ns: int, max_points: int) -> int:
        """See ports.HistoryDesk."""
        number = next(self._numbers)
        self._outgoing.put(wire.Question(number, series, t0_ns, t1_ns, max_points))
        return number

    def ask_figures(self, t0_ns: int, t1_ns: int) -> int:
        """See ports.FiguresDesk."""
        number = next(self._numbers)
        self._outgoing.put(wire.AskFigures(number, t0_ns, t1_ns))
        return number

    def viewing(self, cameras: tuple[str, ...]) -> None:
        """All cameras that are on the screen now, for the audit."""
        self._viewing = cameras
        self._outgoing.put(wire.Viewing(cameras))

    def sees(self, sights: tuple[Sight, ...]) -> None:
        """How the cameras on the screen are, for the hub; said again every few seconds, so that none is kept here."""
        self._outgoing.put(wire.Seeing(sights))

    def sound(self, speaker: Speaker | None) -> None:
        """How the loudspeaker here is, for the hub; said again every few seconds, as `sees` is."""
        self._outgoing.put(wire.Sounding(speaker))

    def want(self, blobs: tuple[str, ...]) -> None:
        """See ports.SmallPictureDesk."""
        self._wanted = blobs
        self._outgoing.put(wire.WantPictures(blobs))

    def want_pictures(self, blobs: tuple[str, ...]) -> None:
        """See ports.PictureDesk."""
        self._wanted_pictures = blobs
        self._outgoing.put(wire.WantPictures(blobs, of_records=True))

    # -- the reader's thread -------------------------------------------------------------------------

    def _run(self) -> None:
        self._read_store()
        while not self._stop.is_set():
            try:
                connection = Client(self._address, authkey=self._authkey)
            except (OSError, EOFError, AuthenticationError):
                self._stop.wait(RETRY_S)
                continue
            try:
                self._serve(connection)
            except (OSError, EOFError, msgspec.DecodeError) as error:
                _log.info("the feeder has gone: %s", error or type(error).__name__)
            finally:
                self._connection = None
                connection.close()
                self._no_feeder()

    def _read_store(self) -> None:
        """The last stored state, without waiting for the feeder."""
        try:
            if self._data_dir is not None:
                state = read_state(self._data_dir, self._mode)
                if state.clock is not None:
                    self._clock.set(state.clock.now_ns(time.time_ns()), state.clock.rate)
                for kept in state.feeds:
                    records = tuple(wire.decode_record(kept.feed, raw) for _, raw in kept.items)
                    self._have[kept.feed] = (kept.epoch, kept.seq)
                    self._inbox.append(Changes(kept.feed, records, reset=True))
                    self._take_feed(FeedStatus(kept.feed, FeedQuality.STORED, kept.t_fresh_ns, cursor=kept.seq))
                for status in state.unfinished:
                    self._take_action(status)
        except (sqlite3.Error, OSError, msgspec.DecodeError) as error:
            _log.warning("the last state cannot be read here: %s", error)
        finally:
            self._inbox.append(self._link)
            self.state_read.set()

    def _serve(self, connection: Connection) -> None:
        connection.send_bytes(wire.encode(wire.Attach(self._have, (*self._under_way, *self._unsure))))
        self._have = {}
        self._heard_s = time.monotonic()
        with self._lock:
            self._connection = connection
            again: list[wire.ToFeeder] = [o.click for o in self._clicks.values() if not o.answered.is_set()]
            again += self._unaudited.values()
        for frame in again:
            self._outgoing.put(frame)
        self._outgoing.put(wire.Viewing(self._viewing))
        self._outgoing.put(wire.WantPictures(self._wanted))
        self._outgoing.put(wire.WantPictures(self._wanted_pictures, of_records=True))
        while not self._stop.is_set():
            if connection.poll(0.25):
                self._take(wire.decode_to_gui(connection.recv_bytes(FRAME_LIMIT)))

    _heard_s = 0.0

    def _take(self, frame: wire.ToGui) -> None:  # noqa: PLR0912  # one case a frame is its whole shape
        match frame:
            case wire.WireChanges():
                records = tuple([wire.decode_record(frame.feed, raw) for raw in frame.put])
                self._inbox.append(Changes(frame.feed, records, frame.deleted, frame.reset, frame.stored))
            case wire.WireSamples():
                self._inbox.append(NewSamples(frame.samples, frame.conflated))
            case wire.WireSeries():
                t_ns = np.frombuffer(frame.t_ns, dtype=np.int64)
                value = np.frombuffer(frame.value, dtype=np.float64)
                self._inbox.append(SeriesPart(frame.request, frame.series, t_ns, value, frame.complete, frame.flags))
            case wire.WireFigures():
                self._inbox.append(frame.part)
            case wire.WireFeedStatus():
                self._take_feed(frame.status)
            case wire.WireLinkStatus():
                # Due twice a second from the link's own thread: no other frame shows that it still turns.
                self._heard_s = time.monotonic()
                self._silent = False
                self._link = frame.status
                if frame.status.now_ns:
                    self._clock.set(frame.status.now_ns, frame.status.rate)
                self._inbox.append(frame.status)
            case wire.WireAction():
                self._close_click(frame.status.action.aid, None)
                self._take_action(frame.status)
            case wire.WireTrouble():
                self._inbox.append(frame.trouble)
            case wire.ClickKept():
                self._under_way.add(frame.aid)
                self._close_click(frame.aid, None)
            case wire.AuditKept():
                with self._lock:
                    self._unaudited.pop(frame.aid, None)
            case wire.ClickRefused():
                self._close_click(frame.aid, frame)
            case wire.WireGrant():
                with self._lock:
                    self._grant = frame.grant
                self._inbox.append(frame.grant)
            case wire.WireAccess() | wire.WireRevealed() | wire.WireAccounts():
                with self._lock:
                    self._asked.pop(frame.answer.request, None)
                self._inbox.append(frame.answer)
            case wire.WireSmallPicture():
                self._inbox.append(frame.picture)
            case wire.WireTurn():
                self._take_turn(frame.status)
            case wire.Alive():
                pass  # that it came is all it says

    def _take_turn(self, status: TurnStatus) -> None:
        with self._lock:
            number = max(status.number, self._turned.get(status.camera_id, 0))
            if status.stage is not TurnStage.ENDED:
                self._turned[status.camera_id] = number
            elif status.number == number:  # else it was taken again since
                self._turned.pop(status.camera_id, None)
        self._inbox.append(status)

    def _take_action(self, status: ActionStatus) -> None:
        (self._under_way.discard if status.stage.final else self._under_way.add)(status.action.aid)
        self._inbox.append(status)

    def _take_feed(self, status: FeedStatus) -> None:
        self._feeds[status.feed] = status
        self._inbox.append(status)

    def _close_click(self, aid: str, refusal: wire.ClickRefused | None) -> None:
        with self._lock:
            waiting = self._clicks.pop(aid, None)
            if waiting is None:
                return
            waiting.refusal = refusal
            waiting.answered.set()
            late = refusal is not None and waiting.returned
        if late and refusal is not None:
            self._refuse(waiting, refusal.code, refusal.text)

    def _refuse(self, waiting: _Open, code: str, text: str) -> None:
        click = waiting.click
        action = Action(
            click.aid, click.verb, click.feed, click.target, click.expect_state_rev, waiting.made_at_ns, args=click.args
        )
        self._inbox.append(ActionStatus(action, Stage.REFUSED, code, text, self._clock.now_ns(), click.person))

    def _judge_silence(self) -> None:
        """The feeder's link is silent: nothing here may look live. Also ends clicks that nobody answered."""
        now_s = time.monotonic()
        with self._lock:
            dead = [o for o in self._clicks.values() if now_s > o.click.until_mono_s + CLICK_GRACE_S]
            for waiting in dead:
                del self._clicks[waiting.click.aid]
        for waiting in dead:
            self._unsure.append(waiting.click.aid)
            self._refuse(waiting, "not_kept", "")
        if self._silent or now_s - self._heard_s <= SILENT_S:
            return
        self._silent = True
        now_ns = self._clock.now_ns()
        self._link = LinkStatus(LinkState.DOWN, self._mode, now_ns, reason="feeder_silent", now_ns=now_ns)
        self._inbox.append(self._link)
        for status in list(self._feeds.values()):
            if status.quality in (FeedQuality.LIVE, FeedQuality.CATCHING_UP):
                self._take_feed(msgspec.structs.replace(status, quality=FeedQuality.STALE))

    # -- the sender's thread -------------------------------------------------------------------------

    def _send_all(self) -> None:
        while (frame := self._outgoing.get()) is not None:
            connection = self._connection
            if connection is None:
                continue  # clicks are sent again after the next Attach; a question is asked anew by its plot
            try:
                connection.send_bytes(wire.encode(frame))
            except OSError as error:
                _log.info("not sent to the feeder: %s", error)
            except UnicodeEncodeError:  # half a character, as a broken paste leaves it
                self._unsendable(frame)

    def _unsendable(self, frame: wire.ToFeeder) -> None:
        """Said in words; what is in it goes into no log."""
        _log.info("a text for the feeder is damaged: %s", type(frame).__name__)
        match frame:
            case wire.Click():
                self._close_click(frame.aid, wire.ClickRefused(frame.aid, "bad_text", "the text is damaged"))
            case wire.AskSignIn() | wire.AskSignOut() | wire.AskReveal() | wire.AskAccounts() | wire.AskConfide():
                with self._lock:
                    self._asked.pop(frame.request, None)
                if isinstance(frame, wire.AskReveal):
                    self._inbox.append(Revealed(frame.request, frame.what, "", "bad_reason"))
                elif isinstance(frame, wire.AskAccounts):
                    self._inbox.append(AccountsTold(frame.request, AccountWish(frame.wish.act), "bad_name"))
                else:
                    self._inbox.append(AccessAnswer(frame.request, "refused"))
            case _:
                pass
