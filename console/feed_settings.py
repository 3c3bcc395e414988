"""Settings of a feeder, and how its link is set up from them."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import msgspec
import zmq.auth

from backends.domain.feeds import Mode
from backends.link.ports import Endpoints, LinkSettings
from backends.store.keeping import Keep

_log = logging.getLogger(__name__)


class FeedSettings(msgspec.Struct, frozen=True):
    """Settings of a feeder, as they stand in its settings line (JSON)."""

    data_dir: str
    """One folder for one mode."""
    station: str
    mode: Mode
    hub_file: str = ""
    """`hub.json` of a hub on this machine ({live, ctl, public_key}); read again at every reconnect. Or:"""
    live: str = ""
    ctl: str = ""
    server_key: str = ""
    hubs: tuple[Endpoints, ...] = ()
    """Several hubs that serve the same feeds; then without the three above."""
    key_file: str = ""
    """The station's pyzmq certificate with its secret key. Or:"""
    public_key: str = ""
    secret_key: str = ""
    keep_days: int = 30
    """Days of samples."""
    keep: Keep = Keep(ballast_bytes=64 << 20)
    """Days of everything else, backups, space held for a full disk."""
    listen: str = ""
    """Where the GUI connects: path of a socket, or name of a pipe on Windows. Feeder process only."""
    authkey: str = ""
    """Hex."""
    cameras_door: str = ""
    """Where the supervisor takes what cameras are opened with; empty: it is not asked for."""
    cameras_key: str = ""
    """Hex; of that door."""


def link_settings(settings: FeedSettings) -> LinkSettings:
    """Raises ValueError or OSError when the keys cannot be read."""
    public, secret = settings.public_key, settings.secret_key
    if settings.key_file:
        pair = zmq.auth.load_certificate(settings.key_file)
        if pair[1] is None:
            raise ValueError(f"{settings.key_file} holds no secret key")
        public, secret = pair[0].decode(), pair[1].decode()
    return LinkSettings(settings.station, settings.mode, public, secret, lambda: _endpoints(settings))


def _endpoints(settings: FeedSettings) -> tuple[Endpoints, ...]:
    if settings.hubs:
        return settings.hubs
    if not settings.hub_file:
        return (Endpoints(settings.live, settings.ctl, settings.server_key),)
    try:
        found = json.loads(Path(settings.hub_file).read_bytes())
        return (Endpoints(found["live"], found["ctl"], settings.server_key or found["public_key"]),)
    except (OSError, ValueError, KeyError, TypeError) as error:
        _log.info("no hub to join yet: %s", error)
        return ()
