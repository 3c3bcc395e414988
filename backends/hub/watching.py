"""The hub's end of the watch for events: keeps the watcher process, tells it which devices there are, and turns what
it says into alarms.

One thread of its own starts the watcher (on Linux a child dies with the thread that started it), reads passwords from
the vault, sends orders and takes answers; a few wait for the hub's loop, the rest in the pipe. The loop calls `turn`
at every round: what was noticed becomes conditions of the alarm engine (`event_alarms`, `event_losses`), by the rules
of the site (`event_rules`). A watcher that dies is started again, slower each time; one that says nothing for HUNG_S
is killed. Where there are several hubs the one that leads watches; the alarms that stand are in the log, and whoever
leads next goes on with them. Must not: open a camera, or hold up the loop.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from backends.domain.camera import Camera
from backends.domain.device_watch import (
    MOST_DEVICES,
    MOST_LINE,
    Alive,
    Flooded,
    FromWatcher,
    Noticed,
    Stood,
    WatchDevice,
    answer_decoder,
)
from backends.domain.world import Condition
from backends.hub.core import Core
from backends.hub.event_alarms import EVENT, MEMORY, EventAlarms, Watched
from backends.hub.event_losses import PREFIXES, EventLosses
from backends.hub.event_rules import SiteRules
from backends.hub.line_child import TICK_S, LineChild, kept_alive
from backends.hub.private import CAMERA, Vault
from backends.hub.site_cameras import Device, SiteCameras

log = logging.getLogger(__name__)

WATCHER = "backends.watcher"
WHAT = "the watcher of cameras' events"
HUNG_S = 15.0
LATE_S = 5.0
"""A loop that comes so late does not judge: nobody could have been heard."""
WAITING = 256
"""Answers that wait for the loop; the others in the pipe, and then in the watcher, which counts them."""
A_TURN = 128
HOUSE_S = 1.0
TOO_MANY = f"more than the {MOST_DEVICES} devices that one hub watches"


@dataclass(frozen=True, slots=True)
class _Began:
    """The watcher runs, or (False) does not any more."""

    runs: bool


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One device, without its password."""

    url: str
    cameras: tuple[str, ...]
    recorder: bool
    channels: tuple[int, ...]
    """Of each of the cameras; 0 = not said."""


