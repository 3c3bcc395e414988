"""CURVE key pairs in pyzmq's own certificate files, and the folder of authorised stations.

A station's certificate is named after the station; that file name is the only identity the hub
trusts. Secret files are created with mode 0600 (on Windows the profile's own rights guard them).
A key that is being replaced stays beside the new one as `<station>~old.key`, with the moment of its end.
Must not: log a secret key, or accept a name that could leave the folder.
"""

from __future__ import annotations

import errno
import math
import os
import re
import shutil
import tempfile
import time
from pathlib import Path

import msgspec
import zmq.auth

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
HUB_NAME = "hub"
PUBLIC_SUFFIX = ".key"
OLD = "~old"
"""No station name holds a `~`."""
PASSING = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO)
"""Errors of a file that tell of this process or machine, and not of the file."""
_UNTIL = re.compile(r'^\s*until\s*=\s*"(\d{1,12})"', re.MULTILINE)
SECRET_SUFFIX = ".key_secret"


class KeyPair(msgspec.Struct, frozen=True):
    """Z85 texts of a CURVE key pair (40 characters each)."""

    name: str
    public: bytes
    secret: bytes

    def __repr__(self) -> str:
        return f"KeyPair({self.name!r}, {self.public!r}, ...)"


def ensure_hub_keys(folder: Path) -> KeyPair:
    """The hub's own pair in `folder`, made at the first call. Raises OSError or ValueError."""
    return _ensure(folder, HUB_NAME)


def ensure_station_keys(folder: Path, station: str) -> KeyPair:
    """The pair of `station` in `folder`, made at the first call. Raises OSError or ValueError."""
    return _ensure(folder, station)


def authorise(folder: Path, pair: KeyPair) -> Path:
    """Let `pair`'s station join a hub that watches `folder`: its public key alone is written there.

    Raises ValueError when the key is another station's: then the hub could not tell them apart.
    """
    _check_name(pair.name)
    folder.mkdir(parents=True, exist_ok=True)
    other = read_authorised(folder).get(pair.public, pair.name)
    if other != pair.name:
        raise ValueError(f"that key is the key of station {other}")
    target = folder / f"{pair.name}{PUBLIC_SUFFIX}"
    _write_certificates(folder, pair.name, pair, public_only=True)
    return target


def rotate(folder: Path, pair: KeyPair, overlap_s: float) -> None:
    """Authorise a new key of a station; its old one is accepted for `overlap_s` more, then refused by itself.

    Raises ValueError when the station has no key yet, or has this one already.
    """
    _check_name(pair.name)
    path = folder / f"{pair.name}{PUBLIC_SUFFIX}"
    if not path.exists():
        raise ValueError(f"station {pair.name} has no authorised key to rotate: authorise the new one")
    old = load_public(path)
    if old == pair.public:
        raise ValueError(f"station {pair.name} has that key already")
    # The old one first: there is no moment at which the station has no key.
    until_s = int(time.time() + overlap_s)
    _write_certificates(folder, f"{pair.name}{OLD}", KeyPair("", old, b""), public_only=True, until_s=until_s)
    authorise(folder, pair)


def revoke(folder: Path, station: str, *, old_only: bool = False) -> bool:
    """Take a station's keys out of the folder (`old_only`: the one that is being replaced); were there any?

    The hub drops its live sessions within two seconds, and signs out who was signed in there.
    """
    _check_name(station)
    found = False
    for stem in (f"{station}{OLD}",) if old_only else (f"{station}{OLD}", station):
        path = folder / f"{stem}{PUBLIC_SUFFIX}"
        found |= path.exists()
        path.unlink(missing_ok=True)
    return found


def load_public(path: Path) -> bytes:
    """Z85 public key of a certificate file. Raises OSError or ValueError."""
    public, _ = zmq.auth.load_certificate(path)
    if len(public) != 40:
        raise ValueError(f"{path.name}: a public key has 40 characters, this one {len(public)}")
    return public


def read_authorised(folder: Path) -> dict[bytes, str]:
    """Z85 public key -> station, of every certificate that counts now. Raises OSError when the folder is not there."""
    return {key: station for key, (station, _) in read_authorised_until(folder).items()}


def read_authorised_until(folder: Path) -> dict[bytes, tuple[str, float]]:
    """Z85 public key -> (station, end in seconds of the wall clock, infinite for most).

    A file that cannot be read, or whose end cannot be read, leaves its key out; it never lets anybody in.
    Raises OSError where that says nothing about the file (PASSING).
    """
    stations: dict[bytes, tuple[str, float]] = {}
    for path in sorted(folder.iterdir()):
        old = path.stem.endswith(OLD)
        station = path.stem.removesuffix(OLD)
        if path.suffix != PUBLIC_SUFFIX or not _NAME.fullmatch(station):
            continue
        try:
            public = load_public(path)
            found = _UNTIL.search(path.read_text(encoding="ascii")) if old else None
        except OSError as error:
            if error.errno in PASSING:
                raise
            continue
        except ValueError:
            continue
        end_s = float(found[1]) if found is not None else 0.0 if old else math.inf
        if end_s > time.time() and end_s > stations.get(public, (station, 0.0))[1]:
            # A key that is named twice, while it is being replaced, counts until its later end.
            stations[public] = (station, end_s)
    return stations


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no station name: letters, digits, '_', '-' and '.', 64 at most")


def _ensure(folder: Path, name: str) -> KeyPair:
    _check_name(name)
    secret_file = folder / f"{name}{SECRET_SUFFIX}"
    if not secret_file.exists():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        public, secret = zmq.curve_keypair()
        _write_certificates(folder, name, KeyPair(name, public, secret))
    public, secret_or_none = zmq.auth.load_certificate(secret_file)
    if secret_or_none is None:
        raise ValueError(f"{secret_file.name} holds no secret key")
    return KeyPair(name, public, secret_or_none)


def _write_certificates(folder: Path, name: str, pair: KeyPair, *, public_only: bool = False, until_s: int = 0) -> None:
    """Written in a private folder beside and moved, so that no half file and no open secret is ever seen."""
    private = Path(tempfile.mkdtemp(prefix=".new-", dir=folder))
    try:
        files = [(PUBLIC_SUFFIX, None)] if public_only else [(PUBLIC_SUFFIX, None), (SECRET_SUFFIX, pair.secret)]
        for suffix, secret in files:
            path = private / f"{name}{suffix}"
            path.write_text(_certificate(pair.public, secret, until_s), encoding="ascii")
            os.chmod(path, 0o644 if secret is None else 0o600)
            os.replace(path, folder / path.name)
    finally:
        shutil.rmtree(private, ignore_errors=True)


def _certificate(public: bytes, secret: bytes | None, until_s: int = 0) -> str:
    """The text that `zmq.auth.load_certificate` reads (ZPL)."""
    lines = [
        "#   ZeroMQ CURVE " + ("**Secret** Certificate: keep it to this machine" if secret else "Public Certificate"),
        "metadata",
        *([f'    until = "{until_s}"'] if until_s else []),
        "curve",
        f'    public-key = "{public.decode()}"',
    ]
    if secret is not None:
        lines.append(f'    secret-key = "{secret.decode()}"')
    return "\n".join(lines) + "\n"
