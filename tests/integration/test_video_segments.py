"""Shared memory of pictures: allocated in full, kept from other processes' ends, tidied up after a kill."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from backends.video import segment

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="shared memory as files is Linux's")


@needs_linux
def test_segments_are_allocated_in_full_and_taken_away() -> None:
    segments = segment.Segments()
    name, memory = segments.create(1, 1 << 20)
    path = segment.SHM / name
    assert path.stat().st_blocks * 512 >= 1 << 20
    memory[0] = 7
    other = segment.attach(name)
    segments.remove(name)
    assert not path.exists()
    assert other[0] == 7
    segments.close()


@needs_linux
def test_too_little_memory_is_said_in_words_and_leaves_nothing() -> None:
    segments = segment.Segments()
    before = set(segment.SHM.iterdir())
    with pytest.raises(segment.NoPictureMemory, match="MB wanted"):
        segments.create(1, 1 << 50)
    assert set(segment.SHM.iterdir()) == before
    segments.close()


@needs_linux
def test_an_attaching_process_takes_nothing_away_at_its_end() -> None:
    segments = segment.Segments()
    name, _ = segments.create(1, 4096)
    program = f"from backends.video.segment import attach; attach({name!r})[0] = 5"
    subprocess.run([sys.executable, "-c", program], check=True, env={**os.environ, "PYTHONPATH": os.getcwd()})
    assert segment.attach(name)[0] == 5
    segments.close()


@needs_linux
def test_leftovers_of_the_dead_go_and_those_of_the_living_stay() -> None:
    living = segment.Segments()
    name, _ = living.create(1, 4096)
    dead = segment.SHM / f"{segment.PREFIX}dead{os.getpid():x}.lock"
    left = segment.SHM / f"{dead.stem}-3"
    dead.touch()
    left.touch()
    removed = segment.remove_leftovers()
    assert {dead.name, left.name} <= set(removed)
    assert (segment.SHM / name).exists()
    living.close()
