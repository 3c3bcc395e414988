"""A real hub process for tests, with the tiny city, and a bare client that speaks the wire by hand.

`HubProcess` starts `python -m helpers.hub_process` as the console would start its hub. The client knows
nothing of backends.link: the hub is tested against the protocol, not against our own console.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Literal, Self

import argon2
import zmq
from helpers.busy_city import BusyCity
from helpers.spoiled import spoil
from helpers.tiny_city import TinyCity

from backends.domain.feeds import Mode
from backends.hub import passwords
from backends.hub.keys import KeyPair, authorise, ensure_station_keys
from backends.hub.main import READY_FILE, HubSettings, Ready, read_ready, run
from backends.process import child_settings, start_child

DEADLINE_S = 20.0
CHEAP = argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
"""As secrets are kept they cost 64 MiB and half a second each, which unit/test_hub_accounts.py pays."""


class HubProcess:
    """A hub in `folder`. `stations` are authorised before it starts."""

    def __init__(
        self,
        folder: Path,
        *,
        mode: Mode = Mode.DEMO,
        stations: tuple[str, ...] = ("desk-1", "desk-2"),
        resume: Literal["crash", "always"] = "crash",
        sign_in: Literal["password", "seat"] = "seat",
        session_s: float = 3600.0,
        events: bool = True,
        sweep: bool = True,
        **world: Any,
    ) -> None:
        self.folder = folder
        self.authorised = folder / "authorised"
        self.authorised.mkdir(parents=True, exist_ok=True)
        self._world = world
        self._mode = mode
        self._resume: Literal["crash", "always"] = resume
        self._sign_in: Literal["password", "seat"] = sign_in
        self._session_s = session_s
        self.events = events
        self._sweep = sweep
        self.child: subprocess.Popen[bytes] | None = None
        for station in stations:
            authorise(self.authorised, self.keys(station))

    def keys(self, station: str) -> KeyPair:
        return ensure_station_keys(self.folder / "keys", station)

    def start(self) -> Ready:
        """Start (again) and wait until it serves."""
        settings = HubSettings(
            data_dir=str(self.folder),
            authorised_dir=str(self.authorised),
            keys_dir=str(self.folder / "keys"),
            mode=self._mode,
            resume=self._resume,
            sign_in=self._sign_in,
            session_s=self._session_s,
            events=self.events,
            sweep=self._sweep,
        )
        self.child = start_child(
            "helpers.hub_process",
            {"hub": {f: getattr(settings, f) for f in settings.__struct_fields__}, "world": self._world},
            log=self.folder / "hub.log",
        )
        return self.ready()

    def ready(self) -> Ready:
        assert self.child is not None
        gate = threading.Event()
        end = time.monotonic() + DEADLINE_S
        while time.monotonic() < end:
            ready = read_ready(self.folder / READY_FILE)
            if ready is not None and ready.pid == self.child.pid:
                return ready
            if self.child.poll() is not None:
                break
            gate.wait(0.02)
        raise AssertionError(f"the hub did not start:\n{self.log()}")

    def log(self) -> str:
        return (self.folder / "hub.log").read_text(encoding="utf-8", errors="replace")

    def kill(self) -> None:
        """SIGKILL, as a crash."""
        assert self.child is not None
        self.child.kill()
        self._reap()

    def stop(self) -> int:
        """Planned: its stdin ends."""
        assert self.child is not None
        assert self.child.stdin is not None
        self.child.stdin.close()
        return self._reap()

    def _reap(self) -> int:
        assert self.child is not None
        status = self.child.wait(DEADLINE_S)
        if self.child.stdin is not None:
            self.child.stdin.close()
        self.child = None
        return status

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.child is not None:
            self.kill()


class WireClient:
    """SUB and DEALER of one station, driven by hand. Context manager."""

    def __init__(self, ready: Ready, keys: KeyPair, *, mode: str = "demo", routing_id: bytes = b"") -> None:
        """`routing_id`: one of its own choice; consoles let the hub's socket choose."""
        self._routing_id = routing_id
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.mode = mode
        self.station = keys.name
        self.token = ""
        """Session of HELLO and ACT; empty where the hub seats people itself."""
        self.ctl = self._connect(zmq.DEALER, ready.ctl, ready, keys)
        self.live = self._connect(zmq.SUB, ready.live, ready, keys)
        self.live.setsockopt(zmq.SUBSCRIBE, b"1/")

    def _connect(self, kind: int, address: str, ready: Ready, keys: KeyPair) -> zmq.Socket[bytes]:
        socket = self._context.socket(kind)
        socket.linger = 0
        if kind == zmq.DEALER and self._routing_id:
            socket.routing_id = self._routing_id
        socket.curve_serverkey = ready.public_key.encode()
        socket.curve_publickey = keys.public
        socket.curve_secretkey = keys.secret
        socket.connect(address)
        return socket

    def send(self, msg: str, **fields: Any) -> None:
        self.ctl.send_multipart([b"1", json.dumps({"msg": msg, **fields}).encode()])

    def send_data(self, msg: str, data: bytes, **fields: Any) -> None:
        """One with a frame of bytes behind it."""
        self.ctl.send_multipart([b"1", json.dumps({"msg": msg, **fields}).encode(), data])

    def answer(self, timeout_s: float = DEADLINE_S) -> dict[str, Any]:
        """The next message on CTL. Raises AssertionError when none comes."""
        if not self.ctl.poll(int(timeout_s * 1000)):
            raise AssertionError("no answer on CTL")
        version, raw = self.ctl.recv_multipart()
        assert version == b"1"
        decoded: dict[str, Any] = json.loads(raw)
        return decoded

    def ask(self, msg: str, **fields: Any) -> dict[str, Any]:
        self.send(msg, **fields)
        return self.answer()

    def hello(self) -> dict[str, Any]:
        return self.ask("HELLO", station=self.station, mode=self.mode, **self._session())

    def _session(self) -> dict[str, str]:
        return {"token": self.token} if self.token else {}

    def snapshot(self, feed: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """(items, parts) of a feed."""
        part = self.ask("SNAPGET", feed=feed)
        parts = [part]
        while len(parts) < part["parts"]:
            parts.append(self.answer())
        return [item for p in parts for item in p["items"]], parts

    def act(self, aid: str, verb: str, target: str, expect: int = 0, **more: Any) -> list[dict[str, Any]]:
        """Send an action; the ACKs up to the final one."""
        action = {
            "aid": aid, "verb": verb, "feed": "alarms", "target": target, "expect_state_rev": expect,
            "made_at_ns": 1, **more,
        }  # fmt: skip
        acks = [self.ask("ACT", mode=self.mode, action=action, **self._session())]
        while acks[-1]["stage"] == "stored":
            acks.append(self.answer())
        return acks

    def message(self, timeout_s: float = DEADLINE_S) -> tuple[bytes, dict[str, Any]]:
        """The next message on LIVE."""
        if not self.live.poll(int(timeout_s * 1000)):
            raise AssertionError("nothing on LIVE")
        head, raw = self.live.recv_multipart()
        return head, json.loads(raw)

    def until_live(self, topic: bytes, wanted: Any = None) -> dict[str, Any]:
        """The next message of a topic for which `wanted(message)` holds."""
        end = time.monotonic() + DEADLINE_S
        while time.monotonic() < end:
            head, message = self.message()
            if head == topic and (wanted is None or wanted(message)):
                return message
        raise AssertionError(f"no such message on {topic!r}")

    def close(self) -> None:
        self.ctl.close()
        self.live.close()
        self._context.term()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _main() -> int:
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s:%(name)s:%(message)s")
    stop = threading.Event()
    raw = child_settings(stop.set)
    passwords._HASHER = CHEAP
    world = raw["world"]
    spoil(raw.get("spoil", ()))
    settings = HubSettings(**{**raw["hub"], "mode": Mode(raw["hub"]["mode"])})
    make = BusyCity if "rate" in world else TinyCity
    return run(settings, stop, lambda _, start_ns: make(start_ns, **world))


if __name__ == "__main__":
    sys.exit(_main())
