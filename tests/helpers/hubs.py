"""Several real hub processes on one replicated log, and what stands in that log, read by hand.

The reader below knows nothing of the hubs' own copies: it is what consoles and hubs are compared with.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import os
import signal
import subprocess
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import nats
import nats.errors
from helpers.hub_process import WireClient
from helpers.waiting import wait_for

from backends.domain.feeds import FEEDS, FeedKind, Mode
from backends.hub.keys import KeyPair, authorise, ensure_station_keys
from backends.hub.main import READY_FILE, HubSettings, Ready, read_ready
from backends.hub.replica_wire import Entry, Joiner, unpack
from backends.process import start_child, stop_child

LOG = "ioc-hub-demo"
ROWS = "ioc-demo-rows"
BLOB_MB = 64
"""The test's servers have 512 MB for everything."""


class Hubs:
    """Hubs "a", "b", ... in `folder`; they share keys and authorised stations. Context manager."""

    def __init__(
        self, folder: Path, urls: Sequence[str], count: int = 2, *, replicas: int = 3,
        sign_in: Literal["password", "seat"] = "seat", **world: Any,
    ) -> None:  # fmt: skip
        self.folder = folder
        self.names = [chr(ord("a") + n) for n in range(count)]
        self.authorised = folder / "authorised"
        self.authorised.mkdir(parents=True, exist_ok=True)
        self._all, self._urls = tuple(urls), dict[str, tuple[str, ...]]()
        self._replicas = replicas
        self._world = world
        self._sign_in: Literal["password", "seat"] = sign_in
        self.spoils: dict[str, tuple[str, ...]] = {}
        """By hub, from its next start on: see helpers.spoiled."""
        self.children: dict[str, subprocess.Popen[bytes]] = {}
        for station in ("desk-1", "desk-2"):
            authorise(self.authorised, self.keys(station))

    def keys(self, station: str) -> KeyPair:
        return ensure_station_keys(self.folder / "keys", station)

    def reaches(self, name: str, urls: Sequence[str]) -> None:
        """Servers that this hub is told of at its next start."""
        self._urls[name] = tuple(urls)

    def start(self, name: str) -> None:
        data_dir = self.folder / name
        data_dir.mkdir(exist_ok=True)
        settings = HubSettings(
            data_dir=str(data_dir), authorised_dir=str(self.authorised), keys_dir=str(self.folder / "keys"),
            mode=Mode.DEMO, nats=self._urls.get(name, self._all), nats_replicas=self._replicas, member=name,
            sign_in=self._sign_in, nats_blob_mb=BLOB_MB,
        )  # fmt: skip
        self.children[name] = start_child(
            "helpers.hub_process",
            {
                "hub": {f: getattr(settings, f) for f in settings.__struct_fields__},
                "world": self._world,
                "spoil": self.spoils.get(name, ()),
            },
            log=data_dir / "hub.log",
        )

    def ready(self, name: str) -> Ready | None:
        found = read_ready(self.folder / name / READY_FILE)
        return found if found is not None and found.pid == self.children[name].pid else None

    def leader(self) -> str | None:
        """The one hub that says that it leads; None for none (a frozen one says nothing new)."""
        leading = [name for name in self.children if (ready := self.ready(name)) is not None and ready.leads]
        return leading[0] if len(leading) == 1 else None

    def wait_leader(self, timeout_s: float = 30.0, but: str = "") -> str:
        def other() -> str | None:
            return next((n for n in self.children if n != but and (r := self.ready(n)) is not None and r.leads), None)

        return wait_for(lambda: f"a hub leads:\n{self.logs()}", other, timeout_s)

    def follows(self, name: str) -> bool:
        ready = self.ready(name)
        return ready is not None and not ready.leads

    def log(self, name: str) -> str:
        return (self.folder / name / "hub.log").read_text(encoding="utf-8", errors="replace")

    def logs(self) -> str:
        return "\n".join(f"--- {name}\n{self.log(name)[-3000:]}" for name in self.children)

    def kill(self, name: str) -> None:
        child = self.children.pop(name)
        child.kill()
        child.wait(10)
        if child.stdin is not None:
            child.stdin.close()

    def stop(self, name: str) -> int:
        """Planned."""
        return stop_child(self.children.pop(name), 10.0)

    def died(self, name: str) -> None:
        """It kills itself; returns when it has."""
        self.children[name].wait(20)
        self.kill(name)

    def client(self, name: str, station: str = "desk-1") -> WireClient:
        """At the hub that leads."""
        ready = self.ready(name)
        assert ready is not None
        return WireClient(ready, self.keys(station))

    def pause(self, name: str) -> None:
        os.kill(self.children[name].pid, signal.SIGSTOP)

    def go_on(self, name: str) -> None:
        os.kill(self.children[name].pid, signal.SIGCONT)

    def delete_log(self, urls: Sequence[str]) -> None:
        """It is made anew by whoever comes next; what else the servers keep stays."""

        async def delete() -> None:
            nc = await nats.connect(servers=list(urls), error_cb=_quiet)
            try:
                await _asked(lambda: nc.jetstream(timeout=1.0).delete_stream(LOG))
            finally:
                await nc.close()

        asyncio.run(delete())

    def follow(self, name: str) -> None:
        """Start it beside one that leads; returns when it follows."""
        self.start(name)
        wait_for(lambda: f"{name} follows:\n{self.logs()}", lambda: "this hub follows" in self.log(name), 30.0)

    def __enter__(self) -> Self:
        for name in self.names:
            self.start(name)
        return self

    def __exit__(self, *_: object) -> None:
        for name in list(self.children):
            self.go_on(name)
            self.kill(name)


