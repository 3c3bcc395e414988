"""Checks of blobs: pictures come in parts, under their hash, are kept whole or not at all, and are there for the record
that names them. A backend may do without BLOBGET and BLOBPUT; a picture that was kept stays."""

from __future__ import annotations

import hashlib
import itertools
import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from backends.conform.actor import NOT_ALLOWED, Actor, acting, needs_session
from backends.conform.registry import Checks
from backends.conform.reporting import taken_in
from backends.conform.room import Room
from backends.conform.wire import Failed, NotOffered, Peer, Skipped, name_of
from backends.conform.writing import written
from backends.domain.access import Right
from backends.domain.action import PICTURES, Verb
from backends.protocol.messages import BLOB_PART, Blob, BlobGet, BlobKept, BlobPut

CHECKS = Checks()
check = CHECKS.check
PNG = "image/png"
SIDE = 320
"""Pixels; of noise, which no compression makes smaller: two parts."""
_requests = itertools.count(1)


def noise(side: int = SIDE) -> bytes:
    """A picture that nobody has seen before."""
    rows = b"".join(b"\0" + os.urandom(3 * side) for _ in range(side))
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows, 0)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def name(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def cut(data: bytes) -> list[bytes]:
    return [data[at : at + BLOB_PART] for at in range(0, len(data), BLOB_PART)]


def _question(peer: Peer, data: bytes, number: int, **other: Any) -> BlobPut:
    question = BlobPut(next(_requests), name(data), PNG, len(data), number, len(cut(data)), peer.token)
    return msgspec.structs.replace(question, **other)


def put(peer: Peer, data: bytes, number: int, **other: Any) -> BlobKept:
    """The answer to one part; `other` fields than those of the picture. Raises Failed where it is about another one."""
    question = _question(peer, data, number, **other)
    kept: BlobKept = peer.ask(question, BlobKept, data=cut(data)[number - 1] if number <= len(cut(data)) else b"")
    if kept.blob != question.blob:
        raise Failed(f"{name_of(question)} was answered for {kept.blob!r}")
    return kept


def keep(peer: Peer, data: bytes, first: int = 1) -> None:
    """All parts from `first` on, in order. Raises Failed where one is not kept."""
    for part in range(first, len(cut(data)) + 1):
        kept = put(peer, data, part)
        if (kept.part, kept.code) != (part, ""):
            raise Failed(f"part {part} of {len(cut(data))} of a picture was answered by part {kept.part} {kept.code}")


def get(peer: Peer, blob: str) -> tuple[bytes, Blob] | None:
    """The whole of it and its last part's words; None where the backend has no such blob. Raises Failed."""
    question = BlobGet(next(_requests), blob)
    answer: Blob = peer.ask(question, Blob)
    if answer.code:
        if answer.code != "unknown":
            raise Failed(f"{name_of(question)} ended as {answer.code}")
        return None
    got = peer.last_data
    for part in range(2, answer.parts + 1):
        answer = peer.answer(question, Blob)
        if answer.part != part:
            raise Failed(f"{name_of(question)}: part {part} says {answer.part}")
        got += peer.last_data
    if name(got) != blob or len(got) != answer.size:
        raise Failed(f"{name_of(question)} brought {len(got)} bytes of {answer.size}, SHA-256 {name(got)}")
    return got, answer


@contextmanager
def _album(room: Room) -> Iterator[Actor]:
    """Who may send pictures. Raises NotOffered or Skipped."""
    with acting(room) as actor:
        _offers(room, actor)
        if not actor.grants(Right.COMMENT):
            raise Skipped(f"{actor.id} may not comment, so send no pictures: let somebody else sit there (--person ID)")
        yield actor


def _offers(room: Room, actor: Actor) -> None:
    """Raises NotOffered where blobs are not known; Failed where records name some nonetheless."""
    if "BLOB" in room.absent:
        raise NotOffered(room.absent["BLOB"])
    peer = actor.peer
    if not peer.answers(BlobGet(next(_requests), name(b"conform")), Blob):
        for feed in ("reports", "cameras"):
            for id_, record in actor.records(feed).items():
                if named := [*getattr(record, "before", ()), *getattr(record, "after", ())]:
                    raise Failed(f"{feed} {id_} names the picture {named[0]}, and BLOBGET gets no answer")
        room.absent["BLOB"] = "BLOBGET gets no answer, and no record names a picture"
    elif not peer.answers(_question(peer, noise(1), 1, blob="conform"), BlobKept, data=noise(1)):
        room.absent["BLOB"] = "BLOBPUT gets no answer"
    else:
        return
    raise NotOffered(room.absent["BLOB"])


@check("blob", "a picture is kept part by part under its SHA-256, and given back as it was, to everybody who asks")
def blob(room: Room) -> str:
    with _album(room) as actor:
        data = noise()
        if get(actor.peer, name(data)) is not None:
            raise Failed("a picture that was never sent is given")
        keep(actor.peer, data)
        with room.joined() as (again, _):
            found = get(again, name(data))
            if found is None or found[0] != data or found[1].media != PNG:
                raise Failed(f"a picture of {len(data)} bytes was kept; given is {found[1] if found else 'nothing'}")
        kept = put(actor.peer, data, 1)
        if (kept.part, kept.code) != (len(cut(data)), ""):
            raise Failed(f"the first part of what is here was answered by part {kept.part} {kept.code}")
    return f"{len(data)} bytes in {len(cut(data))} parts"


@check("blob-resumed", "a picture that was cut off goes on where it was; what comes out of turn says how far it is")
def blob_resumed(room: Room) -> str:
    data = noise()
    with _album(room) as actor:
        if (kept := put(actor.peer, data, 2)).part != 0 or kept.code:
            raise Failed(f"the second part of what is not here was answered by part {kept.part} {kept.code}")
        put(actor.peer, data, 1)
        if get(actor.peer, name(data)) is not None:
            raise Failed("half a picture is given as a whole one")
    with _album(room) as actor:
        if (kept := put(actor.peer, data, 1)).part != 1:
            raise Failed(f"over a new connection the first part, sent again, was answered by part {kept.part}")
        keep(actor.peer, data, 2)
        if get(actor.peer, name(data)) is None:
            raise Failed("a picture that was sent over two connections is not there")
    return "after the first part"


@check("blob-refused", "what is too large, no picture, or not what its hash says is refused, and not kept")
def blob_refused(room: Room) -> str:
    with _album(room) as actor:
        data, small = noise(), noise(8)
        most = actor.welcome.limits.blob
        cases: list[tuple[str, bytes, int, dict[str, Any]]] = [
            ("bad_hash", small, 1, {"blob": "conform"}),
            ("bad_hash", small, 1, {"blob": name(small).upper()}),
            ("bad_hash", small, 1, {"blob": name(data + b"conform")}),
            ("too_large", data, 1, {"size": most + 1, "parts": -(-(most + 1) // BLOB_PART)}),
            ("bad_part", data, 1, {"parts": 3}),
            ("bad_part", data, 1, {"size": len(data) + BLOB_PART}),
            ("bad_part", data, 3, {}),
            ("bad_part", small, 1, {"part": 0}),
            ("bad_part", small, 1, {"size": len(small) - 1}),
            ("bad_media", small, 1, {"media": "text/html"}),
            ("bad_media", small, 1, {"media": "image/jpeg"}),
        ]
        for code, sent, number, other in cases:
            kept = put(actor.peer, sent, number, **other)
            if kept.code != code or kept.part:
                raise Failed(
                    f"BLOBPUT with {other or f'part {number}'} ended as {kept.code!r}, {kept.part}, not {code}"
                )
        put(actor.peer, data, 1)
        if (kept := put(actor.peer, data, 2, media="video/mp4")).code != "bad_media":
            raise Failed(f"a last part that says it is a video ended as {kept.code!r}, {kept.part}, not bad_media")
        for one in (data, small):
            if get(actor.peer, name(one)) is not None:
                raise Failed("a picture that was refused is given")
    return ", ".join(dict.fromkeys(code for code, *_ in cases))


@check("blob-session", "nobody sends a picture without a session")
def blob_session(room: Room) -> str:
    with acting(room) as actor:
        needs_session(actor)
        _offers(room, actor)
        data = noise(8)
        for token in ("", "conform-no-such-session"):
            kept = put(actor.peer, data, 1, token=token)
            if kept.code != NOT_ALLOWED:
                raise Failed(f"without a session BLOBPUT ended as {kept.code!r}, {kept.part}, not {NOT_ALLOWED}")
        if get(actor.peer, name(data)) is not None:
            raise Failed("a picture that nobody sent is given")
    return NOT_ALLOWED


@check("blob-named", "a picture that was kept is there when the record comes that names it")
def blob_named(room: Room) -> str:
    with _album(room) as actor:
        data = noise()
        keep(actor.peer, data)
        if actor.grants(Verb.LOG):
            entry = actor.action(Verb.LOG, "timeline", "", text="conform: a picture", **{PICTURES: name(data)})
            where, named = "the entry", written(actor, entry).pictures
        elif actor.grants(Verb.INTAKE):
            where, named = "the report", taken_in(actor, **{PICTURES: name(data)}).before
        else:
            raise Skipped(f"{actor.id} may neither write the logbook nor take in a report: let an operator sit there")
        if named != (name(data),):
            raise Failed(f"{where} names the pictures {named}, not {name(data)}")
        with room.joined() as (again, _):
            if get(again, named[0]) is None:
                raise Failed(f"{where} names a picture that was kept before, and BLOBGET does not know it")
    return where
