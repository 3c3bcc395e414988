"""The example backend of docs/protocol/example-backend, built as its README says and run as a process."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Self

import zmq
import zmq.auth

from backends.conform.wire import Place

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "docs" / "protocol" / "example-backend" / "backend.cpp"
COMMAND = ("g++", "-std=c++17", "-o")
LIBRARIES = ("-lzmq", "-lsqlite3")
START_S = 20.0


def build() -> Path:
    """The program; built once for each text of its source, kept under build/."""
    mark = hashlib.sha256(SOURCE.read_bytes() + repr((COMMAND, LIBRARIES)).encode()).hexdigest()[:16]
    program = ROOT / "build" / "example-backend" / mark / "backend"
    if not program.exists():
        program.parent.mkdir(parents=True, exist_ok=True)
        beside = program.with_name(f"backend-{os.getpid()}")
        done = subprocess.run(
            [*COMMAND, str(beside), str(SOURCE), *LIBRARIES], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-3000:]
        os.replace(beside, program)
    return program


def compiler() -> str | None:
    """Where g++ is, None on a machine that has none."""
    return shutil.which("g++")


class ExampleBackend:
    """One station, `desk-1`, is authorised. Context manager."""

    def __init__(self, folder: Path, ctl: str, live: str) -> None:
        self.folder = folder
        self._ends = ctl, live
        stations = folder / "stations"
        stations.mkdir(parents=True)
        self.certificate = Path(zmq.auth.create_certificates(folder, "desk-1")[1])
        shutil.move(folder / "desk-1.key", stations)
        self.child: subprocess.Popen[str] | None = None
        self.public_key = ""

    def start(self) -> None:
        """Start (again) and wait for its word."""
        self.child = subprocess.Popen(
            [build(), self.folder, *self._ends], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self.child.stdout is not None
        guard = threading.Timer(START_S, self.child.kill)
        guard.start()
        try:
            words = self.child.stdout.readline().split()
        finally:
            guard.cancel()
            guard.join()
        assert words[:1] == ["ready,"], (words, self.stop())
        self.public_key = words[-1]

    def kill(self) -> None:
        assert self.child is not None
        self.child.kill()
        self._reap()

    def stop(self) -> tuple[int, str]:
        """SIGTERM; its exit status and what it complained about."""
        assert self.child is not None
        self.child.terminate()
        return self._reap()

    def _reap(self) -> tuple[int, str]:
        assert self.child is not None
        _, complaints = self.child.communicate(timeout=START_S)
        return self.child.returncode, complaints

    def place(self) -> Place:
        public, secret = zmq.auth.load_certificate(self.certificate)
        assert secret is not None
        ctl, live = self._ends
        return Place(ctl, self.public_key, public.decode(), secret.decode(), "desk-1", live)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.child is not None and self.child.returncode is None:
            self.kill()
