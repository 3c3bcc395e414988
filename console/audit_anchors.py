"""Anchors of this station's audit chain, from a file or from its hub, for `ioc-console audit verify`.

The hub is asked over a connection of its own with the station's key (HELLO, ANCHORGET), beside the running console.
Must not: write anything.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import msgspec
import zmq
import zmq.auth

from backends.domain.feeds import Mode
from backends.protocol.codec import BadMessage, decode_from_hub, encode
from backends.protocol.messages import MAX_FRAME, VERSION, AnchorGet, Anchors, Denied, Hello, Welcome
from backends.store.reader import stored_mode
from backends.store.trail import parse_anchors
from backends.store.verify import Anchor
from console.options import Options
from console.screens import UsageError

WAIT_S = 10.0
PAGE = 1000
"""Anchors in one answer at most; fewer = the last ones."""


class HubAddress(msgspec.Struct, frozen=True):
    """Where to ask, and as whom."""

    ctl: str
    server_key: str
    station: str
    key_file: Path
    mode: Mode


def anchors_of_file(path: Path) -> list[Anchor]:
    """Lines "n hash t_ns", as the console itself keeps them. Raises UsageError."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UsageError(f"--anchors: {path} cannot be read: {error}") from error
    found = [Anchor(*line) for line in parse_anchors(raw)]
    if not found:
        raise UsageError(f'--anchors: {path} has no anchor; a line is "n hash t_ns"')
    return found


def hub_of(options: Options, data_dir: Path) -> HubAddress:
    """The hub of the site's file, or the demo's own in `data_dir`. Raises UsageError."""
    site = options.site()
    if site is not None:
        keys = Path(site.station.keys_dir) if site.station.keys_dir else data_dir / "keys"
        key_file = keys / f"{site.station.id}.key_secret"
        where = HubAddress(site.hub.ctl, site.hub.public_key, site.station.id, key_file, Mode(site.hub.mode))
    else:
        ready = data_dir / "hub" / "hub.json"
        try:
            found = json.loads(ready.read_bytes())
            key_file = next(path for path in sorted((data_dir / "keys").glob("*.key_secret")) if path.stem != "hub")
            mode = Mode(stored_mode(data_dir) or "demo")
            where = HubAddress(found["ctl"], found["public_key"], key_file.stem, key_file, mode)
        except (OSError, ValueError, KeyError, TypeError, StopIteration) as error:
            raise UsageError(
                "--anchors hub: give --config FILE, which says where the hub is (a demo's own hub must be running)"
            ) from error
    if not where.key_file.exists():
        raise UsageError(f"--anchors hub: this station's key {where.key_file} is not there")
    return where


def anchors_of_hub(where: HubAddress, wait_s: float = WAIT_S) -> list[Anchor]:
    """All that the hub has of this station. Raises OSError (no answer, refused) or UsageError (no usable key)."""
    try:
        public, secret = zmq.auth.load_certificate(str(where.key_file))
    except (OSError, ValueError) as error:
        raise UsageError(f"the station's key {where.key_file} cannot be read: {error}") from error
    if secret is None:
        raise UsageError(f"{where.key_file} holds no secret key")
    context: zmq.Context[Any] = zmq.Context()
    dealer: zmq.Socket[bytes] = context.socket(zmq.DEALER)
    try:
        dealer.setsockopt(zmq.LINGER, 0)
        dealer.setsockopt(zmq.MAXMSGSIZE, 2 * MAX_FRAME)
        dealer.curve_serverkey, dealer.curve_publickey, dealer.curve_secretkey = (
            where.server_key.encode(),
            public,
            secret,
        )
        dealer.connect(where.ctl)
        return _ask(dealer, where, time.monotonic() + wait_s)
    except zmq.ZMQError as error:
        raise OSError(f"the hub at {where.ctl} cannot be asked: {error}") from error
    finally:
        dealer.close()
        context.term()


def _ask(dealer: zmq.Socket[bytes], where: HubAddress, until_s: float) -> list[Anchor]:
    dealer.send_multipart([VERSION, encode(Hello(where.station, where.mode))])
    _answer(dealer, where, until_s, lambda message: isinstance(message, Welcome))
    found: list[Anchor] = []
    request = 1
    while True:
        after = found[-1].n if found else 0
        dealer.send_multipart([VERSION, encode(AnchorGet(request, after))])
        number = request
        page = _answer(dealer, where, until_s, lambda m, n=number: isinstance(m, Anchors) and m.request == n)
        found.extend(Anchor(n, row_hash, t_ns) for n, row_hash, t_ns in page.anchors)
        if len(page.anchors) < PAGE:
            return found
        request += 1


def _answer(dealer: zmq.Socket[bytes], where: HubAddress, until_s: float, fits: Any) -> Any:
    while (left_s := until_s - time.monotonic()) > 0:
        if not dealer.poll(int(left_s * 1000) + 1):
            continue
        frames = dealer.recv_multipart()
        try:
            message = decode_from_hub(frames[1])
        except (BadMessage, IndexError):
            continue
        if isinstance(message, Denied):
            raise OSError(f"the hub at {where.ctl} refuses this station: {message.code} {message.text}")
        if fits(message):
            return message
    raise OSError(f"the hub at {where.ctl} does not answer (is it there, and does it know this station's key?)")
