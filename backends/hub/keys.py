"""CURVE key pairs in pyzmq's own certificate files, and the folder of authorised stations.

A station's certificate is named after the station; that file name is the only identity the hub
trusts. Secret files are created with mode 0600 (on Windows the profile's own rights guard them).
Must not: log a secret key, or accept a name that could leave the folder.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path

import msgspec
import zmq.auth

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
HUB_NAME = "hub"
PUBLIC_SUFFIX = ".key"
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
    """Let `pair`'s station join a hub that watches `folder`: its public key alone is written there."""
    _check_name(pair.name)
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{pair.name}{PUBLIC_SUFFIX}"
    _write_certificates(folder, pair.name, pair, public_only=True)
    return target


def revoke(folder: Path, station: str) -> None:
    """Take a station's key out of the folder; the hub drops its live session within two seconds."""
    _check_name(station)
    (folder / f"{station}{PUBLIC_SUFFIX}").unlink(missing_ok=True)


def load_public(path: Path) -> bytes:
    """Z85 public key of a certificate file. Raises OSError or ValueError."""
    public, _ = zmq.auth.load_certificate(path)
    if len(public) != 40:
        raise ValueError(f"{path.name}: a public key has 40 characters, this one {len(public)}")
    return public


def read_authorised(folder: Path) -> dict[bytes, str]:
    """Z85 public key -> station, of every certificate in the folder. Raises OSError when it is not there.

    A file that cannot be read leaves its station out; it never lets anybody in.
    """
    stations: dict[bytes, str] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix != PUBLIC_SUFFIX or not _NAME.fullmatch(path.stem):
            continue
        try:
            stations[load_public(path)] = path.stem
        except (OSError, ValueError):
            continue
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


def _write_certificates(folder: Path, name: str, pair: KeyPair, *, public_only: bool = False) -> None:
    """Written in a private folder beside and moved, so that no half file and no open secret is ever seen."""
    private = Path(tempfile.mkdtemp(prefix=".new-", dir=folder))
    try:
        files = [(PUBLIC_SUFFIX, None)] if public_only else [(PUBLIC_SUFFIX, None), (SECRET_SUFFIX, pair.secret)]
        for suffix, secret in files:
            path = private / f"{name}{suffix}"
            path.write_text(_certificate(pair.public, secret), encoding="ascii")
            os.chmod(path, 0o644 if secret is None else 0o600)
            os.replace(path, folder / path.name)
    finally:
        shutil.rmtree(private, ignore_errors=True)


def _certificate(public: bytes, secret: bytes | None) -> str:
    """The text that `zmq.auth.load_certificate` reads (ZPL)."""
    lines = [
        "#   ZeroMQ CURVE " + ("**Secret** Certificate: keep it to this machine" if secret else "Public Certificate"),
        "metadata",
        "curve",
        f'    public-key = "{public.decode()}"',
    ]
    if secret is not None:
        lines.append(f'    secret-key = "{secret.decode()}"')
    return "\n".join(lines) + "\n"
