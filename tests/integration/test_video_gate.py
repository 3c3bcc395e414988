"""The opening gate over several worker processes: never more openings than places, and no place lost by a death."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from backends.video.backoff import OpeningGate, gate_file
from backends.video.segment import Segments, remove_leftovers

PLACES = 3
_MANY = """
import os, sys, threading, uuid
from backends.video.backoff import OpeningGate
shared, folder, places = sys.argv[1], sys.argv[2], int(sys.argv[3])
OpeningGate.HOLD_S = 600.0
gate, stop = OpeningGate(places), threading.Event()
if shared:
    gate.share(shared)
print("ready", flush=True)
sys.stdin.readline()
most = 0
def one():
    global most
    for _ in range(15):
        gate.enter(threading.get_ident(), stop)
        mark = os.path.join(folder, uuid.uuid4().hex)
        open(mark, "w").close()
        for _ in range(3):
            most = max(most, len(os.listdir(folder)))
            threading.Event().wait(0.001)
        os.unlink(mark)
        gate.leave(threading.get_ident())
threads = [threading.Thread(target=one) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(most, flush=True)
"""
_HOLDER = """
import sys, threading
from backends.video.backoff import OpeningGate
OpeningGate.HOLD_S = float(sys.argv[3])
gate = OpeningGate(int(sys.argv[2]))
gate.share(sys.argv[1])
for who in range(int(sys.argv[2])):
    gate.enter(who, threading.Event())
print("held", flush=True)
sys.stdin.readline()
"""


@contextmanager
def child(code: str, *words: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", code, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().strip()
        yield process
    finally:
        process.kill()
        process.communicate()


def most_at_once(shared: str, folder: Path) -> int:
    """Openings at the same time, seen by three processes of four threads."""
    with ExitStack() as all_of_them:
        children = [all_of_them.enter_context(child(_MANY, shared, str(folder), str(PLACES))) for _ in range(3)]
        for process in children:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        return max(int(process.communicate()[0]) for process in children)


def test_all_workers_together_keep_to_the_places(tmp_path: Path) -> None:
    (tmp_path / "marks").mkdir()
    (tmp_path / "gate").touch()
    assert most_at_once(str(tmp_path / "gate"), tmp_path / "marks") <= PLACES


def test_without_a_shared_file_they_do_not(tmp_path: Path) -> None:
    """The negative control of the test above."""
    assert most_at_once("", tmp_path) > PLACES


@pytest.fixture
def gate(tmp_path: Path) -> OpeningGate:
    (tmp_path / "gate").touch()
    ours = OpeningGate(PLACES)
    ours.share(str(tmp_path / "gate"))
    return ours


def test_a_dead_process_lets_go_and_a_living_one_is_waited_for(gate: OpeningGate, tmp_path: Path) -> None:
    entered, stop = threading.Event(), threading.Event()
    with child(_HOLDER, str(tmp_path / "gate"), str(PLACES), "600") as holder:
        waiting = threading.Thread(target=lambda: (gate.enter(1, stop), entered.set()))
        waiting.start()
        assert not entered.wait(0.3)
        holder.kill()
        assert entered.wait(30)
        waiting.join()
    gate.leave(1)


def test_mute_cameras_of_another_process_keep_nobody_waiting(gate: OpeningGate, tmp_path: Path) -> None:
    with child(_HOLDER, str(tmp_path / "gate"), str(PLACES), "0.2") as holder:
        gate.enter(1, threading.Event())
        assert holder.poll() is None, "its openings go on, and so does it"
    gate.leave(1)


def test_stop_ends_the_wait_for_another_process(gate: OpeningGate, tmp_path: Path) -> None:
    stop = threading.Event()
    with child(_HOLDER, str(tmp_path / "gate"), str(PLACES), "600"):
        waiting = threading.Thread(target=gate.enter, args=(1, stop))
        waiting.start()
        stop.set()
        waiting.join(30)
        assert not waiting.is_alive()


@pytest.mark.skipif(sys.platform == "win32", reason="there a run has no lock file")
def test_the_gate_of_a_run_is_its_lock_file() -> None:
    segments = Segments()
    try:
        path = gate_file(segments.create(1, 4096)[0])
        with child(_HOLDER, path, str(PLACES), "600"):
            ours = OpeningGate(PLACES + 1)
            ours.share(path)
            ours.enter(1, threading.Event())
        ours.leave(1)
        assert not segments_left(segments), "who looks for leftovers still sees that this run lives"
    finally:
        segments.close()
    with pytest.raises(FileNotFoundError):
        OpeningGate().share(path)


def segments_left(segments: Segments) -> list[str]:
    return [name for name in remove_leftovers() if segments.run in name]
