"""Rows that the hubs of a site share, in a JetStream stream of their own: the newest message of each subject.

Cycle, in the thread "rows": 1. read the whole stream (it holds each row once) into this hub's files, 2. share
what only this hub has, 3. take in what the others share. A row is shared when the servers have confirmed it.
An account is changed by who knows its newest row alone (`Nats-Expected-Last-Subject-Sequence`): of two command
lines at once one is refused. All other rows are written once, or say the same whoever writes them; so they need
no fence, and a hub whose turn is over can do no harm with one.

`catch_up` writes a mark and waits until it is read: all that was shared before is in the files then.
Must not: be called by the hub's loop once it serves.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import queue
import sqlite3
import threading
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import msgspec
import nats.errors
from nats.js import JetStreamContext, api
from nats.js.errors import APIError, BadRequestError

from backends.hub.accounts import ACCOUNT, ENTRY, SESSION, AccountBook
from backends.hub.blobs import BLOB, BlobStore
from backends.hub.jetstream_blobs import BLOB_S, SharedBlobs
from backends.hub.jetstream_client import ASK_S, PAUSE_S, SPARE_BYTES, JetStreamClient, NatsSettings
from backends.hub.ports import LogTrouble
from backends.hub.private import SECRET, Vault
from backends.hub.shared import ALONE, SITE_FILE, Row, Sharing, Shelf
from backends.hub.witness import ANCHOR, LOOK, Witness

log = logging.getLogger(__name__)

SHARE_S = 5.0
"""The servers' own election takes up to 9 s; who waits longer than this asks again."""
CATCH_UP_S = 5.0
CONNECT_S = 10.0
"""For a person at a command line, who tries once; each of three servers may take a second to say nothing."""
IN_STEP_S = 20.0
BATCH = 200
AT_ONCE = 64
"""Rows that are on their way together while this hub shares what it alone has."""
SPREAD_EVERY_S = 2.0
"""How often what this hub's world has confided is looked at for what others lack."""
TIDY_EVERY_S = 3600.0
TIDY_MOST = 20
"""In one go: rows that come wait for it."""
WAIT_S, BUSY_WAIT_S, RETRY_S = 0.5, 0.01, 0.5
Came = queue.SimpleQueue[tuple[int, Row]]
_MARK = "mark"
_WRONG_LAST = (10071, 10164)
_UNFIT = (
    msgspec.MsgspecError, ValueError, OverflowError, sqlite3.IntegrityError, sqlite3.DataError, sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
)  # fmt: skip
"""What a row is to blame for; the other errors of SQLite are the file's, and tried again."""


class _Known(msgspec.Struct, frozen=True):
    """Of a row that the site has."""

    sequence: int
    rev: int
    crc: int
    until: int


class Site(msgspec.Struct, frozen=True):
    """Content of SITE_FILE: where the site's rows are. No secrets, only the names of their files."""

    nats: NatsSettings
    name: str


def write_site(folder: Path, site: Site) -> None:
    """For the command line."""
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{SITE_FILE}.part"
    part.write_bytes(msgspec.json.encode(site))
    part.replace(folder / SITE_FILE)


@contextlib.contextmanager
def rows_of_the_site(folder: Path) -> Iterator[Sharing]:
    """For the command line beside a hub: what its changes are shared through. Raises LogTrouble.

    This hub's files have what the site has when it is given.
    """
    try:
        site = msgspec.json.decode((folder / SITE_FILE).read_bytes(), type=Site)
    except FileNotFoundError:
        yield ALONE
        return
    except (OSError, msgspec.MsgspecError) as error:
        raise LogTrouble(f"{folder / SITE_FILE} cannot be read: {error}; a start of the hub writes it anew") from error
    client = JetStreamClient(site.nats, site.name, "command-line")
    # Not the rest: the hub beside it has that, and whoever types here may be another user of the machine.
    rows = SharedRows(client, site, folder, people_only=True)
    client.start()
    try:
        client.connect(CONNECT_S)
        rows.begin()
        rows.wait_in_step(IN_STEP_S)
        yield rows
    finally:
        rows.close()
        client.close()


