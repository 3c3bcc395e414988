"""A console's feed, local or as a process, with everything it delivers collected."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import zmq
from helpers.fake_hub import FakeHub
from helpers.feed_waits import wait_until
from helpers.hub_process import HubProcess
from helpers.waiting import wait_for

from backends.domain.action import ActionStatus, Stage
from backends.domain.feeds import FeedQuality, FeedStatus, LinkState, Mode
from backends.domain.ports import Changes, Delivery, LinkStatus, SeriesPart, StoreTrouble
from backends.hub.main import READY_FILE
from backends.process import start_child, stop_child
from console.feed_client import FeedClient
from console.feed_local import LocalFeed
from console.feed_settings import FeedSettings

Answer = TypeVar("Answer", bound=Delivery)

_KEYS: dict[Path, tuple[bytes, bytes]] = {}
"""A station keeps its keys as long as its folder: what it has sealed there belongs to them."""


def feed_settings(hub: FakeHub, data_dir: Path, **more: Any) -> FeedSettings:
    """Settings of the station of this folder, which knows this fake hub."""
    public, secret = _KEYS.setdefault(data_dir, zmq.curve_keypair())
    where = hub.endpoints
    fields: dict[str, Any] = {
        "data_dir": str(data_dir), "station": "desk-1", "mode": Mode.DEMO, "live": where.live, "ctl": where.ctl,
        "server_key": where.server_key, "public_key": public.decode(), "secret_key": secret.decode(),
    }  # fmt: skip
    return FeedSettings(**{**fields, **more})


def real_settings(hub: HubProcess, data_dir: Path, station: str = "desk-1") -> FeedSettings:
    """Settings of a station of a hub on this machine: it finds the hub by its file, also when that starts anew."""
    keys = hub.folder / "keys" / f"{station}.key_secret"
    return FeedSettings(str(data_dir), station, Mode.DEMO, hub_file=str(hub.folder / READY_FILE), key_file=str(keys))


class Glass:
    """What a GUI would know after draining an inbox: items by feed, statuses, actions."""

    def __init__(self, drain: Callable[[], list[Delivery]]) -> None:
        self._drain = drain
        self.items: dict[str, dict[str, Any]] = {}
        self.events: list[str] = []
        self.feeds: dict[str, FeedStatus] = {}
        self.link: LinkStatus | None = None
        self.stages: dict[str, list[Stage]] = {}
        self.parts: list[SeriesPart] = []
        self.troubles: list[StoreTrouble] = []
        self.all: list[Delivery] = []
        self.unstored = 0

    def look(self) -> Glass:
        """Drain once."""
        for delivery in self._drain():
            self.all.append(delivery)
            match delivery:
                case Changes():
                    items = self.items.setdefault(delivery.feed, {})
                    if delivery.reset:
                        items.clear()
                    if not delivery.stored:
                        self.unstored += 1
                    items.update({record.id: record for record in delivery.put})
                    for key in delivery.deleted:
                        items.pop(key, None)
                    if delivery.feed == "timeline" and not delivery.reset:
                        self.events.extend(record.id for record in delivery.put)
                case FeedStatus():
                    self.feeds[delivery.feed] = delivery
                case LinkStatus():
                    self.link = delivery
                case ActionStatus():
                    self.stages.setdefault(delivery.action.aid, []).append(delivery.stage)
                case SeriesPart():
                    self.parts.append(delivery)
                case StoreTrouble():
                    self.troubles.append(delivery)
        return self

    def until(self, condition: Callable[[Glass], object], timeout_s: float = 10.0, what: str = "") -> None:
        """Drain until it is true."""
        wait_until(lambda: condition(self.look()), timeout_s, what)

    def answer(self, request: int, kind: type[Answer], timeout_s: float = 15.0) -> Answer:
        """The answer of that kind to a question, when it is there."""

        def found() -> Answer | None:
            told = (d for d in self.look().all if isinstance(d, kind))
            return next((d for d in told if getattr(d, "request", None) == request), None)

        return wait_for(f"{kind.__name__} to question {request}", found, timeout_s)

    def ids(self, feed: str = "alarms") -> list[str]:
        return sorted(self.items.get(feed, {}))

    def quality(self, feed: str = "alarms") -> FeedQuality | None:
        return self.feeds[feed].quality if feed in self.feeds else None

    def live(self, feed: str = "alarms") -> bool:
        return self.quality(feed) is FeedQuality.LIVE

    def up(self) -> bool:
        return self.link is not None and self.link.state is LinkState.UP


class FeederProcess:
    """`python -m console.feeder` with a client for it."""

    def __init__(self, settings: FeedSettings) -> None:
        folder = Path(tempfile.mkdtemp(prefix="ioc-"))
        self.listen = str(folder / "feed") if os.name != "nt" else rf"\\.\pipe\ioc-{folder.name}"
        self.authkey = os.urandom(16)
        self.settings = msgspec.structs.replace(settings, listen=self.listen, authkey=self.authkey.hex())
        self._folder = folder
        self.log = Path(settings.data_dir) / "feeder.log"
        self.clients: list[FeedClient] = []
        self.start()

    def start(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.child = start_child("console.feeder", msgspec.to_builtins(self.settings), log=self.log)

    def kill(self) -> None:
        """SIGKILL, the way a crash looks."""
        self.child.kill()
        self.child.wait(5)
        if self.child.stdin is not None:
            self.child.stdin.close()

    def client(self, *, from_store: bool = False) -> FeedClient:
        data_dir = Path(self.settings.data_dir) if from_store else None
        client = FeedClient(self.listen, self.authkey, data_dir=data_dir, mode=self.settings.mode)
        client.start()
        self.clients.append(client)
        return client

    def stop(self) -> None:
        for client in self.clients:
            client.stop()
        if self.child.poll() is None:
            stop_child(self.child)
        Path(self.listen).unlink(missing_ok=True)
        self._folder.rmdir()


@contextmanager
def feeder_at(settings: FeedSettings) -> Iterator[tuple[FeederProcess, FeedClient, Glass]]:
    """A feeder, its first client, and what that one sees; it ends with the block."""
    feeder = FeederProcess(settings)
    try:
        client = feeder.client()
        yield feeder, client, Glass(client.drain)
    finally:
        feeder.stop()


__all__ = ["FeederProcess", "Glass", "LocalFeed", "feed_settings", "feeder_at", "real_settings"]
