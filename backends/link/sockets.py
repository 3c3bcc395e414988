"""The two sockets and their monitors: options and traps of libzmq 4.3.5 (anchors/reliability.md, 0 and 2.5).

Must not set ZMQ_HEARTBEAT_IVL: on a receiving socket it can abort the whole process (0.2).
"""

from __future__ import annotations

import sys
from typing import Any

import zmq

from backends.link.ports import Endpoints
from backends.protocol.messages import MAX_FRAME

AUTH_FAILED = int(zmq.EVENT_HANDSHAKE_FAILED_AUTH)
"""The hub's ZAP handler has refused our key."""
LOST = int(zmq.EVENT_DISCONNECTED | zmq.EVENT_CONNECT_RETRIED | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL)
"""The peer has closed, or nobody listens there. libzmq tries again by itself; with several hubs we go on."""
SUBSCRIPTION = b"1/"
"""One prefix for everything: more than some 700 subscriptions are lost at a reconnect (0.5)."""


class Sockets:
    """SUB and DEALER of one connection attempt. Owned by the link thread; closed by `close`."""

    def __init__(self, context: zmq.Context[Any], where: Endpoints, public_key: str, secret_key: str) -> None:
        self._monitors: list[zmq.Socket[bytes]] = []
        keys = (where.server_key.encode(), public_key.encode(), secret_key.encode())
        self.sub: zmq.Socket[bytes] = context.socket(zmq.SUB)
        self.dealer: zmq.Socket[bytes] = context.socket(zmq.DEALER)
        try:
            self._prepare(self.sub, keys)
            self.sub.setsockopt(zmq.RCVHWM, 100_000)
            self.sub.setsockopt(zmq.SNDHWM, 0)  # else subscriptions are lost silently
            self.sub.setsockopt(zmq.SUBSCRIBE, SUBSCRIPTION)
            self._prepare(self.dealer, keys)
            self.dealer.setsockopt(zmq.IMMEDIATE, 1)  # nothing queues towards a dead peer
            self.dealer.setsockopt(zmq.SNDHWM, 100)
            self.sub.connect(where.live)
            self.dealer.connect(where.ctl)
        except zmq.ZMQError:
            self.close()
            raise

    def _prepare(self, socket: zmq.Socket[bytes], keys: tuple[bytes, bytes, bytes]) -> None:
        for option, value in (
            (zmq.LINGER, 0),
            (zmq.MAXMSGSIZE, 2 * MAX_FRAME),
            (zmq.HANDSHAKE_IVL, 3000),
            (zmq.RECONNECT_IVL, 250),
            (zmq.RECONNECT_IVL_MAX, 8000),
            (zmq.TCP_KEEPALIVE, 1),
            (zmq.TCP_KEEPALIVE_IDLE, 5),
        ):
            socket.setsockopt(option, value)
        socket.curve_serverkey, socket.curve_publickey, socket.curve_secretkey = keys
        self._monitors.append(socket.get_monitor_socket(AUTH_FAILED | LOST))

    def register(self, poller: zmq.Poller) -> None:
        for socket in (self.dealer, self.sub, *self._monitors):
            poller.register(socket, zmq.POLLIN)

    def events(self, ready: dict[Any, int]) -> int:
        """What the monitors have seen since the last call, all in one (AUTH_FAILED, LOST)."""
        seen = 0
        for monitor in self._monitors:
            if monitor not in ready:
                continue
            while monitor.poll(0):
                seen |= _event(monitor.recv_multipart(zmq.NOBLOCK))
        return seen

    def close(self) -> None:
        """Monitors first: another order leaks descriptors or hangs (pyzmq#1020, #1554)."""
        for socket in (self.sub, self.dealer):
            if not socket.closed:
                socket.disable_monitor()
        for monitor in self._monitors:
            monitor.close(linger=0)
        for socket in (self.sub, self.dealer):
            socket.close(linger=0)


def _event(frames: list[bytes]) -> int:
    """Of a monitor's message (zmq_socket_monitor(3)): event, 16 bits, then its value. `zmq.utils.monitor` would load
    asyncio and ssl for that."""
    return int.from_bytes(frames[0][:2], sys.byteorder)
