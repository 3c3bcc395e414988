"""A station without windows: feed, desk of secrets, broker and workers, joined as the supervisor joins them."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from helpers.feed_rig import Glass
from helpers.hub_people import SECRET
from helpers.picture_rig import Rig, rig

from backends.domain.access import AccessAnswer, Revealed
from backends.domain.feeds import Mode
from backends.hub.keys import ensure_station_keys
from backends.hub.main import Ready
from backends.video.broker import BrokerSettings
from console.feed_local import LocalFeed
from console.feed_settings import FeedSettings
from console.secret_desk import SecretDesk


class Station:
    """What a person at it does, and sees."""

    def __init__(self, pictures: Rig, feed: LocalFeed) -> None:
        self.pictures, self.feed = pictures, feed
        self.glass = Glass(feed.drain)

    def sign_in(self, person: str) -> None:
        assert self.glass.answer(self.feed.sign_in(person, SECRET), AccessAnswer).code == ""

    def reveal(self, what: str, target: str, reason: str) -> Revealed:
        """As a screen is told."""
        return self.glass.answer(self.feed.reveal(what, target, reason), Revealed, 20.0)


@contextmanager
def station(folder: Path, hub: Path, ready: Ready) -> Iterator[Station]:
    """desk-1, in `folder`."""
    keys = ensure_station_keys(hub / "keys", "desk-1")
    folder.mkdir(exist_ok=True)
    door, key = str(folder / "keys.sock"), secrets.token_bytes(16)
    settings = FeedSettings(
        str(folder), "desk-1", Mode.DEMO, live=ready.live, ctl=ready.ctl, server_key=ready.public_key,
        public_key=keys.public.decode(), secret_key=keys.secret.decode(), cameras_door=door, cameras_key=key.hex(),
    )  # fmt: skip
    with rig(BrokerSettings(workers=1, log_file=str(folder / "pictures.log"))) as pictures:
        desk = SecretDesk(pictures.broker, door, key)
        desk.start()
        feed = LocalFeed(settings)
        feed.start()
        try:
            yield Station(pictures, feed)
        finally:
            feed.stop()
            desk.stop()