def read_log(urls: Sequence[str], stream: str = LOG) -> list[tuple[int, str, Entry]]:
    """Every message of the log: (sequence, id, entry), parts not joined. Waits for servers that are electing."""
    found: list[tuple[int, str, Entry]] = []

    async def read() -> None:
        nc = await nats.connect(servers=list(urls), error_cb=_quiet)
        try:
            js = nc.jetstream(timeout=1.0)
            state = (await _asked(lambda: js.stream_info(stream))).state
            for sequence in range(state.first_seq, state.last_seq + 1):
                message = await _asked(lambda sequence=sequence: js.get_msg(stream, seq=sequence))
                id_ = (message.headers or {}).get("Nats-Msg-Id", "")
                found.append((sequence, str(id_), unpack(message.data or b"")))
        finally:
            await nc.close()

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, read()).result(90)
    return found


async def _quiet(_: Exception) -> None:
    """A server that was killed is no news here."""


async def _asked(ask: Callable[[], Any]) -> Any:
    for _ in range(40):
        with contextlib.suppress(nats.errors.Error, TimeoutError):
            return await ask()
        await asyncio.sleep(0.5)
    raise AssertionError("the log does not answer")


def truths(log: Sequence[tuple[int, str, Entry]]) -> dict[str, list[Any]]:
    """Every feed's records as the log tells them. Raises AssertionError where it tells two truths.

    Two truths: a position that is given twice or left out, a term that falls, one term with two holders.
    """
    feeds: dict[str, list[Any]] = defaultdict(list)
    joiner = Joiner()
    term, holders = 0, {}
    for sequence, _, message in log:
        entry = joiner.take(message)
        if entry is None:
            continue
        assert entry.term >= term, f"message {sequence}: term {entry.term} after {term}"
        term = entry.term
        assert holders.setdefault(term, entry.holder) == entry.holder, f"term {term} has two holders"
        for envelope in entry.envelopes if entry.kind == "commit" else ():
            feed = feeds[envelope.feed]
            if FEEDS[envelope.feed].kind is FeedKind.LOSSY:
                continue
            want = (feed[-1].epoch, feed[-1].seq + 1) if feed else (envelope.epoch, 1)
            assert (envelope.epoch, envelope.seq) == want, (
                f"message {sequence}: {envelope.feed} {envelope.seq} where {want[1]} is due"
            )
            feed.append(envelope)
    return dict(feeds)
