"""NATS JetStream behind a thread of its own: fenced appends, the tail of the log, and the lease.

nats-py is asyncio; the hub's one loop is not. Everything here runs on an event loop in the thread "nats";
callers get futures and queues and never wait longer than they say. Reconnecting is nats-py's.

- **Append**: every message names the sequence that must be the log's last (`Nats-Expected-Last-Sequence`):
  a hub whose turn is over is refused by the servers themselves. A lost answer is asked for again with the
  same `Nats-Msg-Id`, until the servers say that the message is there or that it never will be.
- **Lease**: one key of a bucket whose entries expire by the servers' own time. Taken by create, kept by
  compare-and-set on its revision, as long as the hub's loop says that it turns (`alive`). It decides who tries to
  lead; the fence decides who does.

Must not: decide anything about leading beyond the lease, or write a user's password into a log or an error.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import logging
import queue
import ssl
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

import msgspec
import nats
import nats.errors
from nats.aio.client import Client
from nats.js import JetStreamContext, api
from nats.js.errors import APIError, BadRequestError, KeyWrongLastSequenceError, NotFoundError
from nats.js.kv import KeyValue

from backends.hub.ports import LogTrouble

log = logging.getLogger(__name__)

T = TypeVar("T")
Messages = queue.SimpleQueue[tuple[int, bytes]]

LEASE_S = 2.0
"""An unrenewed lease lasts so long, by the servers' time; the holder counts from before it asked, so less."""
RENEW_S = 0.4
SILENT_S = 1.5
"""A hub whose loop has not said for so long that it turns renews nothing: it must not lead and serve nobody."""
ASK_S = 1.0
"""One request; it is repeated."""
OPEN_S = 3.0
PAUSE_S = 0.1
TAIL_BATCH = 200
TAIL_HELD = 2000
"""Messages read ahead of the thread that applies them."""
SPARE_BYTES = 8 << 10
"""Of a message, for its headers."""
_WRONG_LAST = (10071, 10164)
_LEASE_KEY = "leader"

if hasattr(time, "CLOCK_BOOTTIME"):

    def still_s() -> float:
        """Seconds that go on while the machine sleeps: a lease must not outlive a suspended night."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

else:  # Windows: its monotonic clock goes on while it sleeps

    def still_s() -> float:
        """Seconds that go on while the machine sleeps."""
        return time.monotonic()


class Fenced(Exception):
    """The log has moved on without us: another hub has written. What we gave it was not kept."""


class NatsSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How to reach the servers. Secrets are files; an address with a password in it is refused by the CLI."""

    servers: tuple[str, ...]
    ca_file: str = ""
    """Certificate authority of the servers; empty = no TLS (loopback, or a network of their own)."""
    cert_file: str = ""
    key_file: str = ""
    """This hub's certificate, by which the servers know it."""
    replicas: int = 3
    """Servers that keep the log."""
    blob_mb: int = 4096
    """Of blobs that the servers keep at most; the log must not run out of room because of pictures."""


def _tls(settings: NatsSettings) -> ssl.SSLContext | None:
    if not settings.ca_file:
        return None
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=settings.ca_file)
    if settings.cert_file:
        context.load_cert_chain(settings.cert_file, settings.key_file or None)
    return context


