"""People at a real hub: accounts, signing in by hand, and a hub in this process whose parts a test may spoil."""

from __future__ import annotations

import functools
import hashlib
import json
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from helpers.hub_process import CHEAP, READY_FILE, WireClient
from helpers.tiny_city import TinyCity
from helpers.waiting import wait_for

from backends.domain.people import Role
from backends.hub import passwords, stages
from backends.hub.accounts import FILE, AccountBook
from backends.hub.keys import authorise, ensure_station_keys
from backends.hub.main import HubSettings, Ready, read_ready, run
from backends.protocol.messages import BLOB_PART

SECRET = "con đường nhỏ bên sông"
PEOPLE = {
    Role.OPERATOR: ("ha", "Nguyễn Thu Hà"),
    Role.SHIFT_LEAD: ("lan", "Lê Ngọc Lan"),
    Role.TRAINER: ("son", "Phạm Sơn"),
    Role.ADMIN: ("tuan", "Hồ Tuấn"),
    Role.VIEWER: ("khach", "Khách Xem"),
}


def make_accounts(folder: Path) -> None:
    """One person of each role, all with SECRET."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).touch(0o600)
    (folder / FILE).write_bytes(_accounts())


@functools.cache
def _accounts() -> bytes:
    """The file with them, made once a run, with hashes that are cheap to check."""
    with tempfile.TemporaryDirectory() as made, mock.patch.object(passwords, "_HASHER", CHEAP):
        book = AccountBook(Path(made))
        for role, (person, name) in PEOPLE.items():
            book.add(person, name, name.split(maxsplit=1)[1], role, SECRET)
        book.close()
        (file,) = Path(made).iterdir()  # alone: what a -wal still held would be lost
        return file.read_bytes()


def sign_in(client: WireClient, person: str, secret: str = SECRET) -> dict[str, Any]:
    """SIGNED; the client goes on under its token."""
    signed = client.ask("SIGNIN", request=1, person=person, secret=secret)
    assert signed["msg"] == "SIGNED"
    client.token = signed.get("token", "")
    return signed


def put_blob(client: WireClient, data: bytes, media: str = "image/jpeg", *, first: int = 1) -> list[dict[str, Any]]:
    """BLOBKEPT of each part from `first` on, up to the first that says something else than asked for."""
    name = hashlib.sha256(data).hexdigest()
    parts = max(1, -(-len(data) // BLOB_PART))
    answers = []
    for part in range(first, parts + 1):
        head = {"request": part, "blob": name, "media": media, "size": len(data), "part": part, "parts": parts}
        client.send_data("BLOBPUT", data[(part - 1) * BLOB_PART : part * BLOB_PART], **head, token=client.token)
        answers.append(client.answer())
        if answers[-1].get("code") or answers[-1]["part"] != part:
            break
    return answers


def get_blob(client: WireClient, name: str, request: int = 1) -> tuple[bytes, str]:
    """(bytes, media) of a blob, from its parts in order."""
    client.send("BLOBGET", request=request, blob=name)
    got, part, parts, media = b"", 0, 1, ""
    while part < parts:
        assert client.ctl.poll(20_000), f"no part after {part}"
        _, raw, data = client.ctl.recv_multipart()
        head = json.loads(raw)
        assert (head["msg"], head["request"], head.get("part", 1)) == ("BLOB", request, part + 1)
        part, parts, media = head.get("part", 1), head.get("parts", 1), head["media"]
        got += data
    return got, media


@contextmanager
def hub_here(
    folder: Path, *, stations: tuple[str, ...] = ("desk-1", "desk-2"), slow_s: float = 30.0, **more: Any
) -> Iterator[Ready]:
    """A hub in a thread of this process. `slow_s`: what it calls slow; a loaded machine's disk is no matter of ours."""
    for station in stations:
        authorise(folder / "authorised", ensure_station_keys(folder / "keys", station))
    settings = HubSettings(str(folder), str(folder / "authorised"), str(folder / "keys"), **more)
    stop = threading.Event()
    status: list[int] = []

    def serve() -> None:
        with mock.patch.object(stages, "SLOW_S", slow_s):
            status.append(run(settings, stop, lambda _, start_ns: TinyCity(start_ns, past_s=60)))

    thread = threading.Thread(target=serve, name="hub")
    (folder / READY_FILE).unlink(missing_ok=True)
    thread.start()
    try:
        yield wait_for("the hub is ready", lambda: read_ready(folder / READY_FILE))
    finally:
        stop.set()
        thread.join()
        assert status == [0]


def client_at(folder: Path, ready: Ready, station: str = "desk-1") -> WireClient:
    return WireClient(ready, ensure_station_keys(folder / "keys", station))