class EventWatch:
    """`start`, then `turn` by the hub's loop, `close` at its end."""

    def __init__(
        self, folder: Path, site: SiteCameras, *, monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:  # fmt: skip
        self._folder = folder
        self._site = site
        self._now_s = monotonic_s
        self._rules = SiteRules(folder)
        self._alarms: EventAlarms | None = None
        self._losses: EventLosses | None = None
        self._planned: tuple[object, ...] = ()
        self._watched: Mapping[str, Watched] = {}
        self._memory = ""
        self._house_s = self._turned_s = 0.0
        self._wanted: Mapping[str, _Wanted] = {}
        """Replaced as a whole by the loop, read by the thread."""
        self._told: queue.Queue[FromWatcher | _Began] = queue.Queue(WAITING)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="event watch", daemon=True)
        self._child: LineChild[FromWatcher] | None = None
        self._heard_s = 0.0
        self.restarts = 0
        self.pid = 0
        """Of the watcher; 0 = none runs."""

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Ends the watcher too."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(10.0)

    # --- the hub's loop --------------------------------------------------------------------------

    def turn(self, core: Core, now_ns: int) -> set[str]:
        """What was noticed becomes alarms. Returns the cameras that the sweep should look at now."""
        now_s = self._now_s()
        if self._alarms is None or self._losses is None:
            standing = {key: alarm for prefix in PREFIXES for key, alarm in core.told(prefix).items()}
            self._losses = EventLosses(standing, now_s)
            self._alarms = EventAlarms(core.told(EVENT), now_ns, now_s, core.recall(MEMORY))
            self._turned_s = now_s
        house = now_s >= self._house_s
        if house:
            self._house_s = now_s + HOUSE_S
            self._plan(core, self._alarms, self._losses, now_ns, now_s)
        for _ in range(A_TURN):
            try:
                said = self._told.get_nowait()
            except queue.Empty:
                self._judge(now_s)
                break
            self._hear(said, self._alarms, self._losses, now_ns, now_s)
        self._turned_s = now_s
        if house:
            self._alarms.tick(now_ns, now_s)
            self._losses.tick(now_ns, now_s)
        conditions = *self._losses.take(), *self._alarms.take()
        # With the alarm, and not later: whoever goes on must know what carries it.
        if (house or conditions) and (memory := self._alarms.memory()) != self._memory:
            self._memory = memory
            core.remember(MEMORY, memory)
        for condition in conditions:
            core.happened(condition)
        return self._alarms.take_looks()

    def _plan(self, core: Core, alarms: EventAlarms, losses: EventLosses, now_ns: int, now_s: float) -> None:
        self._rules.look()
        listing, rules = self._site.listing, self._rules.rules
        cameras: Mapping[str, Camera] = core.records("cameras")
        at: Mapping[str, Device] = listing.devices if listing is not None else {}
        known = {id_: device for id_, device in at.items() if id_ in cameras and rules.watches(cameras[id_])}
        if self._planned != (known, rules):
            self._planned = (known, rules)
            wanted = by_device(known)
            self._wanted = dict(list(wanted.items())[:MOST_DEVICES])
            self._watched = {
                name: Watched(
                    one.cameras, one.recorder, {c: id_ for id_, c in zip(one.cameras, one.channels, strict=True) if c}
                )
                for name, one in wanted.items()
            }
            losses.plan(cameras, self._watched, rules, now_ns, now_s)
            for name in list(wanted)[MOST_DEVICES:]:
                losses.stood(name, TOO_MANY, now_ns, now_s)
        else:
            losses.plan(cameras, self._watched, rules, now_ns, now_s)
        alarms.plan(cameras, self._watched, rules)

    def _hear(
        self, said: FromWatcher | _Began, alarms: EventAlarms, losses: EventLosses, now_ns: int, now_s: float
    ) -> None:  # fmt: skip
        match said:
            case Noticed():
                alarms.noticed(said, now_ns, now_s)
            case Stood(device, lost):
                losses.stood(device, lost, now_ns, now_s)
                if lost:
                    alarms.lost(device)
                else:
                    alarms.stands(device, now_s)
            case Flooded(device, per_s):
                losses.flooded(device, per_s, now_ns)
            case _Began(runs=True):
                losses.began(now_s)
            case _Began():
                losses.ended(now_s)
                for device in self._watched:
                    alarms.lost(device)

    def _judge(self, now_s: float) -> None:
        """All that it said has been heard: is it still there?"""
        child = self._child
        if child is None or now_s - self._turned_s > LATE_S:
            self._heard_s = max(self._heard_s, now_s)
        elif now_s - self._heard_s > HUNG_S:
            log.error("the watcher of cameras' events hangs: it is started again")
            self._heard_s = now_s
            child.kill()

    # --- the watch's thread ----------------------------------------------------------------------

    def _run(self) -> None:
        kept_alive(self._stop, lambda: self._wanted, self._serve, self._died, WHAT, self._now_s)

    def _died(self) -> None:
        self.restarts += 1

    def _serve(self) -> None:
        """One life of the watcher."""
        with contextlib.closing(Vault(self._folder)) as vault:
            child = LineChild(
                WATCHER, {}, answer_decoder, WHAT, most_line=MOST_LINE, most_waiting=WAITING
            )  # fmt: skip
            self._heard_s, self.pid, self._child = self._now_s(), child.pid, child
            self._tell(_Began(True))
            try:
                self._look_after(child, vault)
            finally:
                self._child = None
                child.close()
                self.pid = 0
                self._tell(_Began(False))

    def _look_after(self, child: LineChild[FromWatcher], vault: Vault) -> None:
        orders: dict[str, tuple[_Wanted, WatchDevice]] = {}
        seen: Mapping[str, _Wanted] | None = None
        # Also with no device left: those that were watched are given back their places, and more may come.
        while not self._stop.is_set():
            changed = vault.changed()
            if changed or self._wanted is not seen:
                seen = self._wanted
                self._give_orders(child, orders, {name: (one, _order(name, one, vault)) for name, one in seen.items()})
            try:
                said = child.answers.get(timeout=TICK_S)
            except queue.Empty:
                continue
            if said is None:
                if not self._stop.is_set():
                    log.error("the watcher of cameras' events has ended")
                return
            self._heard_s = self._now_s()
            if not isinstance(said, Alive):
                self._tell(said)

    @staticmethod
    def _give_orders(
        child: LineChild[FromWatcher],
        given: dict[str, tuple[_Wanted, WatchDevice]],
        wanted: Mapping[str, tuple[_Wanted, WatchDevice]],
    ) -> None:
        for name in given.keys() - wanted.keys():
            child.order(WatchDevice(name))
            del given[name]
        for name, (one, order) in wanted.items():
            before = given.get(name)
            if before == (one, order):
                continue
            if before is not None and before[1] == order:
                # Its cameras are others than before: how things are with them has to be asked.
                child.order(WatchDevice(name))
            child.order(order)
            given[name] = one, order

    def _tell(self, said: FromWatcher | _Began) -> None:
        """Waits for the loop."""
        while not self._stop.is_set():
            try:
                self._told.put(said, timeout=TICK_S)
                break
            except queue.Full:
                continue


def end_all(core: Core, now_ns: int) -> None:
    """For a hub that does not listen: alarms that a hub before it has left are ended, as nobody else would do it."""
    for prefix in (EVENT, *PREFIXES):
        for key in core.told(prefix):
            core.happened(Condition(key, now_ns, False))


def by_device(devices: Mapping[str, Device]) -> dict[str, _Wanted]:
    """Devices by the id of their first camera, in the table's order."""
    at: dict[str, list[str]] = {}
    for camera_id, device in devices.items():
        at.setdefault(device.url, []).append(camera_id)
    return {
        ids[0]: _Wanted(
            url, tuple(ids), len(ids) > 1 or devices[ids[0]].channel > 0, tuple(devices[id_].channel for id_ in ids)
        )
        for url, ids in at.items()
    }


def _order(name: str, wanted: _Wanted, vault: Vault) -> WatchDevice:
    secret = _secret(wanted.cameras, vault)
    return WatchDevice(
        name, wanted.url, secret.get("user", ""), secret.get("password", ""), wanted.recorder
    )  # fmt: skip


def _secret(cameras: Iterable[str], vault: Vault) -> Mapping[str, str]:
    """Of the first that has one: a recorder's cameras have the recorder's."""
    return next((found for camera_id in cameras if (found := vault.find(CAMERA, camera_id))), {})
