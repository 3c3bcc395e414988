"""A room where cameras are turned: hub process, stations with somebody at them, an ONVIF camera on loopback."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from helpers.feed_rig import FeederProcess, Glass
from helpers.hub_people import SECRET, make_accounts
from helpers.hub_process import HubProcess
from helpers.onvif_device import PASSWORD, USER, OnvifCamera
from helpers.waiting import wait_for

from backends.domain.access import AccessAnswer
from backends.domain.feeds import Mode
from backends.domain.people import Role
from backends.domain.turning import TurnAct, TurnStage, TurnStatus, TurnWish
from backends.hub.accounts import AccountBook
from backends.hub.private import CAMERA, Vault
from backends.store.schema import OPS_FILE
from console.feed_client import FeedClient
from console.feed_local import LocalFeed
from console.feed_settings import FeedSettings

HELD_S = 0.3
"""How often a hand's move is said again."""


class Desk:
    """A station with somebody at it; its feed in this process or in one of its own."""

    def __init__(self, feed: LocalFeed | FeedClient, folder: Path) -> None:
        self.feed, self.folder = feed, folder
        self.glass = Glass(feed.drain)

    def sign_in(self, person: str, *, live: bool = True) -> None:
        """`live`: at the hub; else without it."""
        self.glass.until(lambda glass: not live or glass.live("cameras"))
        assert self.glass.answer(self.feed.sign_in(person, SECRET), AccessAnswer, 20.0).code == ""

    def ask(self, act: TurnAct, camera: str = "cam-014", **more: object) -> None:
        self.feed.turn(TurnWish(camera, act, **more))  # type: ignore[arg-type]

    def turns(self) -> list[TurnStatus]:
        return [d for d in self.glass.look().all if isinstance(d, TurnStatus)]

    def until(self, what: str, condition: Callable[[TurnStatus], object], timeout_s: float = 20.0) -> TurnStatus:
        """The newest status, once that is so."""
        wait_for(what, lambda: self.turns() and condition(self.turns()[-1]), timeout_s)
        return self.turns()[-1]

    def take(self, camera: str = "cam-014") -> TurnStatus:
        """With the camera's presets: it has been spoken to."""
        self.ask(TurnAct.TAKE, camera)
        return self.until("taken", lambda one: one.stage is TurnStage.TURNING and one.presets)

    def hold(self, pan: float, until: Callable[[], object]) -> None:
        """A hand that holds a key."""
        end_s, next_s = time.monotonic() + 10.0, 0.0
        while not until():
            assert time.monotonic() < end_s
            if time.monotonic() >= next_s:
                next_s = time.monotonic() + HELD_S
                self.ask(TurnAct.MOVE, pan=pan)
            self.glass.look()
            time.sleep(0.01)

    def audited(self) -> list[tuple[str, str, str, str]]:
        db = sqlite3.connect(self.folder / OPS_FILE)
        try:
            return db.execute(
                "SELECT what, person, target, detail FROM audit WHERE what GLOB 'turning*' OR what GLOB 'preset*' "
                "ORDER BY n"
            ).fetchall()
        finally:
            db.close()


class TurningRoom:
    """The hub, the camera, and stations as they are wanted."""

    def __init__(self, folder: Path, camera: OnvifCamera, stack: ExitStack) -> None:
        self.folder, self.camera, self._stack = folder, camera, stack
        make_accounts(folder)
        book = AccountBook(folder)
        book.add("minh", "Trần Minh", "Minh", Role.OPERATOR, SECRET)
        book.close()
        vault = Vault(folder)
        vault.keep([(CAMERA, "cam-014", {"user": USER, "password": PASSWORD})])
        vault.close()
        # The hub's own calls would stand among those of the stations.
        (folder / "events.toml").write_text('[[rule]]\ncameras = ["014", "015"]\nwatch = false\n', encoding="utf-8")
        (folder / "cameras.csv").write_text(
            "number,name_vi,sub_uri,onvif,ptz\n"
            f"014,Cổng chợ,rtsp://127.0.0.1:9/2,{camera.url},yes\n"
            f"015,Bãi xe,rtsp://127.0.0.1:9/2,{camera.url},yes\n",
            encoding="utf-8",
        )
        self.hub = stack.enter_context(HubProcess(folder, sign_in="password", past_s=30, resume="always"))
        self.ready = self.hub.start()

    def settings(self, station: str) -> FeedSettings:
        keys, folder = self.hub.keys(station), self.folder / f"{station}-data"
        folder.mkdir(exist_ok=True)
        return FeedSettings(
            str(folder), station, Mode.DEMO, hub_file=str(self.folder / "hub.json"), server_key=self.ready.public_key,
            public_key=keys.public.decode(), secret_key=keys.secret.decode(),
        )  # fmt: skip

    def desk(self, station: str, person: str) -> Desk:
        feed = LocalFeed(self.settings(station))
        feed.start()
        self._stack.callback(feed.stop)
        desk = Desk(feed, self.folder / f"{station}-data")
        desk.sign_in(person)
        return desk

    def process(self, station: str, person: str) -> tuple[Desk, FeederProcess]:
        """With the feeder in a process of its own."""
        feeder = FeederProcess(self.settings(station))
        self._stack.callback(feeder.stop)
        desk = Desk(feeder.client(), self.folder / f"{station}-data")
        desk.sign_in(person)
        return desk, feeder
