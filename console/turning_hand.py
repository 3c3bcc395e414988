"""One camera that is turned from this station, for as long as a lease lives: a thread of its own that speaks to it.

It keeps only the newest move, says a move again at half of its time-out for as long as a hand holds it, and stops the
camera at the end. Every move carries a time-out after which the camera stops by itself, never one beyond the lease:
this process may be killed at any moment.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from backends.domain.access import Grant, Right
from backends.domain.action import new_aid
from backends.domain.device import DeviceTrouble, Preset
from backends.domain.ports import PtzDriver
from backends.domain.turning import LEASE_S, MOVE_S, PatrolStop, TurnAct, Turner, TurnStage, TurnStatus, TurnWish, rank
from backends.onvif import media
from backends.onvif.device import Login, OnvifDevice
from backends.onvif.ptz import OnvifPtz
from backends.onvif.soap import DeviceFault
from backends.protocol.messages import Leased
from backends.video.faults import Refused, SourceFault
from backends.video.scene_head import SCHEME, SceneHead
from console.feed_secrets import Key
from console.options import scene_cache

if TYPE_CHECKING:
    from console.feed_turning import TurnKeeper

_log = logging.getLogger(__name__)

TIMEOUT_S = 1.0
"""Of a move, in the camera: what it turns on for at most when this process or the network dies."""
IDLE_S = 20.0
"""Without a hand for so long the camera is given back."""
RENEW_S = 10.0
"""The hub gives 30 s: two lost answers cost nothing."""
OFFLINE_S = 300.0
"""Without the hub a camera is taken for so long at most; then a person takes it again."""
LAST_LEASE_S = LEASE_S + OFFLINE_S
"""Since the hub was last heard: whose hand was on a camera then may have it for so long, and counts for no longer."""
LOOK_S = 0.25
RETRY_S = 1.0
"""After a call that did not reach the camera, or that it did not answer."""
KEY_WAIT_S = 4.0
ORDERS_MOST = 4
DWELL_LEAST_S = 3.0
"""Of a patrol: less than it takes to turn there shows nothing."""


class Hand:
    """See the module. `wish`, `end` and `seen` may be called by any thread and return at once."""

    def __init__(self, keeper: TurnKeeper, first: TurnWish, screen: int, grant: Grant, after: Hand | None) -> None:
        """`first`: what it begins with. `after`: the one before it, which may still be letting go."""
        self._after = after
        self._keeper, self.camera_id, self.screen, self._grant = keeper, first.camera_id, screen, grant
        camera_id = first.camera_id
        self._lease = new_aid()
        self._number = first.number
        self._tour = first.act is TurnAct.TOUR
        """A tour has it, the one of `_number`; until a person wishes anything of it."""
        self._changed = threading.Condition()
        self._move = TurnWish(camera_id, TurnAct.MOVE)
        self._move_until_s = 0.0
        self._orders: deque[TurnWish] = deque(maxlen=ORDERS_MOST)
        self._stops: tuple[PatrolStop, ...] = ()
        self._stop_at, self._stop_next_s = 0, 0.0
        self._hand_s = self._begun_s = time.monotonic()
        self._lease_until_s = self._renew_s = 0.0
        self._up = keeper.seats.up
        self._leased = self._offline = self._begun = False
        self._patrol_leased = False
        self._way: tuple[str, int] = ("", 0)
        self._end: tuple[str, str] | None = None
        self._driver: PtzDriver | None = None
        self._retry_s = 0.0
        self._refused: Key | None = None
        self._sent: tuple[float, float, float] | None = None
        """The move that the camera carries out, as far as it was told."""
        self._sent_s = 0.0
        self._may_turn = False
        """A move was sent, whether it came there or not, and no stop has come there since."""
        self._presets: tuple[Preset, ...] = ()
        self._text = ""
        self._told: TurnStatus | None = None
        self._thread = threading.Thread(target=self._run, name=f"turn {camera_id}", daemon=True)
        self.wish(screen, first)

    def start(self) -> None:
        self._thread.start()

    def join(self, seconds: float | None = None) -> None:
        self._thread.join(seconds)

    @property
    def ended(self) -> bool:
        return self._end is not None

    # -- of others -------------------------------------------------------------------------------------

    def wish(self, screen: int, wish: TurnWish) -> bool:
        """False: it has ended, and does nothing more."""
        with self._changed:
            if self._end is not None:
                return False
            tour = wish.act is TurnAct.TOUR
            if tour and not (self._tour and wish.number == self._number):
                return True  # a hand is on it, or another tour came first: its status says so
            self._tour = tour
            self._number = max(self._number, wish.number)
            self.screen, self._hand_s = screen, time.monotonic()
            match wish.act:
                case TurnAct.GIVE_BACK:
                    self._end = self._end or ("given_back", "")
                case TurnAct.TOUR if not wish.stops:
                    self._end = self._end or ("given_back", "")
                case TurnAct.PATROL | TurnAct.TOUR:
                    self._stops, self._stop_at, self._stop_next_s = wish.stops, 0, 0.0
                case TurnAct.MOVE:
                    self._move, self._move_until_s = wish, self._hand_s + MOVE_S
                    self._stops = ()
                case TurnAct.GO_TO | TurnAct.KEEP:
                    self._orders.append(wish)
                    self._stops = ()
                case TurnAct.TAKE:
                    self._stops = ()
            self._changed.notify()
            return True

    def end(self, code: str, holder: str = "") -> None:
        with self._changed:
            self._end = self._end or (code, holder)
            self._changed.notify()

    def seen(self, turner: Turner) -> None:
        """The hub shows that turner; an older record may still be on its way, so the hub is asked, not believed."""
        if not turner.is_at(self._grant.operator_id, self._keeper.station):
            with self._changed:
                self._renew_s = 0.0
                self._changed.notify()

    def _renewed(self, asked_s: float, said: Leased) -> None:
        """In the link's thread."""
        with self._changed:
            if not said.code:
                self._lease_until_s = asked_s + said.lease_s
                self._offline, self._leased = False, True
            elif said.code != "no_answer" or (self._offline and self._keeper.seats.up):
                self._end = self._end or (("taken" if said.code == "held" else said.code), said.holder)
            self._changed.notify()

    # -- its own thread --------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            if self._after is not None:
                self._after.join()  # only one hand at a time speaks to a camera; a call of it lasts for some seconds
                self._after = None
            self._tell(TurnStage.ASKING)
            if self._take():
                self._begun, self._begun_s = True, time.monotonic()
                self._note("turning_begun", self._manner)
                self._tell(TurnStage.TURNING)
                self._live()
        except Exception:  # noqa: BLE001  # logged; the screen would go on showing a hand that is none
            _log.exception("turning camera %s met a fault", self.camera_id)
            self.end("trouble")
        finally:
            self._let_go()
            code, holder = self._end or ("over", "")
            self._keeper.tell(TurnStatus(self.camera_id, TurnStage.ENDED, code, holder, number=self._number))
            self._keeper.finished(self)

    @property
    def _manner(self) -> str:
        """How it is turned, for the audit; empty: by hand."""
        if self._offline:
            return "offline"
        return "tour" if self._tour else "patrol" if self._patrol_leased else ""

    def _note(self, what: str, detail: str) -> None:
        self._keeper.noted(what, self._grant.operator_id, f"cameras/{self.camera_id}", detail)

    def _tell(self, stage: TurnStage) -> None:
        status = TurnStatus(
            self.camera_id, stage, text=self._text, offline=self._offline, patrol=bool(self._stops),
            presets=self._presets, number=self._number,
        )  # fmt: skip
        if status != self._told:
            self._told = status
            self._keeper.tell(status)

    # -- the lease -------------------------------------------------------------------------------------

    def _take(self) -> bool:
        """The hub's lease, or what is kept for a time without the hub; False: neither, the end says why."""
        patrol = bool(self._stops)
        said = self._ask("take", patrol=patrol)
        if said.code == "held" and patrol and not self._stops:  # a hand has come in between, which may get it
            patrol, said = False, self._ask("take")
        if said.code == "no_answer" and not self._keeper.seats.up and not self._tour:
            return self._take_offline()
        self._leased = said.code in ("", "no_answer")  # the hub may have given it, and its word was lost
        if said.code:
            self.end(said.code, said.holder)
            return False
        self._patrol_leased = patrol
        self._keeper.keep_way(self.camera_id, said)
        self._way = (said.address, said.channel)
        return not self.ended

    def _ask(self, act: str, *, patrol: bool = False, text: str = "") -> Leased:
        """Ask the hub and wait for its answer, which comes within some seconds whatever happens."""
        if not self._keeper.seats.up:
            return Leased(0, "no_answer")
        asked_s = time.monotonic()
        answers: list[Leased] = []

        def told(said: Leased) -> None:
            with self._changed:
                answers.append(said)
                if not said.code and said.lease_s:
                    self._lease_until_s, self._renew_s = asked_s + said.lease_s, asked_s + RENEW_S
                self._changed.notify()

        self._keeper.lease(self.camera_id, act, self._lease, told, patrol=patrol, text=text)
        with self._changed:
            self._changed.wait_for(lambda: bool(answers), 6.0)
        return answers[0] if answers else Leased(0, "no_answer")

    def _take_offline(self) -> bool:
        way = self._keeper.way(self.camera_id)
        if way is None:
            self.end("offline_unknown")
            return False
        if holder := self._outranked():
            self.end("held", holder)
            return False
        now_s = time.monotonic()
        with self._changed:
            self._offline, self._way = True, (way.address, way.channel)
            self._lease_until_s, self._renew_s = now_s + OFFLINE_S, now_s + RENEW_S
        return not self.ended

    def _outranked(self) -> str:
        """Whose hand was on it when the hub was last heard, if it may still be and need not give way to this one.

        One of this station has let go: this hand came after it, whoever it was.
        """
        turner = self._keeper.turner(self.camera_id)
        if turner is None or self._keeper.seats.away_s > LAST_LEASE_S:
            return ""
        if turner.operator_id == self._grant.operator_id or turner.station == self._keeper.station:
            return ""
        higher = rank(self._grant.role, patrol=bool(self._stops)) > rank(turner.role, patrol=turner.patrol)
        return "" if higher else turner.name

    def _judge(self, now_s: float) -> None:
        """Under the lock: does the lease live, is somebody there?"""
        grant, up = self._keeper.seats.grant, self._keeper.seats.up
        if up and not self._up:
            self._renew_s = 0.0
        self._up = up
        if grant.operator_id != self._grant.operator_id:
            self._end = self._end or ("session_over", "")
        elif refusal := grant.refusal(Right.TURN_CAMERA):
            self._end = self._end or (refusal, "")
        elif not self._stops and now_s - self._hand_s > IDLE_S:
            self._end = self._end or ("idle", "")
        elif now_s >= self._lease_until_s:
            # What the hub gave is over. Where the hub is away, the role and this lease are the grant that is kept.
            if not (self._offline or up or self._tour or self._outranked()):
                self._offline, self._lease_until_s = True, now_s + OFFLINE_S
            else:
                self._end = self._end or ("offline_over" if self._offline else "over", "")

    def _renew(self, now_s: float) -> None:
        """Not waited for; the answer moves the end of the lease. A patrol that a hand has ended is taken anew."""
        if not self._keeper.seats.up:
            return
        patrol = bool(self._stops)
        act = "take" if patrol is not self._patrol_leased or self._offline else "renew"
        self._patrol_leased = patrol
        self._keeper.lease(
            self.camera_id, act, self._lease, lambda said: self._renewed(now_s, said), patrol=patrol
        )  # fmt: skip

    # -- the camera ------------------------------------------------------------------------------------

    def _live(self) -> None:
        was_offline, was_tour = self._offline, self._tour
        while True:
            now_s = time.monotonic()
            with self._changed:
                self._judge(now_s)
                if self._end is not None:
                    return
                renew = now_s >= self._renew_s or bool(self._stops) is not self._patrol_leased
                if renew:
                    self._renew_s = now_s + RENEW_S
            if renew:
                self._renew(now_s)
            if self._offline is not was_offline:
                was_offline = self._offline
                self._note("turning_begun", "offline" if was_offline else "the hub is back")
            if self._tour is not was_tour:
                was_tour = self._tour
                self._note("turning_begun", self._manner or "taken from a tour")
            try:
                busy = self._turn(now_s)
                self._text = "" if busy else self._text
            except DeviceTrouble as trouble:
                self._troubled(trouble)
                busy = False
            self._tell(TurnStage.TURNING)
            if not busy:
                with self._changed:
                    if self._end is None:
                        self._changed.wait(self._pause(time.monotonic()))

    def _pause(self, now_s: float) -> float:
        """Until something may be due. Under the lock."""
        if now_s < self._retry_s:
            return max(0.01, min(LOOK_S, self._retry_s - now_s))
        if self._moving_wanted(now_s) and self._driver is not None and self._wanted() != self._sent:
            return 0.0
        due_s = self._sent_s + TIMEOUT_S / 2 if self._sent is not None else now_s + LOOK_S
        return max(0.01, min(LOOK_S, due_s - now_s))

    def _wanted(self) -> tuple[float, float, float]:
        return self._move.pan, self._move.tilt, self._move.zoom

    def _moving_wanted(self, now_s: float) -> bool:
        return now_s < self._move_until_s and any(self._wanted())

    def _turn(self, now_s: float) -> bool:
        """One call to the camera, if one is due; False: none is. Raises DeviceTrouble."""
        if now_s < self._retry_s:
            return False
        if self._driver is None:
            return self._connect()
        driver = self._driver
        with self._changed:
            # Looked at again: what was asked and written down since may have lasted.
            if self._end is not None:
                return False
            now_s = time.monotonic()
            moves, wanted, until_s = self._moving_wanted(now_s), self._wanted(), self._lease_until_s
        if moves:
            if wanted == self._sent and now_s - self._sent_s < TIMEOUT_S / 2:
                return self._order(driver)
            self._sent, self._sent_s, self._may_turn = wanted, now_s, True
            driver.move(*wanted, min(TIMEOUT_S, max(0.0, until_s - now_s)))
            return self._order(driver) or True
        if self._may_turn:
            self._sent = None
            self._stop(driver)
            return True
        return self._order(driver) or self._patrol(driver, now_s)

    def _stop(self, driver: PtzDriver) -> None:
        try:
            driver.stop()
        except DeviceFault as fault:  # some know no Stop: the time-out of their last move is it
            _log.info("camera %s was not stopped: %s", self.camera_id, fault)
        self._may_turn = False

    def _order(self, driver: PtzDriver) -> bool:
        with self._changed:
            if self._end is not None or not self._orders:
                return False
            order = self._orders.popleft()
        if order.act is TurnAct.GO_TO:
            driver.go_to(order.preset)
            return True
        refusal = self._keeper.seats.grant.refusal(Right.KEEP_PRESET) or ("no_answer" if self._offline else "")
        said = Leased(0, refusal) if refusal else self._ask("preset", text=order.name)
        if said.code:
            raise SourceFault(f"the view was not kept: {said.code}")
        driver.keep_preset(order.name, order.preset)
        self._note("preset_kept", order.name)
        self._presets = driver.presets()
        return True

    def _patrol(self, driver: PtzDriver, now_s: float) -> bool:
        with self._changed:
            stops = self._stops
            if not stops or now_s < self._stop_next_s:
                return False
            stop = stops[self._stop_at % len(stops)]
            self._stop_at += 1
            self._stop_next_s = now_s + max(DWELL_LEAST_S, stop.dwell_s)
        token = next((one.token for one in self._presets if stop.preset in (one.name, one.token)), "")
        if not token:
            raise SourceFault(f'the camera has no preset "{stop.preset}"')
        driver.go_to(token)
        return True

    def _connect(self) -> bool:
        """False: how it is opened is not known yet."""
        if self._way[0].startswith(SCHEME):
            number = self._way[0].removeprefix(SCHEME)
            self._driver = SceneHead(scene_cache(), number, self._keeper.record(self.camera_id))
            self._presets = self._driver.presets()
            return True
        key, known = self._keeper.key(self.camera_id, self._refused)
        if not known and (self._refused is not None or self._keeper.seats.up):
            if self._refused is None and time.monotonic() - self._begun_s > KEY_WAIT_S:
                self._text = "the hub has not said how this camera is opened"
            return False
        address, channel = self._way
        device = OnvifDevice(Login(address, key.user if key else "", key.password if key else ""))
        self._refused = key
        try:
            device.connect()
            if self.ended:
                return False
            found = media.channels(media.profiles(device))
        except Refused:
            raise
        except DeviceTrouble:
            self._refused = None
            raise
        self._refused = None
        mine = found[channel - 1 : channel] if channel else [one for one in found if one.ptz]
        if not mine or not mine[0].ptz:
            raise SourceFault("the camera says that it cannot be turned")
        driver = OnvifPtz(device, mine[0].ptz)
        if self.ended:
            return False
        driver.prepare()
        if self.ended:
            return False
        try:
            self._presets = driver.presets()
        except DeviceFault as fault:  # some know no presets, and turn
            _log.info("camera %s does not say its presets: %s", self.camera_id, fault)
        self._driver = driver
        return True

    def _troubled(self, trouble: DeviceTrouble) -> None:
        """Said on the tile, and tried again: at once where the camera has answered, else after a pause."""
        self._text = str(trouble)
        if not isinstance(trouble, DeviceFault) or self._driver is None:
            self._retry_s = time.monotonic() + RETRY_S
        if isinstance(trouble, Refused):
            self._driver = None

    def _let_go(self) -> None:
        """Stop the camera, give it back, write it down."""
        if self._driver is not None and self._may_turn:
            try:
                self._stop(self._driver)
            except DeviceTrouble as trouble:  # it stops by itself, by its time-out
                _log.info("camera %s was not stopped: %s", self.camera_id, trouble)
        code = (self._end or ("over", ""))[0]
        if self._leased and code not in ("taken", "over"):
            self._keeper.lease(self.camera_id, "give_back", self._lease, lambda _: None)
        if self._begun:
            self._note("turning_ended", f"{code}, {time.monotonic() - self._begun_s:.0f} s")
