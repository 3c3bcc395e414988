"""What a decoder worker may still do: decode, and nothing that a hostile stream would want of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.clips import write_clip
from helpers.picture_rig import rig, until

from backends.domain.camera import Demand
from backends.domain.picture import Decoding
from backends.video.broker import BrokerSettings
from backends.video.sandbox import ADDRESS_BYTES, DATA_BYTES, offered

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux takes the rights away")

_TRIES = """
import json, os, signal, socket, subprocess, sys, threading
from pathlib import Path
folder = Path(sys.argv[1])
if sys.argv[2] == "confined":
    from backends.video.sandbox import confine
    held = confine()
    assert all(part.holds for part in held if part.name in sys.argv[3].split(",")), held

def tried(act):
    try:
        act()
    except OSError as error:
        return type(error).__name__
    return "done"

def child():
    if not (pid := os.fork()):
        os._exit(0)
    os.waitpid(pid, 0)

def decode():
    import av
    with av.open(str(folder / "clip.mp4")) as container:
        frames = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
    if len(frames) < 10:
        raise OSError

def thread():
    one = threading.Thread(target=lambda: None)
    one.start()
    one.join()

shared = Path("/dev/shm") / sys.argv[4]
said = {
    "make a file": tried(lambda: (folder / "new").write_text("x")),
    "change a file": tried(lambda: (folder / "old").write_text("x")),
    "remove a file": tried(lambda: (folder / "gone").unlink()),
    "make a folder": tried(lambda: (folder / "dir").mkdir()),
    "run a program": tried(lambda: subprocess.run(["/bin/true"], check=True)),
    "start a process": tried(child),
    "signal its parent": tried(lambda: os.kill(os.getppid(), 0)),
    "write shared memory": tried(lambda: os.close(os.open(shared, os.O_RDWR))),
    "start a thread": tried(thread),
    "open a socket": tried(lambda: socket.socket().close()),
    "decode": tried(decode),
}
print(json.dumps(said))
"""
_TAKEN = ("make a file", "change a file", "remove a file", "make a folder", "run a program", "start a process",
          "signal its parent")  # fmt: skip
_LEFT = ("write shared memory", "start a thread", "open a socket", "decode")


def tries(folder: Path, how: str, shared: str) -> dict[str, str]:
    write_clip(folder / "clip.mp4", seconds=1.0)
    for name in ("old", "gone"):
        (folder / name).write_text("kept")
    names = ",".join(part.name for part in offered() if part.holds)
    done = subprocess.run(
        [sys.executable, "-c", _TRIES, str(folder), how, names, shared], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    said: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return said


def test_it_decodes_and_cannot_write_a_file_or_start_a_process(tmp_path: Path) -> None:
    missing = [part for part in offered() if not part.holds]
    if missing:
        pytest.skip(f"this system does not offer {missing}")
    shared = Path("/dev/shm/ioc-test-sandbox")
    shared.write_bytes(b"\0" * 16)
    try:
        said = tries(tmp_path, "confined", shared.name)
        assert {what: said[what] for what in _TAKEN} == dict.fromkeys(_TAKEN, "PermissionError")
        assert {what: said[what] for what in _LEFT} == dict.fromkeys(_LEFT, "done")
        assert (tmp_path / "old").read_text() == "kept"
        assert tries(tmp_path, "free", shared.name) == dict.fromkeys([*_TAKEN, *_LEFT], "done"), "the control"
    finally:
        shared.unlink()


def limit_of(pid: int, name: str) -> str:
    lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
    return next(line for line in lines if line.startswith(name)).removeprefix(name).split()[0]


def test_a_real_worker_is_confined_and_says_so(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", seconds=1.0)
    log = tmp_path / "pictures.log"
    with rig(BrokerSettings(workers=1, log_file=str(log))) as running:
        shown = Demand("c1", f"file:{clip}", 64, 36)
        running.show(shown)
        running.until_moving(shown)
        (pid,) = running.broker.worker_pids()
        status = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        limits = Path(f"/proc/{pid}/limits").read_text()
        assert status["NoNewPrivs"].strip() == "1"
        names = {part.name for part in offered() if part.holds}
        assert status["Seccomp"].strip() == ("2" if "seccomp" in names else "0")
        assert limit_of(pid, "Max address space") == str(ADDRESS_BYTES)
        core = next(line for line in limits.splitlines() if line.startswith("Max core file size"))
        assert core.split()[4:6] == ["0", "0"], "a core dump would hold pictures and passwords"
        until(lambda: "reduced rights: " in log.read_text(), 5.0)
        assert all(name in log.read_text() for name in names)


def test_a_real_worker_that_finds_no_device_decodes_and_says_so(tmp_path: Path) -> None:
    """On a machine without such a device; with one, that it is used."""
    clip = write_clip(tmp_path / "clip.mp4", seconds=1.0)
    log = tmp_path / "pictures.log"
    with rig(BrokerSettings(workers=1, log_file=str(log), hardware="cuda")) as running:
        shown, other = Demand("c1", f"file:{clip}", 64, 36), Demand("c2", f"file:{clip}", 64, 36)
        running.show(shown, other)
        for one in (shown, other):
            running.until_moving(one)
            status = running.status(one)
            assert status.device == "cuda"
            assert status.decoding in (Decoding.ABSENT, Decoding.DEVICE)
            assert status.reconnects == 0
        (pid,) = running.broker.worker_pids()
        assert limit_of(pid, "Max address space") == limit_of(os.getpid(), "Max address space"), "drivers reserve much"
        assert limit_of(pid, "Max data size") == str(DATA_BYTES)
        if status.decoding is Decoding.ABSENT:
            until(lambda: "cuda does not open" in log.read_text(), 5.0)
            assert log.read_text().count("cuda does not open") == 1