class JetStreamClient:
    """One hub's connection. Public methods may be called by any thread."""

    def __init__(self, settings: NatsSettings, name: str, holder: str) -> None:
        """`name`: of the log, letters, digits, `_` and `-`; `holder`: this hub's, in the lease and the log."""
        self._settings = settings
        self.stream = name
        self._subject = f"{name}.log"
        self._bucket = f"{name}-lease"
        self.holder = holder
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="nats", daemon=True)
        self._nc: Client | None = None
        self._tail: concurrent.futures.Future[None] | None = None
        self._lease: asyncio.Task[None] | None = None
        self.messages: Messages = queue.SimpleQueue()
        """What the tail has read: (sequence, message), in order, without holes."""
        self.leader = ""
        """Who holds the lease, as far as we know."""
        self.lease_until_s = float("-inf")
        """`still_s()` up to which the lease is ours."""
        self._revision = 0
        self._wanted = False
        self._alive_until_s = float("inf")

    # --- the thread ------------------------------------------------------------------------------

    def start(self) -> None:
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        for _ in range(20):  # a cancelled request of nats-py may take another turn to notice
            tasks = asyncio.all_tasks(self._loop)
            if not tasks:
                break
            for task in tasks:
                task.cancel()
            self._loop.run_until_complete(asyncio.wait(tasks, timeout=0.1))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    def close(self) -> None:
        """Give the lease back, disconnect, end the thread. Waits two seconds at most for each."""
        if not self._thread.is_alive():
            return
        with contextlib.suppress(LogTrouble):
            self.call(self._leave, 2.0)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(3.0)

    def call(self, make: Callable[[], Coroutine[Any, Any, T]], timeout_s: float) -> T:
        """Run it on the loop and wait. Raises LogTrouble when it takes longer or the servers refuse."""
        future = asyncio.run_coroutine_threadsafe(make(), self._loop)
        try:
            return future.result(timeout_s)
        except concurrent.futures.TimeoutError:
            future.cancel()
            raise LogTrouble(f"JetStream has not answered within {timeout_s:g} s") from None
        except (nats.errors.Error, OSError, ValueError) as error:
            raise LogTrouble(f"JetStream: {error}") from error

    def run(self, making: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Let it run on the loop; the future may be cancelled."""
        return asyncio.run_coroutine_threadsafe(making, self._loop)

    # --- connection ------------------------------------------------------------------------------

    def connect(self, patience_s: float = OPEN_S) -> None:
        """To any of the servers; once. Raises LogTrouble."""
        self.call(self._connect, patience_s)

    def open(self) -> str:
        """Connect, make log and bucket where they are missing. Returns the log's identity. Raises LogTrouble."""
        return self.call(self._open, OPEN_S)

    async def _connect(self) -> None:
        if self._nc is None:
            self._nc = await nats.connect(
                servers=list(self._settings.servers),
                name=f"hub {self.holder}",
                connect_timeout=1,
                reconnect_time_wait=PAUSE_S,  # a refused connection costs nothing but a whole core, without a pause
                max_reconnect_attempts=-1,
                ping_interval=1,
                max_outstanding_pings=2,
                tls=_tls(self._settings),
                error_cb=_quiet_error,
                disconnected_cb=_disconnected,
                reconnected_cb=_reconnected,
            )

    async def _open(self) -> str:
        await self._connect()
        js = self.js()
        info = await self._make_stream(js)
        with contextlib.suppress(BadRequestError):
            await js.create_key_value(
                bucket=self._bucket, history=1, ttl=LEASE_S, storage=api.StorageType.MEMORY,
                replicas=self._settings.replicas,
            )  # fmt: skip
        return str(info.created)

    async def _make_stream(self, js: JetStreamContext) -> api.StreamInfo:
        with contextlib.suppress(NotFoundError):
            return await js.stream_info(self.stream)
        return await js.add_stream(
            name=self.stream,
            subjects=[self._subject],
            storage=api.StorageType.FILE,
            num_replicas=self._settings.replicas,
            deny_delete=True,
        )

    def js(self) -> JetStreamContext:
        """For what runs on the loop, once `open` has connected."""
        assert self._nc is not None
        return self._nc.jetstream(timeout=ASK_S)

    async def _leave(self) -> None:
        self._wanted = False
        self.stop_following()
        if self._lease is not None:
            self._lease.cancel()
        if self._nc is None:
            return
        if still_s() < self.lease_until_s:
            with contextlib.suppress(nats.errors.Error, TimeoutError):
                await (await self._kv()).delete(_LEASE_KEY, last=self._revision)
        self.lease_until_s = float("-inf")
        await self._nc.close()

    # --- reading ---------------------------------------------------------------------------------

    def last_sequence(self, timeout_s: float = ASK_S) -> int:
        """Of the log, as its leading server says. Raises LogTrouble."""

        async def ask() -> int:
            return (await self.js().stream_info(self.stream)).state.last_seq

        return self.call(ask, timeout_s)

    def first_sequence(self, timeout_s: float = ASK_S) -> int:
        async def ask() -> int:
            return (await self.js().stream_info(self.stream)).state.first_seq

        return self.call(ask, timeout_s)

    def message_id(self, sequence: int, timeout_s: float = ASK_S) -> str | None:
        """Id of one message of the log; None when it is not there. Raises LogTrouble."""
        return self.call(lambda: self._message_id(sequence), timeout_s)

    async def _message_id(self, sequence: int) -> str | None:
        try:
            found = await self.js().get_msg(self.stream, seq=sequence)
        except NotFoundError:
            return None
        return str((found.headers or {}).get(api.Header.MSG_ID, ""))

    def follow_from(self, sequence: int) -> None:
        """Read from there on, into a new `messages`."""
        self.stop_following()
        into: Messages = queue.SimpleQueue()
        self.messages = into
        self._tail = asyncio.run_coroutine_threadsafe(self._read(sequence, into), self._loop)

    def stop_following(self) -> None:
        """Not waited for: nats-py is slow to notice, and what it still reads goes into a queue of the past."""
        if self._tail is not None:
            self._tail.cancel()
            self._tail = None

    async def _read(self, wanted: int, into: Messages) -> None:
        """1. a consumer at `wanted`, 2. batches from it, 3. at a hole, an error or silence with more to read: 1."""
        while True:
            config = api.ConsumerConfig(
                deliver_policy=api.DeliverPolicy.BY_START_SEQUENCE, opt_start_seq=wanted,
                ack_policy=api.AckPolicy.NONE, inactive_threshold=10.0, mem_storage=True, num_replicas=1,
            )  # fmt: skip
            try:
                puller = await self.js().pull_subscribe(self._subject, stream=self.stream, config=config)
            except (nats.errors.Error, TimeoutError):
                await asyncio.sleep(PAUSE_S)
                continue
            try:
                wanted = await self._pull(puller, wanted, into)
            finally:
                with contextlib.suppress(nats.errors.Error):
                    await puller.unsubscribe()

    async def _pull(self, puller: JetStreamContext.PullSubscription, wanted: int, into: Messages) -> int:
        while True:
            while into.qsize() > TAIL_HELD:
                await asyncio.sleep(0.01)
            try:
                batch = await puller.fetch(TAIL_BATCH, timeout=ASK_S)
            except (nats.errors.Error, TimeoutError):
                with contextlib.suppress(nats.errors.Error, TimeoutError):
                    if (await self.js().stream_info(self.stream)).state.last_seq < wanted:
                        continue  # there was nothing to read
                await asyncio.sleep(PAUSE_S)
                return wanted
            for message in batch:
                sequence = message.metadata.sequence.stream
                if sequence != wanted:
                    log.info("the log's tail jumps from %d to %d: read again", wanted, sequence)
                    return wanted
                into.put((sequence, message.data))
                wanted += 1

    # --- appending -------------------------------------------------------------------------------

    @property
    def part_bytes(self) -> int:
        """Most bytes of one message."""
        return (self._nc.max_payload if self._nc is not None else 1 << 20) - SPARE_BYTES

    def append(self, parts: Sequence[bytes], id_: str, expected: int) -> concurrent.futures.Future[int]:
        """Write messages one after another behind `expected`. The future gives the last one's sequence.

        It asks until it knows, however long that takes; Fenced: another hub wrote first. May be cancelled.
        """
        return asyncio.run_coroutine_threadsafe(self._append(parts, id_, expected), self._loop)

    async def _append(self, parts: Sequence[bytes], id_: str, expected: int) -> int:
        for n, part in enumerate(parts, start=1):
            expected = await self._append_one(part, f"{id_}/{n}", expected)
        return expected

    async def _append_one(self, raw: bytes, id_: str, expected: int) -> int:
        headers = self.fence(expected) | {api.Header.MSG_ID.value: id_}
        while True:
            try:
                ack = await self.js().publish(
                    self._subject, raw, timeout=ASK_S, stream=self.stream, headers=dict(headers)
                )
            except APIError as error:
                if error.err_code in _WRONG_LAST:
                    return await self._mine(id_, expected + 1)
                log.info("JetStream refuses for now: %s", error)
            except (nats.errors.Error, TimeoutError, OSError):
                pass  # no leading server, or no answer: asked again until there is one
            else:
                return ack.seq
            await asyncio.sleep(PAUSE_S)

    @staticmethod
    def fence(expected: int) -> dict[str, str]:
        """The header by which the servers refuse whoever does not know the log's end."""
        return {api.Header.EXPECTED_LAST_SEQUENCE.value: str(expected)}

    async def _mine(self, id_: str, sequence: int) -> int:
        """Refused: was it by an earlier try of our own whose answer was lost? Raises Fenced."""
        while True:
            try:
                found = await self._message_id(sequence)
            except (nats.errors.Error, TimeoutError, OSError):
                await asyncio.sleep(PAUSE_S)
                continue
            if found == id_:
                return sequence
            raise Fenced(f"message {sequence} of the log is not ours")

    def shorten(self, first: int) -> None:
        """Forget what stands before message `first`. Not waited for: it is asked for again at the next time."""

        async def purge() -> None:
            try:
                await self.js().purge_stream(self.stream, seq=first)
            except (nats.errors.Error, TimeoutError) as error:
                log.warning("the log could not be shortened: %s", error)

        asyncio.run_coroutine_threadsafe(purge(), self._loop)

    # --- the lease -------------------------------------------------------------------------------

    @property
    def holds_lease(self) -> bool:
        return still_s() < self.lease_until_s

    def alive(self, for_s: float = SILENT_S) -> None:
        """The hub's loop turns, or will be busy for `for_s` at most. Who has never said so is not watched."""
        self._alive_until_s = still_s() + for_s

    def want_lease(self, wanted: bool) -> None:
        """Begin or stop trying to get and keep it. One that is held and no longer wanted is given back."""

        async def change() -> None:
            self._wanted = wanted
            if wanted and (self._lease is None or self._lease.done()):
                self._lease = self._loop.create_task(self._keep_lease())

        self.call(change, ASK_S)

    async def _kv(self) -> KeyValue:
        return await self.js().key_value(self._bucket)

    async def _keep_lease(self) -> None:
        kv: KeyValue | None = None
        while self._wanted:
            began_s = still_s()
            if began_s > self._alive_until_s:
                await asyncio.sleep(RENEW_S / 2)
                continue
            try:
                if kv is None:
                    kv = await asyncio.wait_for(self._kv(), ASK_S)
                await asyncio.wait_for(self._one_lease_turn(kv, began_s), ASK_S)
            except (nats.errors.Error, TimeoutError, OSError) as error:
                log.debug("lease: %s", error)
            await asyncio.sleep(RENEW_S if self.holds_lease else RENEW_S / 2)
        if kv is not None and self.holds_lease:
            self.lease_until_s = float("-inf")
            with contextlib.suppress(nats.errors.Error, TimeoutError):
                await asyncio.wait_for(kv.delete(_LEASE_KEY, last=self._revision), ASK_S)

    async def _one_lease_turn(self, kv: KeyValue, began_s: float) -> None:
        value = self.holder.encode()
        try:
            if self._revision:
                self._revision = await kv.update(_LEASE_KEY, value, last=self._revision)
            else:
                self._revision = await kv.create(_LEASE_KEY, value)
        except KeyWrongLastSequenceError:
            await self._look_at_lease(kv)
            return
        # Counted from before we asked: the servers' count began later.
        self.lease_until_s = began_s + LEASE_S
        self.leader = self.holder

    async def _look_at_lease(self, kv: KeyValue) -> None:
        """Refused: it is another's, or our own renewal went through and its answer was lost."""
        self._revision = 0
        try:
            found = await kv.get(_LEASE_KEY)
        except NotFoundError:
            self.lease_until_s = float("-inf")
            return
        self.leader = (found.value or b"").decode("utf-8", "replace")
        if self.leader == self.holder:
            self._revision = found.revision or 0
        else:
            self.lease_until_s = float("-inf")


async def _quiet_error(error: Exception) -> None:
    log.info("nats: %s", error)


async def _disconnected() -> None:
    log.info("nats: disconnected")


async def _reconnected() -> None:
    log.info("nats: connected again")