class SharedRows:
    """Sharing of one hub of several, or of the command line beside one. `client` is started by its owner."""

    def __init__(self, client: JetStreamClient, site: Site, folder: Path, *, people_only: bool = False) -> None:
        """`folder`: this hub's data folder; `people_only`: of its files take part in the accounts alone."""
        self._client, self._site, self._name, self._folder = client, site, site.name, folder
        self._blobs = None if people_only else SharedBlobs(client, site.name, BlobStore(folder), self._put_blob_row)
        self._known: dict[str, _Known] = {}
        """By subject. Written by the nats thread alone."""
        self._tail: asyncio.Task[None] | None = None
        self._came: Came = queue.SimpleQueue()
        """What the tail has read; another one each time that all is read anew."""
        self._batch: list[tuple[int, Row]] = []
        self._batch_of = self._came
        self._thread = threading.Thread(target=self._run, name="rows", daemon=True)
        self._stop = threading.Event()
        self._read = threading.Condition()
        self._upto = 0
        """Sequence of the newest message that is in the files."""
        self._in_step = threading.Event()
        self._mark = 0
        self._created = ""
        """Which stream this is."""
        self._unfit: set[str] = set()
        """Subjects of rows that are too large for the servers; said once."""
        self._unspread = False
        self._here: queue.SimpleQueue[Row] = queue.SimpleQueue()
        """Blobs that have come to this hub's folder by its world, and that the site may lack: names alone."""

    # --- its life --------------------------------------------------------------------------------

    def begin(self) -> None:
        """Make the stream where it is missing, and begin the cycle; may be called again. Raises LogTrouble.

        Where the stream is another one than before, or the servers have lost its end, all is read and shared anew.
        """
        created, last = self._client.call(self._make, ASK_S * 3)
        if created != self._created or last < self._upto or self._tail is None or self._tail.done():
            if self._created:
                log.warning("the rows that all hubs share are not those of before: read and shared anew")
            self._client.call(self._begin_anew, SHARE_S)
            self._created = created
        if not self._thread.is_alive():
            self._thread.start()

    def distrust(self) -> None:
        """The servers have lost some of the log, and so perhaps rows: `begin` will read and share all anew."""
        self._created = ""

    @property
    def in_step(self) -> bool:
        """The files have what the site has, and the site what they have."""
        return self._in_step.is_set()

    def wait_in_step(self, timeout_s: float) -> None:
        """As long as rows come: there may be years of them. Raises LogTrouble after `timeout_s` without any."""
        upto = -1
        while not self._in_step.wait(timeout_s):
            if self._upto == upto:
                raise LogTrouble(f"the rows that all hubs share were not read: none came for {timeout_s:g} s")
            upto = self._upto

    def catch_up(self, timeout_s: float = CATCH_UP_S) -> None:
        """All that any hub has shared until now is in the files when it returns. Raises LogTrouble."""
        until_s = time.monotonic() + timeout_s
        mark = self._client.call(self._put_mark, timeout_s)
        with self._read:
            if not self._read.wait_for(lambda: self._upto >= mark, until_s - time.monotonic()):
                raise LogTrouble(f"the rows that all hubs share were not read within {timeout_s:g} s")

    def close(self) -> None:
        self._stop.set()
        with contextlib.suppress(LogTrouble):
            self._client.call(self._end, ASK_S)
        if self._thread.is_alive():
            self._thread.join(3.0)

    # --- Sharing ---------------------------------------------------------------------------------

    def share(self, rows: Sequence[Row]) -> None:
        for row in rows:
            self._client.call(lambda row=row: self._put(row, SHARE_S), SHARE_S + ASK_S)  # type: ignore[misc]

    def share_blob(self, blob: str, media: str, path: Path) -> None:
        blobs, data = self._blobs, path.read_bytes()
        if blobs is not None:
            self._client.call(lambda: blobs.put(blob, media, data), BLOB_S)
            self.share([Row(BLOB, blob, 0, media.encode())])

    def blob_is_here(self, blob: str, media: str) -> None:
        self._here.put(Row(BLOB, blob, 0, media.encode()))

    # --- on the nats thread ----------------------------------------------------------------------

    def _subject(self, row: Row) -> str:
        return f"{self._name}.{row.kind}.{hashlib.sha256(row.key.encode('utf-8', 'replace')).hexdigest()[:32]}"

    async def _make(self) -> tuple[str, int]:
        """(which stream it is, sequence of its last message)"""
        js = self._client.js()
        with contextlib.suppress(BadRequestError):
            await js.add_stream(
                name=self._name, subjects=[f"{self._name}.>"], storage=api.StorageType.FILE,
                num_replicas=self._site.nats.replicas, max_msgs_per_subject=1,
            )  # fmt: skip
        if self._blobs is not None:
            await self._blobs.make(self._site.nats.replicas, self._site.nats.blob_mb)
        info = await js.stream_info(self._name)
        return str(info.created), info.state.last_seq

    async def _begin_anew(self) -> None:
        """Forget what was read; `_upto` falls, so that nobody takes an old number for a new one."""
        await self._end()
        mark = await self._put_mark()
        with self._read:
            self._in_step.clear()
            self._known, self._came, self._upto, self._mark = {}, queue.SimpleQueue(), 0, mark
        self._tail = asyncio.get_running_loop().create_task(self._follow(self._came))

    async def _end(self) -> None:
        if self._tail is not None:
            self._tail.cancel()
            self._tail = None

    async def _put_mark(self) -> int:
        return (await self._client.js().publish(f"{self._name}.{_MARK}.{_MARK}", b"", stream=self._name)).seq

    async def _put(self, row: Row, within_s: float) -> None:
        """Until the servers confirm it. Raises LogTrouble."""
        subject, raw = self._subject(row), msgspec.msgpack.encode(row)
        if len(raw) > self._client.part_bytes:
            raise LogTrouble(f"a row ({row.kind}) of {len(raw)} bytes is more than the servers take")
        headers = {}
        if row.kind == ACCOUNT:
            known = self._known.get(subject)
            if known is not None and known.rev >= row.rev:
                # It has come, and is not in the file yet that this row was made from.
                raise LogTrouble("somebody else has changed it in the same moment: nothing was changed here")
            last = str(known.sequence if known is not None else 0)
            headers[api.Header.EXPECTED_LAST_SUBJECT_SEQUENCE.value] = last
        until_s = time.monotonic() + within_s
        while time.monotonic() < until_s:
            try:
                ack = await self._client.js().publish(
                    subject, raw, timeout=ASK_S, stream=self._name, headers=dict(headers)
                )
            except APIError as error:
                if error.err_code in _WRONG_LAST:
                    await self._mine(subject, raw)
                    return
                log.info("JetStream refuses a row for now: %s", error)
            except (nats.errors.Error, TimeoutError, OSError):
                pass  # no leading server, or no answer: asked again
            else:
                self._know(subject, ack.seq, row)
                return
            await asyncio.sleep(PAUSE_S)
        raise LogTrouble(f"the servers have not confirmed a row ({row.kind}) within {within_s:g} s")

    async def _mine(self, subject: str, raw: bytes) -> None:
        """Refused: was it by an earlier try of our own whose answer was lost?"""
        found = await self._client.js().get_last_msg(self._name, subject)
        if found.data != raw:
            raise LogTrouble("somebody else has changed it in the same moment: nothing was changed here")
        self._know(subject, found.seq or 0, msgspec.msgpack.decode(raw, type=Row))

    def _know(self, subject: str, sequence: int, row: Row) -> None:
        known = self._known.get(subject)
        if known is None or known.sequence < sequence:
            self._known[subject] = _Known(sequence, row.rev, zlib.crc32(row.told), row.until)

    async def _follow(self, into: Came) -> None:
        """1. a consumer behind what was read, 2. batches from it, 3. at a hole in its count or an error: 1."""
        after = 0
        while True:
            config = api.ConsumerConfig(
                deliver_policy=api.DeliverPolicy.BY_START_SEQUENCE, opt_start_seq=after + 1,
                ack_policy=api.AckPolicy.NONE, inactive_threshold=10.0, mem_storage=True, num_replicas=1,
            )  # fmt: skip
            try:
                puller = await self._client.js().pull_subscribe(f"{self._name}.>", stream=self._name, config=config)
                try:
                    after = await self._pull(puller, after, into)
                finally:
                    with contextlib.suppress(nats.errors.Error):
                        await puller.unsubscribe()
            except (nats.errors.Error, TimeoutError):
                await asyncio.sleep(PAUSE_S)
            except Exception:
                log.exception("reading what the hubs share met a fault of the hub")
                await asyncio.sleep(RETRY_S)

    async def _pull(self, puller: JetStreamContext.PullSubscription, after: int, into: Came) -> int:
        count = 0
        while True:
            while into.qsize() > BATCH * 10:
                await asyncio.sleep(0.01)
            try:
                batch = await puller.fetch(BATCH, timeout=ASK_S)
            except (nats.errors.Error, TimeoutError):
                with contextlib.suppress(nats.errors.Error, TimeoutError):
                    info = await puller.consumer_info()
                    if info.num_pending == 0 and info.delivered is not None and info.delivered.consumer_seq == count:
                        continue  # there was nothing to read
                await asyncio.sleep(PAUSE_S)
                return after
            for message in batch:
                count += 1
                if message.metadata.sequence.consumer != count:
                    log.info("rows were lost on their way: read again from %d on", after + 1)
                    return after
                after = message.metadata.sequence.stream
                self._take(after, message.subject, message.data, into)

    def _take(self, sequence: int, subject: str, raw: bytes, into: Came) -> None:
        if subject == f"{self._name}.{_MARK}.{_MARK}":
            into.put((sequence, Row(_MARK, "", 0, b"")))
            return
        try:
            row = msgspec.msgpack.decode(raw, type=Row)
        except (msgspec.MsgspecError, ValueError) as error:
            log.error("a row that the hubs share cannot be read (message %d): %s", sequence, error)
            return
        self._know(subject, sequence, row)
        into.put((sequence, row))

    # --- in the thread "rows" --------------------------------------------------------------------

    def _run(self) -> None:
        shelves: dict[str, Shelf] = {}
        spread_s = tidy_s = 0.0
        while not self._stop.is_set():
            try:
                shelves = shelves or self._open()
                self._take_in(shelves)
                if self._blobs is not None:
                    self._blobs.give(row for row in _waiting(self._here) if self._is_news(row))
                    self._blobs.turn()
                if not self._in_step.is_set():
                    if self._upto < self._mark:
                        continue
                    came = self._came
                    self._spread(_each(shelves))
                    with self._read:
                        if came is self._came:
                            self._in_step.set()
                if time.monotonic() >= spread_s:
                    spread_s = time.monotonic() + SPREAD_EVERY_S
                    self._spread_secrets(shelves.get(SECRET))
                if time.monotonic() >= tidy_s and not self._tidy():
                    tidy_s = time.monotonic() + TIDY_EVERY_S
            except (sqlite3.Error, OSError, LogTrouble, msgspec.MsgspecError) as error:
                log.error("what the hubs share: %s", error)
                self._stop.wait(RETRY_S)
            except Exception:
                log.exception("what the hubs share met a fault of the hub")
                self._stop.wait(RETRY_S)
        for shelf in _each(shelves):
            if isinstance(shelf, AccountBook | Witness | Vault):
                shelf.close()

    def _open(self) -> dict[str, Shelf]:
        book = AccountBook(self._folder)
        if self._blobs is None:
            return {ACCOUNT: book, SESSION: book, ENTRY: book}
        witness, vault = Witness(self._folder), Vault(self._folder)
        return {
            ACCOUNT: book, SESSION: book, ENTRY: book, LOOK: witness, ANCHOR: witness, SECRET: vault,
            BLOB: self._blobs,
        }  # fmt: skip

    def _take_in(self, shelves: dict[str, Shelf]) -> None:
        """What has come, a batch at most. What cannot be written is tried again at the next call."""
        came = self._came
        if self._batch_of is not came:
            self._batch, self._batch_of = [], came
        if not self._batch:
            with contextlib.suppress(queue.Empty):
                busy = self._blobs is not None and self._blobs.busy
                self._batch.append(came.get(timeout=BUSY_WAIT_S if busy else WAIT_S))
        with contextlib.suppress(queue.Empty):
            while len(self._batch) < BATCH:
                self._batch.append(came.get_nowait())
        of: dict[int, list[Row]] = {}
        for _, row in self._batch:
            if row.kind in shelves:  # a newer hub may know more kinds
                of.setdefault(id(shelves[row.kind]), []).append(row)
        for shelf in _each(shelves):
            if rows := of.get(id(shelf)):
                _take(shelf, rows)
        if self._batch:
            with self._read:
                if came is self._came:
                    self._upto = self._batch[-1][0]
                self._read.notify_all()
            self._batch = []

    def _spread(self, shelves: Iterable[Shelf]) -> None:
        """Share what only this hub has. Raises LogTrouble or sqlite3.Error."""
        for shelf in shelves:
            news = (row for row in shelf.rows() if self._is_news(row))
            if isinstance(shelf, SharedBlobs):
                shelf.give(news)
                continue
            for some in _some(news):
                self._client.call(lambda some=some: self._put_all(some), SHARE_S * 4)  # type: ignore[misc]

    def _spread_secrets(self, vault: Shelf | None) -> None:
        """Looked at when somebody has written: a year of them takes a second."""
        if not isinstance(vault, Vault):
            return
        self._unspread = vault.changed() or self._unspread
        if self._unspread:
            self._spread([vault])
            self._unspread = False

    def _is_news(self, row: Row) -> bool:
        if 0 < row.until < time.time_ns():
            return False  # the servers have forgotten it, or may
        subject = self._subject(row)
        if len(row.told) > self._client.part_bytes - SPARE_BYTES:
            if subject not in self._unfit:
                log.error("a row (%s) of %d bytes is too large for the servers: not shared", row.kind, len(row.told))
            self._unfit.add(subject)
            return False
        known = self._known.get(subject)
        return known is None or (row.rev > known.rev and zlib.crc32(row.told) != known.crc)

    async def _put_blob_row(self, row: Row) -> None:
        await self._put(row, SHARE_S)

    async def _put_all(self, rows: Sequence[Row]) -> None:
        await asyncio.gather(*(self._put(row, SHARE_S * 3) for row in rows))

    def _tidy(self) -> bool:
        """Let the servers forget some of what is over; is there more? Any hub may, and may do it again."""
        now_ns = time.time_ns()
        over = [(subject, known) for subject, known in list(self._known.items()) if 0 < known.until < now_ns]
        some = over[:TIDY_MOST]

        async def purge() -> None:
            for subject, known in some:
                if self._known.get(subject) is known:
                    await self._client.js().purge_stream(self._name, subject=subject)
                    self._known.pop(subject, None)

        self._client.call(purge, SHARE_S)
        return len(over) > len(some)


def _each(shelves: dict[str, Shelf]) -> list[Shelf]:
    """Each shelf once, in order."""
    return list({id(shelf): shelf for shelf in shelves.values()}.values())


def _waiting(here: queue.SimpleQueue[Row]) -> Iterator[Row]:
    """All that is in it now."""
    with contextlib.suppress(queue.Empty):
        while True:
            yield here.get_nowait()


def _take(shelf: Shelf, rows: Sequence[Row]) -> None:
    """Together; where one of them cannot be read the others count."""
    try:
        shelf.take(rows)
    except _UNFIT:
        for row in rows:
            try:
                shelf.take([row])
            except _UNFIT as error:
                log.error("a row that the hubs share (%s) cannot be read: %s", row.kind, error)


def _some(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """AT_ONCE at a time."""
    rest = iter(rows)
    while some := list(islice(rest, AT_ONCE)):
        yield some
