"""Three real nats-servers on loopback, each with its folder and ports, that a test may kill, stop and start again."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any, Self

import psutil
from helpers.waiting import wait_for

SERVER = shutil.which("nats-server") or "/usr/sbin/nats-server"


def free_ports(count: int) -> list[int]:
    """Free at this moment; all open at once, so that they differ."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


class NatsCluster:
    """Context manager. Servers are numbered from 0."""

    def __init__(self, folder: Path, size: int = 3) -> None:
        self.size = size
        self._folder = folder
        self._ports = free_ports(3 * size)
        self.children: list[subprocess.Popen[bytes] | None] = [None] * size
        for n in range(size):
            self._write(n)

    def _write(self, n: int) -> None:
        folder = self._folder / f"nats-{n}"
        folder.mkdir(parents=True, exist_ok=True)
        client, route, monitor = self._ports[3 * n : 3 * n + 3]
        routes = ", ".join(f'"nats-route://127.0.0.1:{self._ports[3 * m + 1]}"' for m in range(self.size) if m != n)
        listen = f'listen: "127.0.0.1:{route}", no_advertise: true'
        cluster = f"cluster {{ name: test, {listen}, routes: [{routes}] }}" if self.size > 1 else ""
        (folder / "nats.conf").write_text(
            f'server_name: n{n}\nlisten: "127.0.0.1:{client}"\nhttp: "127.0.0.1:{monitor}"\n'
            f'jetstream {{ store_dir: "{folder}/js", max_memory_store: 64MB, max_file_store: 512MB }}\n{cluster}\n'
        )

    @property
    def running(self) -> tuple[str, ...]:
        return tuple(self.url(n) for n in range(self.size) if self.children[n] is not None)

    @property
    def urls(self) -> tuple[str, ...]:
        return tuple(self.url(n) for n in range(self.size))

    def url(self, n: int) -> str:
        return f"nats://127.0.0.1:{self._ports[3 * n]}"

    def client_port(self, n: int) -> int:
        return self._ports[3 * n]

    def start(self, n: int) -> None:
        folder = self._folder / f"nats-{n}"
        with open(folder / "log", "ab") as log:
            self.children[n] = subprocess.Popen([SERVER, "-c", str(folder / "nats.conf")], stdout=log, stderr=log)

    def kill(self, n: int) -> None:
        """SIGKILL."""
        child = self.children[n]
        assert child is not None
        child.kill()
        child.wait()
        self.children[n] = None

    def empty(self) -> None:
        """All servers lose all that they had, and are there again."""
        for n in range(self.size):
            self.kill(n)
            shutil.rmtree(self._folder / f"nats-{n}" / "js")
        for n in range(self.size):
            self.start(n)
        wait_for("the emptied nats-servers elect a leader", self.leads_all, 40.0)

    def pause(self, n: int) -> None:
        """SIGSTOP; returns when it has stopped."""
        self._signal(n, signal.SIGSTOP)
        child = self.children[n]
        assert child is not None
        process = psutil.Process(child.pid)
        wait_for("the server has stopped", lambda: process.status() == psutil.STATUS_STOPPED)

    def go_on(self, n: int) -> None:
        self._signal(n, signal.SIGCONT)

    def _signal(self, n: int, number: int) -> None:
        child = self.children[n]
        assert child is not None
        os.kill(child.pid, number)

    def ask(self, n: int, path: str) -> dict[str, Any]:
        """One page of a server's monitoring, empty when it does not answer."""
        url = f"http://127.0.0.1:{self._ports[3 * n + 2]}{path}"
        with contextlib.suppress(OSError, ValueError), urllib.request.urlopen(url, timeout=1.0) as answer:
            found: dict[str, Any] = json.loads(answer.read())
            return found
        return {}

    def leads_all(self) -> bool:
        """The cluster has elected its own leader, and every server follows it."""
        if self.size == 1:
            return bool(self.ask(0, "/jsz"))
        seen = [self.ask(n, "/jsz").get("meta_cluster", {}) for n in range(self.size) if self.children[n]]
        return bool(seen) and all(s.get("leader") and s.get("cluster_size") == self.size for s in seen)

    def _streams(self, n: int) -> list[dict[str, Any]]:
        page = self.ask(n, "/jsz?streams=true&accounts=true") if self.children[n] is not None else {}
        return [one for account in page.get("account_details", ()) for one in account.get("stream_detail", ())]

    def leading(self, stream: str) -> list[int]:
        """Number of the server that leads a stream, in a list; empty while there is none."""
        for n in range(self.size):
            for one in self._streams(n):
                leader = one.get("cluster", {}).get("leader", "")
                if one["name"] == stream and leader and self.children[int(leader[1:])] is not None:
                    return [int(leader[1:])]
        return []

    def stream_leader(self, stream: str) -> int | None:
        return next(iter(self.leading(stream)), None)

    def in_step(self, stream: str) -> bool:
        """Every server runs and its leader says that all others have the whole stream."""
        for n in self.leading(stream):
            for one in self._streams(n):
                others = one.get("cluster", {}).get("replicas") or ()
                if one["name"] == stream:
                    return len(others) == self.size - 1 and all(
                        o.get("current") and not o.get("offline") for o in others
                    )
        return False

    def __enter__(self) -> Self:
        for n in range(self.size):
            self.start(n)
        began_s = time.monotonic()
        wait_for("the nats-servers elect a leader", self.leads_all, 40.0)
        self.started_s = time.monotonic() - began_s
        return self

    def __exit__(self, *_: object) -> None:
        for n, child in enumerate(self.children):
            if child is not None:
                with contextlib.suppress(OSError):
                    self.go_on(n)
                self.kill(n)
