"""Small files that only this station may have written: JSON with a MAC under a key made from the station's own.

A file that was changed, or copied from another station, does not open. What `write` sealed can be read by whoever can
read the file; secrets go through `write_hidden`, which takes the station's key to read. Must not: be taken for more
than that: whoever has the key file too (a folder of its own, for this user only) reads everything.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import os
from pathlib import Path
from typing import Any, TypeVar

import msgspec

_T = TypeVar("_T")
_NONCE = 24


class BadSeal(Exception):
    """The file is another station's, or somebody changed it."""


class _Sealed(msgspec.Struct):
    body: msgspec.Raw
    mac: str


class Seal:
    """Seals and opens. The key is made from the station's secret CURVE key, so the two belong together."""

    def __init__(self, station_secret: str, station: str, mode: str) -> None:
        self.key = hashlib.blake2b(
            f"{station}\0{mode}".encode(), key=station_secret.encode()[:64], person=b"ioc-seal-1"
        ).digest()
        self._hiding = hashlib.blake2b(self.key, person=b"ioc-hide-1").digest()

    def __repr__(self) -> str:
        return "Seal(...)"

    def mac(self, raw: bytes) -> str:
        return hmac.new(self.key, raw, hashlib.sha256).hexdigest()

    def write(self, path: Path, value: Any) -> None:
        """Whole or not at all, on disk when this returns, for this user only. Raises OSError.

        On Windows the rights are those of the folder: a profile's belong to its user alone.
        """
        body = msgspec.json.encode(value)
        raw = msgspec.json.encode(_Sealed(msgspec.Raw(body), self.mac(body)))
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        with contextlib.suppress(FileNotFoundError):
            beside.unlink()
        fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)

    def read(self, path: Path, kind: type[_T]) -> _T | None:
        """None: there is no such file. Raises BadSeal, OSError."""
        try:
            raw = path.read_bytes()
        except FileNotFoundError:
            return None
        try:
            sealed = msgspec.json.decode(raw, type=_Sealed)
            if not hmac.compare_digest(self.mac(bytes(sealed.body)), sealed.mac):
                raise BadSeal(path.name)
            return msgspec.json.decode(sealed.body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, TypeError) as error:
            raise BadSeal(path.name) from error

    def write_hidden(self, path: Path, value: Any) -> None:
        """As `write`, and unreadable without the station's key."""
        nonce = os.urandom(_NONCE)
        self.write(path, base64.b64encode(nonce + self._masked(nonce, msgspec.json.encode(value))).decode())

    def read_hidden(self, path: Path, kind: type[_T]) -> _T | None:
        """None: there is no such file. Raises BadSeal, OSError."""
        text = self.read(path, str)
        if text is None:
            return None
        try:
            raw = base64.b64decode(text, validate=True)
            return msgspec.json.decode(self._masked(raw[:_NONCE], raw[_NONCE:]), type=kind)
        except (ValueError, UnicodeDecodeError) as error:  # msgspec's errors are ValueErrors
            raise BadSeal(path.name) from error

    def _masked(self, nonce: bytes, raw: bytes) -> bytes:
        """There and back: exclusive or with a keyed SHAKE-256 stream (FIPS 202) that a nonce makes unique. The seal is
        put on what comes out, and looked at before it is read."""
        stream = hashlib.shake_256(self._hiding + nonce).digest(len(raw))
        return (int.from_bytes(raw, "big") ^ int.from_bytes(stream, "big")).to_bytes(len(raw), "big")
